"""A clean copy by the menu of a real window, with real processes: saved, given up, and refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMenu

from inspector.gui.main_window import MainWindow

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"
Drop = Callable[..., bool]
Answer = Callable[..., None]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Answer the save dialog with a path, and with the kind of file that is chosen in it."""

    def set_answer(path: Path | str, kind: str = "safetensors (*.safetensors)") -> None:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))

    return set_answer


def open_in(window: MainWindow, qtbot: Any, drop_on: Drop, path: Path) -> None:
    assert not window.commands.actions["save_copy"].isEnabled()
    drop_on(window, [path])
    qtbot.waitUntil(lambda: window.commands.actions["save_copy"].isEnabled(), timeout=60_000)


def choose_in_menu(window: MainWindow, words: str) -> None:
    window.commands.menu.aboutToShow.emit()
    menus = [action.menu() for action in window.commands.menu.actions()]
    (file_menu,) = (menu for menu in menus if isinstance(menu, QMenu) and menu.title() == "File")
    next(action for action in file_menu.actions() if action.text() == words).trigger()


def wait_for_notice(window: MainWindow, qtbot: Any, start: str) -> str:
    qtbot.waitUntil(lambda: window.notice.text.text().startswith(start), timeout=60_000)
    text: str = window.notice.text.text()
    return text


def test_saved_by_the_menu(window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path, answer: Answer) -> None:
    open_in(window, qtbot, drop_on, DEMO / "digits.pth")
    answer(tmp_path / "clean.pth")
    choose_in_menu(window, "Save a clean copy…")
    text = wait_for_notice(window, qtbot, "Wrote clean.pth: 338 tensors, ")
    assert text.endswith(f"It is in {tmp_path}.")
    assert window.status.copy.isHidden()
    original = torch.load(DEMO / "digits.pth", weights_only=True)["state_dict"]
    found = torch.load(tmp_path / "clean.pth", weights_only=True)
    assert all(torch.equal(found[key], tensor) for key, tensor in original.items())
    window.commands.actions["close"].trigger()
    drop_on(window, [tmp_path / "clean.pth"])
    qtbot.waitUntil(lambda: window.attach.button.isEnabled(), timeout=60_000)
    assert window.attach.architecture.currentText() == "shufflenet_v2_x0_5"


def test_a_name_without_a_format_gets_the_chosen_one_and_replaces_nothing(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path, answer: Answer
) -> None:
    open_in(window, qtbot, drop_on, DEMO / "digits.pth")
    answer(tmp_path / "mine", "PyTorch state_dict (*.pth *.pt)")
    choose_in_menu(window, "Save a clean copy…")
    wait_for_notice(window, qtbot, "Wrote mine.pth")
    before = (tmp_path / "mine.pth").stat().st_mtime_ns
    choose_in_menu(window, "Save a clean copy…")
    wait_for_notice(window, qtbot, "mine.pth is there already.")
    assert (tmp_path / "mine.pth").stat().st_mtime_ns == before
    answer(tmp_path / "mine.pth")  # shown to the person, who was asked
    choose_in_menu(window, "Save a clean copy…")
    wait_for_notice(window, qtbot, "Wrote mine.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.pth"]


def test_given_up_nothing_is_left(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path, answer: Answer
) -> None:
    torch.save({f"a.{number}.weight": torch.ones(16 << 20) for number in range(8)}, tmp_path / "large.pth")
    open_in(window, qtbot, drop_on, tmp_path / "large.pth")
    folder = tmp_path / "out"
    folder.mkdir()
    answer(folder / "clean.safetensors")
    for cancel in (
        lambda: window.commands.actions["cancel"].trigger(),
        lambda: qtbot.mouseClick(window.status.copy.button, Qt.MouseButton.LeftButton),
    ):
        choose_in_menu(window, "Save a clean copy…")
        qtbot.waitUntil(lambda: window.status.copy.bar.value() > 0, timeout=60_000)
        assert window.status.copy.isVisible()
        assert not window.commands.actions["save_copy"].isEnabled()
        cancel()
        assert window.notice.text.text() == "The copy of large.pth was given up. Nothing was written."
        assert window.status.copy.isHidden()
        assert list(folder.iterdir()) == []
        window.notice.text.setText("")
        window.status.copy.bar.setValue(0)


def test_a_file_that_changed_is_not_copied(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path, answer: Answer
) -> None:
    path = tmp_path / "small.pth"
    torch.save({"a.weight": torch.ones(3), "a.bias": torch.ones(3)}, path)
    open_in(window, qtbot, drop_on, path)
    torch.save({"a.weight": torch.zeros(3), "a.bias": torch.ones(4)}, path)
    answer(tmp_path / "clean.pth")
    choose_in_menu(window, "Save a clean copy…")
    wait_for_notice(window, qtbot, "small.pth has changed since it was opened.")
    assert not (tmp_path / "clean.pth").exists()


def test_nothing_to_copy_and_a_dialog_that_is_cancelled(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path, answer: Answer
) -> None:
    torch.save({"epoch": 3}, tmp_path / "plain.pth")
    drop_on(window, [tmp_path / "plain.pth"])
    qtbot.waitUntil(lambda: window.tree.view.model().rowCount() > 0, timeout=60_000)
    assert not window.commands.actions["save_copy"].isEnabled()
    window.commands.actions["close"].trigger()
    open_in(window, qtbot, drop_on, DEMO / "digits.pth")
    answer("")
    choose_in_menu(window, "Save a clean copy…")
    current = window.session.current
    assert current is not None
    assert current.copy is None


def test_pictures_that_are_saved_are_told_in_the_status_bar_and_can_be_given_up(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path
) -> None:
    open_in(window, qtbot, drop_on, DEMO / "digits.pth")
    drop_on(window, [DEMO / "samples"])
    store, shown = window.store, window.status.pictures
    qtbot.waitUntil(
        lambda: len(store.predictions) == 12 and all(found.phase == "ready" for found in store.predictions.values()),
        timeout=60_000,
    )
    assert shown.isHidden()
    assert store.current is not None
    (tmp_path / "out").mkdir()
    window.session.exporting.save_pictures(store.current, list(store.images), tmp_path / "out")
    assert not shown.isHidden()
    assert shown.text.text() == f"Saving 0 of {len(store.images)} pictures in out"
    qtbot.mouseClick(shown.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "pictures saved in out" in window.notice.text.text(), timeout=60_000)
    assert window.notice.text.text().startswith(f"{len(list((tmp_path / 'out').iterdir()))} of 12 pictures")
    assert len(list((tmp_path / "out").iterdir())) < 12
    assert shown.isHidden()
