"""What the reader answers is made into a summary in slices on the loop, and a file can be closed in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inspector.session import clients

from .conftest import Driven


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.pth"
    torch.save({f"a{row // 10}.b{row}": torch.zeros(1) for row in range(3_000)}, path)
    return path


def test_other_calls_come_between_the_slices(driven: Driven, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_SLICE_SECONDS", 0.0)  # as on a machine where every step takes long
    turns: list[str] = []
    made = clients.Readers._build

    def build(*arguments: object) -> None:
        turns.append("slice")
        driven.loop.post(lambda: turns.append("other"))
        made(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(clients.Readers, "_build", build)
    number = driven.session.open(large)
    driven.until(lambda: len(turns) > 20 or driven.checkpoint(number).phase != "running")
    assert turns[:6] == ["slice", "other"] * 3


def test_a_file_closed_between_two_slices_is_not_heard_of_again(
    driven: Driven, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "_SLICE_SECONDS", 0.0)
    made, seen = clients.Readers._build, list[int]()

    def build(*arguments: object) -> None:
        seen.append(len(seen))
        if len(seen) == 5:
            driven.session.close(number)
        made(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(clients.Readers, "_build", build)
    changed: list[int] = []
    driven.store.checkpoint_changed.connect(changed.append)
    number = driven.session.open(large)
    driven.until(lambda: len(seen) == 5)
    other = driven.session.open(large)
    driven.until(lambda: driven.checkpoint(other).phase == "ready")
    assert number not in changed
    assert number not in driven.store.checkpoints
