"""The audit of real checkpoints: what is wrong with some is found, and the healthy ones raise no alarm."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from tests.conftest import SHARED_DATA

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.errors import TensorReadError
from inspector.findings import Finding
from inspector.weights.audit import Audit, audit_tensors
from inspector.weights.survey import tensor_figures

MOBILENET = ("notable", "dead_filters", "2 weights have filters that are all zeros.")
UNTRAINED = "This model was never trained: {0} of {0} weights are as they were made."
EXPECTED: dict[str, list[tuple[str, str, str]]] = {
    "imagenet/facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth": [
        ("notable", "dead_filters", "3 of 64 filters of conv1.weight are all zeros."),
        ("info", "folded_batch_norm", "20 batch norms were folded."),
    ],
    "imagenet/facebookresearch__kill-the-bits__resnet18_small_blocks.pth": [
        ("notable", "dead_filters", "3 of 64 filters of conv1.weight are all zeros."),
    ],
    # Depthwise filters of nine rounded values; five of the first layer's are dead in the quantized original too.
    "imagenet/pytorch__ios-demo-app__mobilenet_quantized.decoded.pth": [
        MOBILENET,
        ("info", "duplicate_filters", "26 of 960 filters of features.17.conv.1.0.weight repeat another one."),
        ("info", "folded_batch_norm", "52 batch norms were folded."),
    ],
    "imagenet/pytorch__ios-demo-app__mobilenet_quantized.pt": [
        MOBILENET,
        (
            "info",
            "duplicate_filters",
            "26 of 960 filters of …packed_params.features.17.conv.1.0._packed_params.50.weight repeat another one.",
        ),
    ],
    # Tests of an importer, saved as torch made them: only running statistics have moved.
    "small/tracel-ai__burn__complex_nested__complex_nested.pt": [("serious", "untrained", UNTRAINED.format(3))],
    "small/tracel-ai__burn__multi_layer__multi_layer.safetensors": [("serious", "untrained", UNTRAINED.format(2))],
    # Actors that were saved before they learned: every weight and bias is within ±1/√fan in.
    "pickled_models/fizz-ml__pytorch-aux-reward-rl__actor.t7": [("serious", "untrained", UNTRAINED.format(3))],
    "pickled_models/fizz-ml__pytorch-aux-reward-rl__ddpg_actor.t7": [("serious", "untrained", UNTRAINED.format(3))],
}
"""What is found in real files; in all others, nothing."""


def readable_files() -> list[str]:
    """Return the real checkpoints by the list of them; none where they are absent."""
    if not SHARED_DATA.is_dir():
        return []
    with (SHARED_DATA / "manifest.tsv").open(encoding="utf-8") as lines:
        files = [row["file"] for row in csv.DictReader(lines, delimiter="\t")]
    return [file.removeprefix("checkpoints/") for file in files if file.startswith("checkpoints/")]


def audit_file(path: Path) -> list[Finding]:
    """Audit a file as a survey does."""
    with open_checkpoint(path) as checkpoint:
        owners = {index: found.path for found in checkpoint.state_dicts for index in found.tensors}
        tensors = audit_tensors(
            [tensor.name for tensor in checkpoint.tensors],
            [tensor.role for tensor in checkpoint.tensors],
            [owners.get(number) for number in range(len(checkpoint.tensors))],
            [None if tensor.problem else tensor.place() for tensor in checkpoint.tensors],
        )
        whole = Audit(tensors)
        for number, tensor in enumerate(checkpoint.tensors):
            try:
                whole.take(number, tensor_figures(tensor.read()))
            except TensorReadError:
                continue
        return whole.findings()


@pytest.mark.shared_data
@pytest.mark.parametrize("file", readable_files() or ["absent"])
def test_real_files(shared_data: Path, file: str) -> None:
    findings = audit_file(shared_data / "checkpoints" / file)
    assert [(found.severity, found.rule, found.title) for found in findings] == EXPECTED.get(file, [])


@pytest.mark.shared_data
def test_every_expected_file_is_there(shared_data: Path) -> None:
    assert set(EXPECTED) <= set(readable_files())
