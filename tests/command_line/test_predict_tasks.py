"""Every task on the command line: random weights, heads set by hand where objects must appear."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageChops, ImageDraw
from torchvision.models import optical_flow, segmentation
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.video import mc3_18

from inspector.command_line.prediction_request import Request
from inspector.command_line.prediction_run import PredictionRun
from inspector.session import raster_memory

from .conftest import Run

Inspector = Any


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three frames of a square that moves to the right."""
    folder = tmp_path_factory.mktemp("scene") / "frames"
    folder.mkdir()
    first = Image.new("RGB", (160, 128), (70, 110, 150))
    ImageDraw.Draw(first).rectangle((30, 40, 80, 90), (220, 180, 60))
    for place in range(3):
        ImageChops.offset(first, 4 * place, 0).save(folder / f"{place}.png")
    return folder


def _saved(tmp_path: Path, model: torch.nn.Module) -> Path:
    path = tmp_path / "model.pth"
    torch.save(model.state_dict(), path)
    return path


def _predict(inspector: Inspector, tmp_path: Path, *arguments: str | Path) -> Run:
    made: Run = inspector(
        *("predict", tmp_path / "model.pth", *arguments, "--device", "cpu"),
        *("--save", tmp_path / "saved", "--csv", tmp_path / "table.csv"),
    )
    return made


def _pictures(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "saved").iterdir())


def _detector() -> torch.nn.Module:
    """Return a detector that finds class 2 everywhere, with a score of 0.475."""
    torch.manual_seed(0)
    model = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4)
    for name, parameter in model.head.classification_head.named_parameters():
        if name.endswith("1.bias"):
            parameter.data.view(-1, 4)[:, 2] = 1.0  # class 2 everywhere, with exp(1) / (exp(1) + 3) = 0.475
    made: torch.nn.Module = model
    return made


def test_objects_of_at_least_the_threshold(inspector: Inspector, tmp_path: Path, scene: Path) -> None:
    _saved(tmp_path, _detector())
    made = _predict(inspector, tmp_path, scene / "0.png", "--threshold", "0.4", "--json").json()
    assert made["task"] == "detection"
    (result,) = made["results"]
    assert (result["width"], result["height"], result["motion"]) == (160, 128, None)
    assert result["predictions"]
    for row in result["predictions"]:
        assert row["index"] == 2
        assert row["score"] >= 0.4
        left, top, right, bottom = row["box"]
        assert 0 <= left < right <= 160
        assert 0 <= top < bottom <= 128
    with (tmp_path / "table.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(result["predictions"])
    assert _pictures(tmp_path) == ["0-predicted.png"]
    assert "from 0 to 1" in inspector("predict", "a.pth", "b.png", "--threshold", "7").error(2)


def test_regions_with_their_areas(inspector: Inspector, tmp_path: Path, scene: Path) -> None:
    torch.manual_seed(0)
    _saved(tmp_path, segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21))
    made = _predict(inspector, tmp_path, scene, "--json").json()
    assert made["task"] == "semantic_segmentation"
    assert len(made["results"]) == 3
    for result in made["results"]:
        areas = [row["area"] for row in result["predictions"]]
        assert sum(areas) == pytest.approx(1, abs=1e-3)
        assert areas == sorted(areas, reverse=True)
    assert len(_pictures(tmp_path)) == 3
    with Image.open(tmp_path / "saved" / "0-predicted.png") as picture:
        assert picture.height > 128 * picture.width / 160  # the legend


def test_motion_from_each_image_to_the_next(inspector: Inspector, tmp_path: Path, scene: Path) -> None:
    torch.manual_seed(0)
    _saved(tmp_path, optical_flow.raft_small(weights=None))
    made = _predict(inspector, tmp_path, scene / "0.png", scene / "1.png", scene / "2.png", "--json").json()
    assert made["task"] == "optical_flow"
    assert [Path(result["image"]).name for result in made["results"]] == ["0.png", "1.png"]
    for result in made["results"]:
        assert result["error"] is None
        assert result["predictions"] == []
        assert 0 < result["motion"]["mean"] <= result["motion"]["largest"]
        assert "pixel" in result["note"]
    assert _pictures(tmp_path) == ["0-predicted.png", "1-predicted.png"]


def test_a_folder_of_frames_is_one_clip(inspector: Inspector, tmp_path: Path, scene: Path) -> None:
    torch.manual_seed(0)
    _saved(tmp_path, mc3_18(weights=None, num_classes=3))
    made = _predict(inspector, tmp_path, scene, "--top", "2", "--json").json()
    assert made["task"] == "video_classification"
    (result,) = made["results"]
    assert result["image"] == str(scene)
    assert len(result["predictions"]) == 2
    assert "3 frames" in result["note"]
    assert _pictures(tmp_path) == ["frames-predicted.png"]


def test_of_a_clip_of_thousands_of_frames_those_that_the_model_takes_are_read(
    inspector: Inspector, tmp_path: Path, scene: Path
) -> None:
    """All of them would not fit into one message, which ended the engine."""
    torch.manual_seed(0)
    _saved(tmp_path, mc3_18(weights=None, num_classes=3))
    clip, frame = tmp_path / "clip", (scene / "0.png").read_bytes()
    clip.mkdir()
    for place in range(4_200):
        (clip / f"{place}.png").write_bytes(frame)
    made = inspector("predict", tmp_path / "model.pth", clip, "--device", "cpu", "--json").json()
    (result,) = made["results"]
    assert (made["device"], result["error"]) == ("cpu", None)
    assert result["note"] == "16 of 4,200 frames, evenly spaced."


def test_accuracy_where_folders_name_the_classes(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    words = "zero one two three four five six seven eight nine".split()
    for sample in (demo / "samples").iterdir():
        true = words[int(sample.name[0])]
        folder = tmp_path / "digits" / ("nine" if sample.name.startswith("1_") else true)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / sample.name).write_bytes(sample.read_bytes())
    wrong = len(list((demo / "samples").glob("1_*")))
    total = len(list((demo / "samples").iterdir()))
    run = inspector("predict", demo / "digits.pth", tmp_path / "digits", "--top", "1", "--json")
    assert run.json()["accuracy"] == {"known": total, "right": total - wrong, "among": total - wrong, "top": 1}


@pytest.mark.slow
def test_pages_for_people(inspector: Inspector, demo: Path, tmp_path: Path, scene: Path) -> None:
    """The readable page of each task: every run imports torch anew, which is most of its time."""
    _saved(tmp_path, _detector())
    none = _predict(inspector, tmp_path, scene / "0.png", "--threshold", "0.99")
    assert (none.code, none.err) == (0, "")
    assert "nothing found" in none.out
    _saved(tmp_path, segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21))
    assert "Area" in _predict(inspector, tmp_path, scene / "0.png").out
    _saved(tmp_path, optical_flow.raft_small(weights=None))
    alone = _predict(inspector, tmp_path, scene / "0.png", "--json").json()
    assert [bool(result["error"]) for result in alone["results"]] == [True]
    folder = tmp_path / "digits" / "zero"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes((demo / "samples" / "0_1.png").read_bytes())
    page = inspector("predict", demo / "digits.pth", tmp_path / "digits", "--top", "1").out
    assert "Right for 1 of 1 image whose class is known" in page


def test_pictures_keep_their_masks_however_little_memory_there_is(
    tmp_path: Path, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster_memory, "MOST_BYTES", 1)
    torch.manual_seed(0)
    file = _saved(tmp_path, segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21))
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "1-predicted.png").write_bytes(b"the person's own")
    request = Request(str(file), (str(scene),), device="cpu", save=saved)
    outcome = PredictionRun(request, lambda *_: None).run()
    assert (len(outcome.results), outcome.unsaved) == (3, None)
    assert _pictures(tmp_path) == ["0-predicted.png", "1-predicted-2.png", "1-predicted.png", "2-predicted.png"]
    assert (saved / "1-predicted.png").read_bytes() == b"the person's own"
    for name in ("0-predicted.png", "1-predicted-2.png", "2-predicted.png"):
        with Image.open(saved / name) as picture:
            assert picture.height > 1.1 * 128 * picture.width / 160  # the legend


def test_motion_is_told_however_little_memory_there_is(
    tmp_path: Path, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster_memory, "MOST_BYTES", 1)
    torch.manual_seed(0)
    file = _saved(tmp_path, optical_flow.raft_small(weights=None))
    outcome = PredictionRun(Request(str(file), (str(scene),), device="cpu"), lambda *_: None).run()
    assert [result.motion is not None for result in outcome.results] == [True, True]


def test_names_are_found_once_however_many_arguments_there_are(
    tmp_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = tuple(str(path) for path in sorted((demo / "samples").iterdir())[:4])
    looked: list[str] = []
    exists = os.path.exists

    def noted(path: str) -> bool:
        looked.append(str(path))
        return exists(path)

    monkeypatch.setattr(os.path, "exists", noted)
    outcome = PredictionRun(Request(str(demo / "digits.pth"), images, device="cpu"), lambda *_: None).run()
    assert [result.image for result in outcome.results] == list(images)
    assert all(looked.count(image) == 1 for image in images)
