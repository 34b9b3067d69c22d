"""The shipped demo: what it holds, that it predicts its samples, and that it can be trained again."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

_ROOT = Path(__file__).resolve().parents[2]
_DEMO = _ROOT / "resources" / "demo"
_SAMPLES = sorted((_DEMO / "samples").glob("*"))


@pytest.fixture(scope="module")
def checkpoint() -> dict[str, Any]:
    loaded = torch.load(_DEMO / "digits.pth", weights_only=True)
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def model(checkpoint: dict[str, Any]) -> torch.nn.Module:
    keys = checkpoint["inspector"]
    built = torchvision.models.get_model(keys["architecture"], weights=None, num_classes=keys["num_classes"])
    built.load_state_dict(checkpoint["state_dict"], strict=True)
    return built.eval()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def transform(checkpoint: dict[str, Any]) -> ImageClassification:
    values = dict(checkpoint["inspector"]["preprocessing"])
    values["interpolation"] = InterpolationMode(values["interpolation"])
    return ImageClassification(**values)


def test_checkpoint_is_small_and_says_what_it_is(checkpoint: dict[str, Any]) -> None:
    assert (_DEMO / "digits.pth").stat().st_size < 4_000_000
    keys = checkpoint["inspector"]
    assert keys["num_classes"] == len(keys["class_names"]) == 10
    assert set(keys) == {"architecture", "num_classes", "class_names", "preprocessing", "description"}
    assert checkpoint["metrics"]["held_out_accuracy"] > 0.97
    assert type(checkpoint["metrics"]["held_out_accuracy"]) is float
    assert type(checkpoint["epoch"]) is int


def test_readme_quotes_the_accuracy_in_the_checkpoint(checkpoint: dict[str, Any]) -> None:
    accuracy = f"{checkpoint['metrics']['held_out_accuracy']:.2%}".replace("%", " %")
    assert accuracy in (_DEMO / "README.md").read_text(encoding="utf-8")


def test_a_dozen_samples_cover_all_digits() -> None:
    assert len(_SAMPLES) == 12
    assert all(re.fullmatch(r"[0-9]_[12]\.png", sample.name) for sample in _SAMPLES)
    assert {sample.name[0] for sample in _SAMPLES} == set("0123456789")


@pytest.mark.parametrize("sample", _SAMPLES, ids=lambda sample: sample.name)
def test_sample_is_predicted(sample: Path, model: torch.nn.Module, transform: ImageClassification) -> None:
    with Image.open(sample) as picture, torch.inference_mode():
        scores = model(transform(picture.convert("RGB")).unsqueeze(0)).softmax(dim=1)[0]
    assert scores.argmax().item() == int(sample.name[0])
    assert scores.max().item() >= 0.9


def _script() -> ModuleType:
    pytest.importorskip("sklearn", reason="scikit-learn, which only the training script needs, is missing")
    spec = importlib.util.spec_from_file_location("train_demo", _ROOT / "tools" / "train_demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name.
    sys.modules["train_demo"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_samples_and_accuracy_are_what_the_script_makes(model: torch.nn.Module, tmp_path: Path) -> None:
    script = _script()
    digits = script.read_digits()
    accuracy = script.held_out_accuracy(model, digits)
    script.write_demo(tmp_path, model, digits, accuracy)
    assert accuracy > 0.97
    assert {f.name for f in (tmp_path / "samples").iterdir()} == {sample.name for sample in _SAMPLES}
    for sample in _SAMPLES:
        with Image.open(sample) as shipped, Image.open(tmp_path / "samples" / sample.name) as made:
            assert shipped.tobytes() == made.tobytes()


@pytest.mark.slow
def test_training_again_reaches_the_accuracy() -> None:
    script = _script()
    digits = script.read_digits()
    assert script.held_out_accuracy(script.train(digits), digits) > 0.97
