"""``predict --trust``: what is said without it, what it runs, and what it never runs."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import squeezenet1_1

Inspector = Any

CODE = """
import os
from torch import nn

with open(os.path.join(os.path.dirname(__file__), "ran"), "w") as canary:
    canary.write("once ")

class Net(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.head = nn.Linear(3, classes)

    def forward(self, x):
        return self.head(x.mean((2, 3)))
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "my_net.py").write_text(CODE)
    return folder


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Save a model of a private class."""

    def save(expression: str) -> Path:
        made = types.ModuleType("my_net")
        (tmp_path / "made").mkdir()
        made.__file__ = str(tmp_path / "made" / "my_net.py")
        monkeypatch.setitem(sys.modules, "my_net", made)
        exec(CODE, made.__dict__)
        torch.save(eval(expression, made.__dict__), tmp_path / "own.pth")
        return tmp_path / "own.pth"

    return save


def test_without_trust_it_says_what_would_be_imported_and_runs_nothing(
    inspector: Inspector, private: Callable[[str], Path], code: Path, demo: Path
) -> None:
    path, image = private("Net()"), demo / "samples" / "0_1.png"
    sentence = inspector("predict", path, image).error(3)
    assert "which imports my_net.Net and 1 class of torch or torchvision" in sentence
    assert "add --trust and --source with the folder that holds my_net.py" in sentence
    assert "--trust alone" in inspector("predict", path, image, "--source", code).error(2)
    assert not (code / "ran").exists()


def test_with_trust_and_a_relative_folder(
    inspector: Inspector, private: Callable[[str], Path], code: Path, demo: Path, tmp_path: Path
) -> None:
    path, image = private("{'model': Net(), 'epoch': 2, 'class_names': ['a', 'b', 'c']}"), demo / "samples" / "0_1.png"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    arguments = ("predict", path, image, "--trust", "--source", "code", "--device", "cpu")
    run = inspector(*arguments, "--json", cwd=tmp_path, env={"TMPDIR": str(temporary)})
    made = run.json()
    assert list(made) == [
        *("architecture", "task", "device", "eval_mode", "autocast", "compile", "accuracy", "results")
    ]
    assert (made["architecture"], made["task"], made["eval_mode"]) == ("my_net.Net", "classification", True)
    assert {row["label"] for row in made["results"][0]["predictions"]} == {"a", "b", "c"}
    assert (code / "ran").exists()
    assert list(temporary.iterdir()) == []
    page = inspector(*arguments, cwd=tmp_path).out.splitlines()
    assert page[0].startswith("my_net.Net, run as it is, on CPU")
    assert page[2] == "Images are prepared as for ImageNet, which the file does not tell."


def test_what_is_missing_is_one_sentence(
    inspector: Inspector, private: Callable[[str], Path], demo: Path, tmp_path: Path
) -> None:
    path, image = private("Net()"), demo / "samples" / "0_1.png"
    said = inspector("predict", path, image, "--trust").error(3)
    assert said.startswith("The file needs the module 'my_net'.")
    assert said.endswith("Name a folder with --source.")
    assert "There is no folder" in inspector("predict", path, image, "--trust", "--source", tmp_path / "no").error(3)


def test_a_dangerous_file_is_not_run_with_trust_either(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    class Act:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(canary),)

    model = torch.nn.Linear(3, 4)
    model.extra = Act()  # type: ignore[assignment]
    torch.save(model, tmp_path / "model.pth")
    for trust in ((), ("--trust",)):
        sentence = inspector("predict", tmp_path / "model.pth", demo / "samples" / "0_1.png", *trust).error(3)
        assert "never runs this file: it names posix.mkdir" in sentence
    assert not canary.exists()


def test_weights_alone_need_no_trust(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    torch.save({"mine.weight": torch.zeros(3)}, tmp_path / "own.pth")
    sentence = inspector("predict", tmp_path / "own.pth", demo / "samples" / "0_1.png", "--trust").error(3)
    assert "resembles no torchvision architecture" in sentence
    assert "there is nothing in it to --trust" in sentence


def test_a_pickled_model_of_torchvision_is_attached_by_its_weights(
    inspector: Inspector, demo: Path, tmp_path: Path
) -> None:
    torch.save(squeezenet1_1(num_classes=4), tmp_path / "model.pth")
    made = inspector("predict", tmp_path / "model.pth", demo / "samples" / "0_1.png", "--json").json()
    assert made["architecture"] == "squeezenet1_1"
    assert len(made["results"][0]["predictions"]) == 4


@pytest.mark.shared_data
def test_a_real_pickled_squeezenet_of_seven_classes(inspector: Inspector, shared_data: Path) -> None:
    path = shared_data / "checkpoints/pickled_models/robertpreda__proiectIC__squeeze__epochs_100.pth"
    image = shared_data / "images/misc/pytorch__ios-demo-app__dog.jpg"
    made = inspector("predict", path, image, "--json", "--top", "9").json()
    assert made["architecture"] == "squeezenet1_1"
    assert len(made["results"][0]["predictions"]) == 7
