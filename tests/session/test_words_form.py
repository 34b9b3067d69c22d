"""What a tensor is beside rows of numbers, in words, as the window and the command line say it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session import words

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

_WEIGHT = torch.arange(12.0).reshape(3, 4)


def _made() -> dict[str, tuple[torch.Tensor, str]]:
    scales, zeros = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0, 1, 2])
    return {
        "plain": (_WEIGHT, ""),
        "quantized": (
            torch.quantize_per_tensor(_WEIGHT, 0.1, 3, torch.quint8),
            "quantized: scale 0.1, zero point 3",
        ),
        "channels": (
            torch.quantize_per_channel(_WEIGHT, scales, zeros, 0, torch.qint8),
            "quantized along dimension 0: 3 scales and zero points",
        ),
        "coordinates": (torch.eye(4).to_sparse(), "sparse, by coordinates: 4 elements stored"),
        "rows": (torch.eye(4).to_sparse_csr(), "sparse, by rows: 4 elements stored"),
        "columns": (torch.eye(4).to_sparse_csc(), "sparse, by columns: 4 elements stored"),
        "meta": (torch.empty(3, device="meta"), "meta: a shape without numbers"),
        "nested": (
            torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
            "nested: tensors of several lengths, one after the other",
        ),
        "conjugate": (torch.ones(2, dtype=torch.complex64).conj(), "stored as its conjugate"),
    }


@pytest.mark.parametrize("name", "plain quantized channels coordinates rows columns meta nested conjugate".split())
def test_a_form_is_said_in_words(tmp_path: Path, name: str) -> None:
    tensor, expected = _made()[name]
    torch.save({"weight": tensor}, tmp_path / "file.pth")
    with open_checkpoint(tmp_path / "file.pth") as checkpoint:
        summary = CheckpointSummary(*encode(checkpoint))
    assert words.form(summary, 0) == expected


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0.0 %"), (1e-9, "< 0.1 %"), (0.814, "81.4 %"), (0.9994, "99.9 %"), (0.9999, "> 99.9 %"), (1, "100.0 %")],
)
def test_a_share_is_never_rounded_to_all_nor_to_none(share: float, said: str) -> None:
    assert words.percent(share).replace(words.THIN, " ") == said
