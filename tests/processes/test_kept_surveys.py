"""What a survey told is told again from a file, unless the checkpoint or the file is another one now."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector import findings
from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.errors import CheckpointError
from inspector.checkpoint.forwarding import forward
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles import kept_surveys, surveying
from inspector.weights import survey as survey_module

Told = list[dict[str, Any]]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.save({f"t{index}": torch.randn(5, index) for index in range(600)}, tmp_path / "c.pth")
    return tmp_path / "c.pth"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often a survey was really made."""
    times: list[int] = []
    make = surveying.survey

    def counting(*arguments: Any) -> Any:
        times.append(1)
        return make(*arguments)

    monkeypatch.setattr(surveying, "survey", counting)
    return times


def ask(path: Path, cache: Path | None, bins: int = 64) -> tuple[dict[int, bytes], dict[str, Any]]:
    """Return what is told of each tensor, and the result."""
    with open_checkpoint(path) as opened:
        header, columns = forward(CheckpointSummary(*encode(opened)))
    told: Told = []
    params = {"summary": header, "bins": bins, "cache": str(cache) if cache else None}
    result, _ = kept_surveys.survey(params, [bytearray(column) for column in columns], told.append)
    rows = {}
    for message in told:
        step = len(message["rows"]) // max(1, len(message["tensors"]))
        for place, tensor in enumerate(message["tensors"]):
            rows[tensor] = message["rows"][place * step : (place + 1) * step]
    return rows, result


def test_it_is_told_again_without_being_measured(checkpoint: Path, tmp_path: Path, measured: list[int]) -> None:
    first = ask(checkpoint, tmp_path / "cache")
    assert len(first[0]) == 600
    assert ask(checkpoint, tmp_path / "cache")[1] == first[1]
    assert len(ask(checkpoint, tmp_path / "cache")[0]) == 600
    assert len(measured) == 1
    ask(checkpoint, None)
    ask(checkpoint, tmp_path / "cache", bins=16)
    assert len(measured) == 3


def test_a_file_written_anew_is_measured_anew(checkpoint: Path, tmp_path: Path, measured: list[int]) -> None:
    ask(checkpoint, tmp_path / "cache")
    os.utime(checkpoint, ns=(1, 1))
    ask(checkpoint, tmp_path / "cache")
    assert len(measured) == 2


def test_another_edition_of_the_audit_looks_anew(
    checkpoint: Path, tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(checkpoint, tmp_path / "cache")
    monkeypatch.setattr(findings, "EDITION", findings.EDITION + 1)
    ask(checkpoint, tmp_path / "cache")
    assert len(measured) == 2


def test_what_the_audit_found_is_kept(tmp_path: Path, measured: list[int]) -> None:
    torch.save({"fc.weight": torch.full((4, 4), torch.nan)}, tmp_path / "nan.pth")
    made = [ask(tmp_path / "nan.pth", tmp_path / "cache")[1]["findings"] for _ in range(2)]
    assert len(measured) == 1
    assert made[0] == made[1]
    assert [found["rule"] for found in made[0]] == ["nan"]


@pytest.mark.parametrize("damage", [b"", b"short", b"inspector survey 1\n" + bytes(50)])
def test_a_damaged_file_is_replaced(checkpoint: Path, tmp_path: Path, measured: list[int], damage: bytes) -> None:
    first = ask(checkpoint, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage or whole[:-7])
    assert ask(checkpoint, tmp_path / "cache")[1] == first[1]
    assert len(measured) == 2
    ask(checkpoint, tmp_path / "cache")
    assert len(measured) == 2


def test_the_longest_unused_are_removed(
    checkpoint: Path, tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_surveys, "MOST_KEPT", 2)
    for bins in (16, 32, 64):
        ask(checkpoint, tmp_path / "cache", bins)
        for path in (tmp_path / "cache").iterdir():
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 100))
    assert len(list((tmp_path / "cache").iterdir())) == 2
    ask(checkpoint, tmp_path / "cache", 64)
    assert len(measured) == 3
    ask(checkpoint, tmp_path / "cache", 16)
    assert len(measured) == 4


def test_a_folder_that_cannot_be_written_does_no_harm(checkpoint: Path, tmp_path: Path, measured: list[int]) -> None:
    (tmp_path / "file").write_text("")
    assert len(ask(checkpoint, tmp_path / "file" / "cache")[0]) == 600
    assert len(measured) == 1


def test_what_could_not_be_read_this_time_is_tried_again(
    checkpoint: Path, tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise CheckpointError("c.pth can't be read: Input/output error.")

    with monkeypatch.context() as broken:
        broken.setattr(survey_module, "open_pieces", fail)
        assert len(ask(checkpoint, tmp_path / "cache")[0]) == 0
    assert len(ask(checkpoint, tmp_path / "cache")[0]) == 600
    assert len(measured) == 2


def test_what_can_never_be_read_is_kept(tmp_path: Path, measured: list[int]) -> None:
    torch.save({"meta": torch.ones(3, device="meta"), "good": torch.ones(3)}, tmp_path / "meta.pth")
    for _ in range(2):
        assert len(ask(tmp_path / "meta.pth", tmp_path / "cache")[0]) == 1
    assert len(measured) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_only_plain_files_are_read(checkpoint: Path, tmp_path: Path, measured: list[int], kind: str) -> None:
    first = ask(checkpoint, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    moved = kept.rename(tmp_path / "moved")
    if kind == "pipe":
        os.mkfifo(kept)
    else:
        kept.symlink_to(moved)
    before = moved.read_bytes()
    assert ask(checkpoint, tmp_path / "cache")[1] == first[1]
    assert len(measured) == 2
    assert kept.is_file()
    assert not kept.is_symlink()
    assert moved.read_bytes() == before


def test_what_was_left_half_written_is_removed(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    old, new = (tmp_path / "cache" / f"{name}.survey.{name}.part" for name in ("1", "2"))
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (1, 1))
    ask(checkpoint, tmp_path / "cache")
    assert not old.exists()
    assert new.exists()
