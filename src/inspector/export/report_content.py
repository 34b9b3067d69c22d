"""What a report tells: gathered by the worker, from the file and from what the window says of it in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.findings import Finding
from inspector.survey_rows import SurveyRow, row_bins, rows_from

#: What the name of a report may end in.
REPORT_SUFFIXES = (".html", ".htm")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReportWords:
    """What is said of a checkpoint in words, as the window says it.

    Attributes
    ----------
    title
        The file's name.
    verdict, safety
        What it is, and what its safety verdict means: a sentence or two each.
    tone
        ``"safe"``, ``"needs_trust"`` or ``"dangerous"``.
    facts
        Names and values, for a list.
    warnings
        Sentences.
    state_dicts
        Of each its path, role, wrapper, parameters, buffers and tensors.
    metadata, globals
        Names and values; functions and classes that the file names, and what each means.
    left_out
        Entries of the metadata that were too many.
    state_dict
        Which one is the model's, None where none is.
    official
        torchvision's own weights that the file is, or empty.
    """

    title: str
    verdict: str
    safety: str
    tone: str
    facts: Pairs = ()
    warnings: tuple[str, ...] = ()
    state_dicts: tuple[tuple[str, ...], ...] = ()
    metadata: Pairs = ()
    globals: Pairs = ()
    left_out: int = 0
    state_dict: int | None = None
    official: str = ""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ReportWords:
        """Read the words as they travel between processes."""
        tables = {name: tuple(map(tuple, data[name])) for name in ("facts", "state_dicts", "metadata", "globals")}
        return cls(**{**data, **tables, "warnings": tuple(data["warnings"])})


class Figures:
    """The figures of all tensors of a checkpoint, packed: half a MB for a thousand."""

    def __init__(self, tensors: int) -> None:
        self._rows: list[bytes] = [b""] * tensors
        self.bins = row_bins(tensors)
        self.problems: dict[int, str] = {}

    def __getitem__(self, tensor: int) -> SurveyRow | None:
        raw = self._rows[tensor]
        return next(rows_from(raw, self.bins)) if raw else None

    def fill(self, tensor: int, row: SurveyRow) -> None:
        """Set what is known of a tensor."""
        self._rows[tensor] = row.to_bytes()

    def fail(self, tensor: int, problem: str) -> None:
        """Set why a tensor could not be read."""
        self.problems[tensor] = problem


@dataclass(frozen=True, slots=True)
class Fit:
    """An architecture that the model resembles, with counts of its keys."""

    architecture: str
    score: float
    matched: int
    missing: int
    unexpected: int
    mismatched: int
    num_classes: int | None
    twins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightsPicture:
    """A picture of a tensor's weights.

    Attributes
    ----------
    png
        The file's bytes.
    caption, note
        What is seen, as `inspector.weights.picture.WeightPicture` says it.
    """

    tensor: int
    width: int
    height: int
    png: bytes
    caption: str
    note: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report tells.

    Attributes
    ----------
    match
        ``exact``, ``head``, ``part`` or ``none``; None where the file holds no model.
    made
        When and by what it was made.
    """

    words: ReportWords
    summary: CheckpointSummary
    figures: Figures
    findings: Sequence[Finding] = ()
    match: str | None = None
    fits: Sequence[Fit] = ()
    pictures: Sequence[WeightsPicture] = ()
    made: str = ""

    def name(self, tensor: int) -> str:
        """Return what a tensor is called; an optimizer's moment by its parameter."""
        summary = self.summary
        if (parameter := summary.moments[tensor]) >= 0:
            return f"{summary.key(parameter)} · {summary.names[tensor].rpartition('.')[2]}"
        return summary.names[tensor] or self.words.title

    def layers(self) -> list[int]:
        """Return the weights of the model, its parameters of two dimensions and more, in their order."""
        summary, model = self.summary, self.words.state_dict
        if model is None:
            return []
        return [
            tensor
            for tensor in summary.tensors_of(model)
            if summary.role(tensor) == "parameter" and summary.ndims[tensor] > 1 and summary.numel(tensor)
        ]


def known(figure: float) -> float | None:
    """Return a figure, None where there is none."""
    return None if math.isnan(figure) else figure
