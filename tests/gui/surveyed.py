"""Checkpoints whose tensors have been surveyed, for tests of what shows that."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session.state import OpenCheckpoint
from inspector.session.survey_state import Survey, SurveyFigures, SurveyPhase


def saved(path: Path, content: object) -> CheckpointSummary:
    """Save with torch, read as the reader does, and carry it over as the window gets it."""
    torch.save(content, path)
    return read(path)


def read(path: Path) -> CheckpointSummary:
    """Read a file as the reader does."""
    with open_checkpoint(path) as checkpoint:
        header, columns = encode(checkpoint)
    return CheckpointSummary(json.loads(json.dumps(header)), columns)


def fill(figures: SurveyFigures, tensor: int, values: torch.Tensor) -> None:
    """Fill a tensor's row with what numpy finds, independently of the program's own reckoning."""
    array = values.to(torch.float64).numpy()
    finite = array[np.isfinite(array)]
    figures.known[tensor] = 1
    figures.zeros[tensor] = int((array == 0).sum())
    figures.nan[tensor], figures.inf[tensor] = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    if array.ndim > 1:
        figures.dead[tensor] = int((array.reshape(len(array), -1) == 0).all(1).sum())
    if finite.size:
        low, high = float(finite.min()), float(finite.max())
        figures.minimum[tensor], figures.maximum[tensor] = low, high
        figures.mean[tensor], figures.std[tensor] = float(finite.mean()), float(finite.std())
        figures.norm[tensor] = math.sqrt(float((finite**2).sum()))
        counts, edges = np.histogram(finite, figures.bins)
        figures.low[tensor], figures.high[tensor] = float(edges[0]), float(edges[-1])
        for place, count in enumerate(counts):
            figures.counts[tensor * figures.bins + place] = int(count)


def surveyed(
    path: Path, content: dict[str, torch.Tensor], number: int = 1, *, phase: SurveyPhase = "ready"
) -> OpenCheckpoint:
    """Return a checkpoint of a flat state_dict whose tensors are all known."""
    summary = saved(path, content)
    figures = SurveyFigures(len(summary))
    for tensor, name in enumerate(summary.names):
        fill(figures, tensor, content[name])
    survey = Survey(phase, summary.size, summary.size, figures)
    found = OpenCheckpoint(number, path, phase="ready", summary=summary, state_dict=summary.model)
    return replace(found, survey=survey)
