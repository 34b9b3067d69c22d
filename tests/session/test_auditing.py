"""The audit comes with a survey, from a real process."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.findings import Finding
from inspector.session.survey_state import Survey

Driven = Any


def found_in(driven: Driven, path: Path) -> list[tuple[Finding, list[str]]]:
    """Survey a file; return its findings with the names of their tensors."""
    number = driven.open(path)
    driven.session.surveying.begin(number)
    driven.until(lambda: driven.checkpoint(number).survey.phase != "running")
    survey: Survey = driven.checkpoint(number).survey
    assert survey.phase == "ready"
    summary = driven.checkpoint(number).summary
    return [(finding, [summary.names[tensor] for tensor in finding.tensors]) for finding in survey.findings]


def trained(*shape: int) -> torch.Tensor:
    """Return weights that no initial distribution has."""
    return torch.distributions.Laplace(0.002, 0.05).sample(shape)


def test_a_survey_brings_what_its_audit_found(driven: Driven, tmp_path: Path) -> None:
    torch.manual_seed(0)
    filters = trained(16, 8, 3, 3)
    filters[:3] = 0
    weight = trained(20, 144)
    weight[2, 5] = math.nan
    ema = {"conv.weight": trained(16, 8, 3, 3), "fc.weight": torch.nn.Linear(144, 20).weight.detach()}
    large = trained(1_000, 1_000)
    content = {
        "model": {"conv.weight": filters, "conv.bias": torch.zeros(16), "fc.weight": weight, "part.weight": large[:4]},
        "ema": ema,
        "epoch": 3,
        "meta": {"weight": torch.empty(3, 3, device="meta")},
    }
    torch.save(content, tmp_path / "net.pth")
    found = found_in(driven, tmp_path / "net.pth")
    assert [(finding.severity, finding.rule, names) for finding, names in found] == [
        ("serious", "nan", ["model.fc.weight"]),
        ("notable", "dead_filters", ["model.conv.weight"]),
        ("notable", "untrained", ["ema.fc.weight"]),
        ("notable", "size", ["model.part.weight"]),
    ]


def test_tensors_that_share_their_elements_are_both_told_of(driven: Driven, tmp_path: Path) -> None:
    weight = trained(30, 40)
    weight[0, 0] = math.nan
    torch.save({"encoder.weight": weight, "decoder.weight": weight}, tmp_path / "tied.pth")
    ((finding, names),) = found_in(driven, tmp_path / "tied.pth")
    assert (finding.rule, names) == ("nan", ["encoder.weight", "decoder.weight"])


def test_a_healthy_file_has_no_findings(driven: Driven, tmp_path: Path) -> None:
    torch.save({"conv.weight": trained(16, 8, 3, 3), "conv.bias": torch.zeros(16)}, tmp_path / "good.pth")
    assert found_in(driven, tmp_path / "good.pth") == []


def test_a_model_just_made_is_told_of(driven: Driven, tmp_path: Path) -> None:
    torch.save(torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Linear(128, 64)), tmp_path / "new.pth")
    ((finding, names),) = found_in(driven, tmp_path / "new.pth")
    assert (finding.severity, finding.rule, names) == ("serious", "untrained", ["0.weight", "1.weight"])


@pytest.mark.shared_data
def test_dead_filters_and_folded_batch_norms_of_a_real_file(driven: Driven, shared_data: Path) -> None:
    folder = shared_data / "checkpoints" / "imagenet"
    found = found_in(driven, folder / "facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth")
    assert [(finding.rule, finding.title) for finding, _ in found] == [
        ("dead_filters", "3 of 64 filters of conv1.weight are all zeros."),
        ("folded_batch_norm", "20 batch norms were folded."),
    ]
