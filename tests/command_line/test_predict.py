from __future__ import annotations

import argparse
import csv
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision.models import squeezenet1_1

from inspector.command_line.arguments import device
from inspector.desktop.settings import SettingsStore

from ..pythons import trees

Inspector = Any

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs a shell script")


def test_demo_folder_with_a_broken_image(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    images = tmp_path / "some digits"
    shutil.copytree(demo / "samples", images)
    (images / "10_broken.png").write_bytes((images / "0_1.png").read_bytes()[:300])
    (images / "notes.txt").write_text("no image")
    made = inspector(
        *("predict", demo / "digits.pth", "some digits", "--top", "3", "--device", "cpu"),
        *("--save", "saved", "--csv", "table.csv", "nothing.png", "--json"),
        cwd=tmp_path,
    ).json()
    assert list(made) == [
        *("architecture", "task", "device", "eval_mode", "autocast", "compile", "accuracy", "results")
    ]
    assert (made["architecture"], made["task"]) == ("shufflenet_v2_x0_5", "classification")
    assert (made["device"], made["eval_mode"]) == ("cpu", True)
    results = {row["image"]: row for row in made["results"]}
    names = sorted(path.name for path in (demo / "samples").iterdir())
    assert list(results) == [os.path.join("some digits", name) for name in [*names, "10_broken.png"]] + ["nothing.png"]
    bad = [results.pop(os.path.join("some digits", "10_broken.png")), results.pop("nothing.png")]
    assert "10_broken.png" in bad[0]["error"]
    assert "There is no image nothing.png" in bad[1]["error"]
    assert all(row["predictions"] == [] and row["milliseconds"] is None for row in bad)
    words = "zero one two three four five six seven eight nine".split()
    for image, row in results.items():
        assert row["error"] is None
        assert row["milliseconds"] > 0
        best, *others = row["predictions"]
        assert list(best) == ["label", "index", "score", "box", "area", "keypoints"]
        assert (best["label"], best["index"]) == (words[best["index"]], int(Path(image).name[0]))
        assert best["box"] is None
        assert len(others) == 2
        assert 1 >= best["score"] >= others[0]["score"] >= others[1]["score"] >= 0
    _check_csv(tmp_path / "table.csv", made["results"])
    saved = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert saved == [f"{Path(name).stem}-predicted.png" for name in names]
    with Image.open(tmp_path / "saved" / saved[0]) as copy, Image.open(images / names[0]) as original:
        assert copy.format == "PNG"
        assert copy.height > original.height


def _check_csv(path: Path, results: list[dict[str, Any]]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:5] == ["image", "rank", "label", "index", "score"]
    assert len(rows) == sum(max(1, len(result["predictions"])) for result in results)
    first = results[0]["predictions"][0]
    assert (rows[0]["image"], rows[0]["rank"], rows[0]["label"]) == (results[0]["image"], "1", first["label"])
    assert float(rows[0]["score"]) == first["score"]
    assert [row["error"] for row in rows if row["error"]] == [row["error"] for row in results if row["error"]]


def test_page_globs_labels_and_options_between_images(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"[b]digit {place}[/b]\x1b" for place in range(10)), encoding="utf-8")
    samples = demo / "samples"
    page = inspector(
        "predict", demo / "digits.pth", samples / "1_*.png", "--labels", labels, samples / "0_1.png", "--top", "1"
    )
    assert (page.code, page.err) == (0, "")
    lines = page.out.splitlines()
    assert lines[0].startswith("shufflenet_v2_x0_5 on CPU")
    assert "eval mode" in lines[0]
    assert lines[1] == "Labels from labels.txt."
    rows = [line for line in lines if "digit" in line]
    assert "1_1.png  [b]digit 1[/b]\\x1b" in rows[0]
    assert "0_1.png  [b]digit 0[/b]\\x1b" in rows[-1]


def test_what_does_not_fit_is_told_with_counts(inspector: Inspector, demo: Path) -> None:
    checkpoint, image = demo / "digits.pth", demo / "samples" / "0_1.png"
    sentence = inspector("predict", checkpoint, image, "--architecture", "resnet18").error(3)
    assert "does not fit resnet18" in sentence
    for word in ("missing", "unexpected", "mismatched", "shufflenet_v2_x0_5"):
        assert word in sentence
    sentence = inspector("predict", checkpoint, image, "--num-classes", "7").error(3)
    assert "2 mismatched" in sentence
    assert "10 classes" in sentence
    assert "Did you mean resnet18" in inspector("predict", checkpoint, image, "--architecture", "resnet19").error(2)


def test_each_wrong_input_is_one_line(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    checkpoint, image = demo / "digits.pth", demo / "samples" / "0_1.png"
    assert "There is no file" in inspector("predict", tmp_path / "no.pth", image).error(3)
    assert "no state_dict at" in inspector("predict", checkpoint, image, "--state-dict", "ema").error(3)
    assert "no labels file no.txt" in inspector("predict", checkpoint, image, "--labels", "no.txt").error(3)
    (tmp_path / "file").touch()
    assert "can't be made" in inspector("predict", checkpoint, image, "--save", tmp_path / "file" / "x").error(3)


def test_no_image_at_all(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    assert "There is no image in" in inspector("predict", demo / "digits.pth", tmp_path, "--device", "cpu").error(3)


def test_device_that_is_not_there(inspector: Inspector, demo: Path) -> None:
    image = demo / "samples" / "0_1.png"
    assert "cuda:97" in inspector("predict", demo / "digits.pth", image, "--device", "cuda:97").error(4)


@pytest.mark.parametrize("name", ["auto", "cpu", "mps", "cuda", "cuda:1", "xpu", "xpu:1"])
def test_devices_are_called_as_torch_calls_them(name: str) -> None:
    assert device(name) == name
    with pytest.raises(argparse.ArgumentTypeError, match="xpu:N"):
        device(f"{name}:x")


@posix_only
def test_engine_that_cannot_run(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    checkpoint, image = demo / "digits.pth", demo / "samples" / "0_1.png"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    sentence = inspector("predict", checkpoint, image, "--python", "./python", cwd=tmp_path).error(4)
    assert "No module named 'torch'" in sentence
    missing = inspector("predict", checkpoint, image, "--python", tmp_path / "no").error(4)
    assert missing == f"{tmp_path / 'no'} can't be used: there is no such program. Choose another one."
    assert "There is no program nopython" in inspector("predict", checkpoint, image, "--python", "nopython").error(4)
    assert "stopped 3 times" in inspector("predict", checkpoint, image, "--python", "/bin/false").error(4)


@posix_only
def test_a_python_whose_files_speak_against_it_is_not_run(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    checkpoint, image, canary = demo / "digits.pth", demo / "samples" / "0_1.png", tmp_path / "canary"
    packages = trees.virtual(tmp_path / "old", canary=canary)
    trees.helpers(packages)
    trees.library(packages, "torch", "2.4.1+cu121")
    python = tmp_path / "old" / "bin" / "python3"
    mend = f"Mend it: {python} -m pip install --upgrade torch torchvision"
    why = "can't be used: torch 2.4.1+cu121 is too old: the engine needs 2.6 or newer."
    assert inspector("predict", checkpoint, image, "--python", python).error(4) == f"{python} {why} {mend}"
    SettingsStore().update(engine_python=str(python))
    chosen = inspector("predict", checkpoint, image).error(4)
    assert chosen == f"{python}, chosen in the settings, {why} {mend}"
    report = inspector("doctor", "--json", env={"QT_QPA_PLATFORM": "offscreen"})
    assert report.code == 4
    engine = json.loads(report.out)["engine"]
    assert (engine["chosen_by"], engine["executable"], engine["torch"]) == ("settings", str(python), "2.4.1+cu121")
    assert engine["hint"].endswith("install --upgrade torch torchvision")
    assert not canary.exists()


@posix_only
def test_a_bare_name_is_never_looked_for_in_the_current_folder(
    inspector: Inspector, demo: Path, tmp_path: Path
) -> None:
    trees.program(tmp_path / "mypython")
    environment = {"PATH": os.pathsep.join([".", "", os.environ["PATH"]])}
    files = (demo / "digits.pth", demo / "samples" / "0_1.png")
    run = inspector("predict", *files, "--python", "mypython", cwd=tmp_path, env=environment)
    assert "There is no program mypython on the path." in run.error(4)
    assert not (tmp_path / "canary").exists()


@posix_only
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_quietly_and_nothing_is_left(demo: Path, tmp_path: Path, how: signal.Signals) -> None:
    started, temporary = tmp_path / "started", tmp_path / "tmp"
    os.mkfifo(started)
    temporary.mkdir()
    python = tmp_path / "python"
    # Descriptor 9 stays open as long as the engine runs.
    python.write_text(f'#!/bin/sh\nexec 9>"{started}"\necho started >&9\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "inspector", "predict", str(demo / "digits.pth"), str(demo / "samples")),
            *("--python", str(python)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "TMPDIR": str(temporary)},
        # A shell starts what it runs in the background with the interrupt ignored, and so would we be.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with started.open("rb", buffering=0) as engine:
        assert engine.readline() == b"started\n"
        run.send_signal(how)
        out, err = run.communicate(timeout=30)
        assert (run.returncode, out, err) == (128 + how, b"", b"")
        assert select.select([engine], [], [], 10)[0]
        assert engine.read() == b""
    assert list(temporary.iterdir()) == []


@pytest.mark.shared_data
def test_real_images_as_torchvision_predicts_them(inspector: Inspector, shared_data: Path) -> None:
    checkpoint = shared_data / "checkpoints/imagenet/facebookresearch__kill-the-bits__resnet18_small_blocks.decoded.pth"
    classes = [line.split()[0] for line in (shared_data / "imagenet_classes.txt").read_text().splitlines() if line]
    dog = shared_data / "images/misc/pytorch__ios-demo-app__dog.jpg"
    made = inspector("predict", checkpoint, dog, shared_data / "images/imagenet", "--json").json()
    assert made["architecture"] == "resnet18"
    first, *results = made["results"]
    assert first["image"] == str(dog)
    assert first["predictions"][0]["label"] == "Samoyed"
    assert len(results) == 175
    right = sum(
        row["predictions"][0]["index"] == classes.index(Path(row["image"]).name.split("_")[0]) for row in results
    )
    if made["device"] == "cpu":
        assert right == 140
    else:
        assert 138 <= right <= 142


def test_what_fits_is_attached_where_that_was_asked_for(inspector: Inspector, tmp_path: Path) -> None:
    torch.manual_seed(0)
    state_dict = squeezenet1_1(num_classes=3).state_dict()
    del state_dict["features.3.squeeze.bias"]
    torch.save(state_dict, tmp_path / "net.pth")
    Image.new("RGB", (32, 32), "red").save(tmp_path / "a.png")
    refused = inspector("predict", tmp_path / "net.pth", tmp_path / "a.png").error(3)
    assert "Attach what fits with --partial." in refused
    run = inspector("predict", tmp_path / "net.pth", tmp_path / "a.png", "--partial", "--json")
    assert "51 of 51 tensors are attached; untrained: features.3.squeeze.bias." in run.err
    assert len(run.json()["results"][0]["predictions"]) == 3


def test_autocast_says_that_it_changes_the_scores(inspector: Inspector, demo: Path) -> None:
    sample = demo / "samples" / "0_1.png"
    plain = inspector("predict", demo / "digits.pth", sample, "--device", "cpu", "--json").json()
    fast = inspector("predict", demo / "digits.pth", sample, "--device", "cpu", "--autocast", "bf16")
    assert (fast.code, fast.err) == (0, "")
    assert "Computed in bf16" in fast.out
    assert "zero" in fast.out
    document = inspector(
        "predict", demo / "digits.pth", sample, "--device", "cpu", "--autocast", "bf16", "--json"
    ).json()
    assert [(made["autocast"], made["compile"]) for made in (plain, document)] == [(None, False), ("bf16", False)]
    scores = [[row["score"] for row in made["results"][0]["predictions"]] for made in (plain, document)]
    assert scores[0] != scores[1]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)
    assert "bf16" in inspector("predict", "a.pth", "b.png", "--autocast", "int8").error(2)


def test_the_table_is_written_where_the_page_is_read_in_part(demo: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "inspector",
        "predict",
        str(demo / "digits.pth"),
        str(demo / "samples" / "0_1.png"),
    ]
    process = subprocess.Popen([*command, "--csv", "table.csv"], stdout=subprocess.PIPE, cwd=tmp_path)
    assert process.stdout is not None
    process.stdout.close()  # as `head` does
    process.wait(120)
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 6
