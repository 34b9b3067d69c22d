"""What real checkpoints are said to be, and what they predict: files of other people, where they are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.shared_data

Inspector = Any

SQUEEZENETS = [
    ("state_dicts/Notralles__Leaforia__squeezenet.pth", "squeezenet1_0", 4),
    ("state_dicts/Notralles__Leaforia__squeezenet1.0_model.pth", "squeezenet1_0", 4),
    ("pickled_models/robertpreda__proiectIC__squeeze__epochs_20.pth", "squeezenet1_1", 7),
    ("pickled_models/robertpreda__proiectIC__squeeze__epochs_100.pth", "squeezenet1_1", 7),
]


@pytest.mark.parametrize(("name", "architecture", "classes"), SQUEEZENETS)
def test_squeezenets_are_identified_and_predict(
    inspector: Inspector, shared_data: Path, name: str, architecture: str, classes: int
) -> None:
    path = shared_data / "checkpoints" / name
    found = inspector("identify", path, "--json").json()
    best = found["candidates"][0]
    assert (found["match"], best["architecture"], best["num_classes"]) == ("head", architecture, classes)
    predicted = inspector(
        "predict", path, shared_data / "images/misc/python-pillow__Pillow__hopper.jpg", "--top", classes, "--json"
    ).json()
    assert (predicted["architecture"], predicted["eval_mode"]) == (architecture, True)
    (result,) = predicted["results"]
    assert result["error"] is None
    assert len(result["predictions"]) == classes
    assert sum(row["score"] for row in result["predictions"]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("layers", "keys"), [("resnet20-12fca82f", 97), ("resnet32-d509ac18", 157)])
def test_small_resnets_are_no_torchvision_architecture(
    inspector: Inspector, shared_data: Path, layers: str, keys: int
) -> None:
    path = shared_data / f"checkpoints/state_dicts/akamaster__pytorch_resnet_cifar10__{layers}.th"
    assert inspector("identify", path, "--json").json()["match"] == "none"
    said = inspector("identify", path).out
    assert "isn't a torchvision architecture. It resembles resnet" in said
    assert f"of {keys} keys have its names" in said


@pytest.mark.parametrize(
    "name",
    [
        "pickled_models/level0rd__PPE-Detector__yolov5n.pt",
        "pickled_models/cszn__DnCNN__model.pth",
        "state_dicts/timesler__facenet-pytorch__pnet.pt",
        "state_dicts/richzhang__PerceptualSimilarity__v0.1__squeeze.pth",
    ],
)
def test_other_models_resemble_nothing(inspector: Inspector, shared_data: Path, name: str) -> None:
    found = inspector("identify", shared_data / "checkpoints" / name, "--json").json()
    assert (found["match"], found["candidates"]) == ("none", [])
