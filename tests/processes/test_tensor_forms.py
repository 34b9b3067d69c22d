"""What the worker tells of filters is bounded, whatever a file claims that a filter is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles import tensor_forms
from inspector.weights import filters as module


def ask(tensor: torch.Tensor, path: Path, **params: Any) -> tuple[dict[str, Any], list[bytes]]:
    torch.save({"weight": tensor}, path)
    with open_checkpoint(path) as checkpoint:
        summary = CheckpointSummary(*encode(checkpoint))
    files = [file.to_json() for file in summary.files]
    asked = {"order": "position", "shown": "mean", "log": False, **params}
    asked |= {"files": files, "places": [summary.place(0).to_json()]}
    result, buffers = tensor_forms.tensor_filters(json.loads(json.dumps(asked)), [], lambda told: None)
    return result, [bytes(buffer) for buffer in buffers]


@pytest.mark.parametrize("order", ["position", "norm", "similarity"])
def test_no_more_filters_are_drawn_than_a_picture_may_have_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 1_000)
    result, buffers = ask(torch.randn(50, 2, 10, 10), tmp_path / "many.pth", order=order)
    assert (result["tiles"], result["filters"]) == (10, 50)
    assert len(buffers[0]) == 1_000
    assert len(buffers[1]) == 4_000


def test_a_filter_larger_than_a_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 1_000)
    with pytest.raises(tensor_forms.FormError, match="Filters of 40 × 30 are too large for this view"):
        ask(torch.randn(2, 1, 40, 30), tmp_path / "large.pth")
