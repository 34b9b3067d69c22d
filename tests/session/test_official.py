"""Files that are, or claim to be, torchvision's own: known by the published checksum."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.session.match_state import OfficialCheck

from .conftest import Driven, model, picture

PRESET = {
    "resize_size": 70, "crop_size": 64, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
    "interpolation": "bilinear", "antialias": True,
}  # fmt: skip


def listed(folder: Path, monkeypatch: pytest.MonkeyPatch, **entry: Any) -> None:
    """Publish a weights entry of the tests' own for squeezenet1_1."""
    record = {"name": "Ours_Weights.V1", "preset": "ImageClassification", "transforms": PRESET} | entry
    own = folder / "own.json"
    own.write_text(json.dumps({"architectures": {"squeezenet1_1": {"weights": [record]}}}), encoding="utf-8")
    monkeypatch.setenv("INSPECTOR_WEIGHTS_LIST", str(own))


def saved(path: Path) -> str:
    """Save a squeezenet of 1,000 classes; return its SHA-256."""
    torch.save(model(1000).state_dict(), path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def checked(driven: Driven, path: Path) -> OfficialCheck:
    number = driven.open(path)
    driven.until(lambda: driven.checkpoint(number).official.phase == "ready")
    return driven.checkpoint(number).official


def test_a_published_checksum_names_the_entry(
    shared_session: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = saved(tmp_path / "whatever.pth")
    listed(tmp_path, monkeypatch, file="ours-00.pth", sha256=digest[:8], categories="ImageNet-1K")
    official = checked(shared_session, tmp_path / "whatever.pth")
    assert (official.entry, official.claimed, official.sha256) == ("Ours_Weights.V1", "", digest)
    assert not official.is_misnamed
    assert len(official.labels) == 1000
    number = shared_session.attached(tmp_path / "whatever.pth")
    attachment = shared_session.checkpoint(number).attachment
    assert attachment.failure is None
    assert (attachment.preprocessing["crop_size"], attachment.preprocessing["resize_size"]) == (64, 70)
    assert attachment.labels_from == "labels of Ours_Weights.V1"
    (prediction,) = shared_session.predict(number, picture(tmp_path / "a.png"))
    assert prediction.failure is None


def test_what_was_attached_before_it_was_recognised_is_attached_again(
    shared_session: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = saved(tmp_path / "whatever.pth")
    listed(tmp_path, monkeypatch, file="ours-00.pth", sha256=digest[:8])
    number = shared_session.session.open(tmp_path / "whatever.pth")
    shared_session.until(lambda: shared_session.checkpoint(number).match_report is not None)
    shared_session.session.attach(number)
    shared_session.until(lambda: shared_session.checkpoint(number).official.phase == "ready")
    shared_session.until(lambda: shared_session.checkpoint(number).attachment.phase in ("ready", "failed"))
    assert shared_session.checkpoint(number).attachment.preprocessing["crop_size"] == 64


@pytest.mark.parametrize("name", ["ours-00.pth", "ours-00 (1).pth"])
def test_a_file_that_is_only_called_so_is_flagged(
    shared_session: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    saved(tmp_path / name)
    listed(tmp_path, monkeypatch, file="ours-00.pth", sha256="00000000")
    official = checked(shared_session, tmp_path / name)
    assert (official.entry, official.claimed) == ("", "Ours_Weights.V1")
    assert official.is_misnamed


def test_one_that_is_called_right_and_is_it(
    shared_session: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = saved(tmp_path / "ours.pth")
    listed(tmp_path, monkeypatch, file="ours.pth", sha256=digest[:10])
    official = checked(shared_session, tmp_path / "ours.pth")
    assert (official.entry, official.claimed, official.is_misnamed) == ("Ours_Weights.V1", "Ours_Weights.V1", False)


def test_other_keys_are_never_official(shared_session: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checksum of eight digits can be forged: size and keys must be the entry's too."""
    path = tmp_path / "ours.pth"
    torch.save(model(7).state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    listed(tmp_path, monkeypatch, file="ours.pth", sha256=digest[:8])
    official = checked(shared_session, path)
    assert (official.entry, official.is_misnamed) == ("", True)


def test_a_size_that_is_not_the_published_one_is_not_hashed(
    shared_session: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(model(1000).double().state_dict(), tmp_path / "net.pth")
    digest = hashlib.sha256((tmp_path / "net.pth").read_bytes()).hexdigest()
    listed(tmp_path, monkeypatch, file="ours.pth", sha256=digest[:8], file_size=1.0)
    number = shared_session.open(tmp_path / "net.pth")
    answers: list[Any] = []
    shared_session.session._worker.request("catalogue", {}, [], lambda *_: answers.append(1), answers.append)
    shared_session.until(lambda: bool(answers))  # answered in order, so the other question was before
    assert shared_session.checkpoint(number).official.phase == "none"
