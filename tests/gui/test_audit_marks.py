"""What the tree marks agrees with what the audit found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inspector.findings import Finding
from inspector.gui.tensor_marks import Mark, TensorMarks

from .surveyed import surveyed

INF = float("inf")


@pytest.mark.parametrize(
    ("name", "phase", "mark"),
    [
        ("block.attn_mask", "ready", Mark.NONE),
        ("block.attn_mask", "running", Mark.SERIOUS),
        ("block.causal_mask", "ready", Mark.NONE),
    ],
)
def test_infinity_in_a_mask_is_marked_until_the_audit_knows_better(
    tmp_path: Path, name: str, phase: str, mark: Mark
) -> None:
    content = {"block.bias": torch.ones(2), name: torch.tensor([[0.0, -INF], [0.0, 0.5]])}
    found = surveyed(tmp_path / "net.pth", content)
    assert found.summary is not None
    assert found.survey is not None
    survey = replace(found.survey, phase=phase)  # type: ignore[arg-type]
    assert TensorMarks(found.summary, survey).mark(1) == mark


def test_infinity_that_the_audit_found_is_marked(tmp_path: Path) -> None:
    content = {"block.bias": torch.ones(2), "block.running_mean": torch.tensor([0.0, INF])}
    found = surveyed(tmp_path / "net.pth", content)
    assert found.summary is not None
    assert found.survey is not None
    finding = Finding("serious", "inf", (1,), "block.running_mean holds infinity.", "It should not.")
    marks = TensorMarks(found.summary, replace(found.survey, findings=(finding,)))
    assert marks.mark(1) == Mark.SERIOUS
