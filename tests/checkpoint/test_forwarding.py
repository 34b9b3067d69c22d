"""A checkpoint that is sent on from one process to another is the same there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.forwarding import forward
from inspector.checkpoint.summary import CheckpointSummary


def summary_of(path: Path) -> CheckpointSummary:
    with open_checkpoint(path) as checkpoint:
        return CheckpointSummary(*encode(checkpoint))


@pytest.mark.filterwarnings("ignore:.*quantize")
def test_every_place_and_state_dict_survives(tmp_path: Path) -> None:
    dense = torch.arange(12.0).reshape(3, 4)
    model = {"w": dense, "t": dense.t(), "q": torch.quantize_per_tensor(dense, 0.1, 3, torch.qint8)}
    torch.save({"model": model, "ema": {"w": dense + 1}, "s": dense.to_sparse(), "epoch": 3}, tmp_path / "a.pth")
    before = summary_of(tmp_path / "a.pth")
    header, buffers = forward(before)
    after = CheckpointSummary(json.loads(json.dumps(header)), buffers)
    assert after.names == before.names
    assert after.state_dicts == before.state_dicts
    assert after.model == before.model
    assert after.files == before.files
    for tensor in range(len(before)):
        assert after.place(tensor) == before.place(tensor)
        assert after.key(tensor) == before.key(tensor)


def test_a_file_without_tensors(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.pth")
    header, buffers = forward(summary_of(tmp_path / "a.pth"))
    assert len(CheckpointSummary(header, buffers)) == 0
