"""The settings dialog in the real window: the list, the keyboard, a Python that is taken, and ones that are not."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel

from inspector.desktop.settings import SettingsStore
from inspector.gui import file_dialogs, theme
from inspector.gui.main_window import MainWindow
from inspector.gui.python_page import PythonPage
from inspector.gui.settings_dialog import SettingsDialog
from inspector.gui.start import make_window

from ..pythons import trees

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for a Python are shell scripts and links")

KEY = Qt.Key


@pytest.fixture
def environments() -> Path:
    """Three environments in the home, none of which may be run; return what a run of them would leave."""
    home, canary = Path.home(), Path.home() / "canary"
    trees.with_torch(trees.virtual(home / ".virtualenvs" / "paper", canary=canary))
    old = trees.virtual(home / ".virtualenvs" / "before", canary=canary)
    trees.helpers(old)
    trees.library(old, "torch", "2.4.1+cu121")
    trees.virtual(home / ".virtualenvs" / "empty <b>", "3.10.2", canary=canary)
    return canary


def opened(window: MainWindow, qtbot: Any) -> PythonPage:
    """Open the settings by their keys and wait for the list."""
    qtbot.keyClick(window, KEY.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.findChild(SettingsDialog) is not None)
    dialog = window.findChild(SettingsDialog)
    assert isinstance(dialog, SettingsDialog)
    qtbot.waitUntil(lambda: window.store.pythons.phase == "ready", timeout=30_000)
    return dialog.python


def states(page: PythonPage) -> dict[str, str]:
    """Return each row's state by its name."""
    items = (page.list.topLevelItem(place) for place in range(page.list.topLevelItemCount()))
    return {item.text(0): item.text(5) for item in items if item is not None}


def click(page: PythonPage, qtbot: Any, name: str) -> None:
    (item,) = page.list.findItems(name, Qt.MatchFlag.MatchExactly)
    page.list.scrollToItem(item)
    place = page.list.visualItemRect(item).center()
    qtbot.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(60, place.y()))


def second_python(folder: Path) -> str:
    """Make a second environment that works: its packages are this one's, by a .pth file."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    packages = next(folder.glob("lib/python3*/site-packages"))
    (packages / "shared.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return str(folder / "bin" / "python3")


def test_the_list_and_what_is_said_of_each(window: MainWindow, qtbot: Any, environments: Path) -> None:
    page = opened(window, qtbot)
    shown = states(page)
    assert list(shown)[:2] == ["Inspector's own", "paper"]
    assert shown["Inspector's own"] == "In use"
    assert (shown["paper"], shown["before"], shown["empty <b>"]) == ("Can be used", "torch too old", "Python too old")
    assert page.list.current == sys.executable
    assert not page.use.isEnabled()
    click(page, qtbot, "paper")
    assert page.details.sentence.text() == "torch 2.6.0+cu126 and torchvision 0.21.0+cu126 on Python 3.12.4."
    assert page.use.isEnabled()
    click(page, qtbot, "before")
    assert page.details.sentence.text() == "torch 2.4.1+cu121 is too old: the engine needs 2.6 or newer."
    assert not page.use.isEnabled()
    qtbot.mouseClick(page.details.copy, Qt.MouseButton.LeftButton)
    python = Path.home() / ".virtualenvs/before/bin/python3"
    assert QGuiApplication.clipboard().text() == f"{python} -m pip install --upgrade torch torchvision"
    qtbot.keyClick(page.list, KEY.Key_Return)  # what can't be used is not started by Enter either
    assert window.store.python_trial is None
    assert not environments.exists()


def test_by_keyboard_to_another_python_and_it_is_remembered(window: MainWindow, qtbot: Any) -> None:
    python = second_python(Path.home() / ".venvs" / "second")
    page = opened(window, qtbot)
    assert page.list.hasFocus() or page.list.focusPolicy() & Qt.FocusPolicy.TabFocus
    qtbot.keyClick(page.list, KEY.Key_Home)
    qtbot.keyClick(page.list, KEY.Key_Down)
    assert page.list.current == python
    qtbot.keyClick(page.list, KEY.Key_Return)
    trial = window.store.python_trial
    assert trial is not None
    assert trial.executable == python
    assert page.details.progress.isVisible()
    assert page.use.text() == "Cancel"
    qtbot.waitUntil(lambda: window.store.python_trial is None, timeout=90_000)
    assert window.store.engine.executable == python
    assert states(page)["second"] == "In use"
    assert "CPU" in page.status.text()
    assert page.details.sentence.text().startswith("In use: torch ")
    assert SettingsStore().settings.engine_python == python
    third = second_python(Path.home() / "elsewhere" / "third")
    page.path.setText(str(Path(third).parent.parent))
    qtbot.keyClick(page.path, KEY.Key_Return)
    qtbot.waitUntil(lambda: states(page).get("third") == "In use", timeout=90_000)
    assert states(page)["second"] == "Can be used"
    assert page.path.text() == ""
    assert SettingsStore().settings.engine_python == third
    qtbot.keyClick(page.list, KEY.Key_Escape)
    qtbot.waitUntil(lambda: window.findChild(SettingsDialog) is None)
    window.store.engine_changed.emit()  # the closed page listens no more


def test_another_one_by_its_path(
    window: MainWindow, qtbot: Any, environments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(window, qtbot)
    qtbot.keyClicks(page.path, "~/nowhere/python")
    assert page.use.text() == "Use this path"
    qtbot.keyClick(page.path, KEY.Key_Return)
    qtbot.waitUntil(lambda: "there is no such program" in page.details.sentence.text(), timeout=20_000)
    assert page.details.sentence.text().endswith("Choose another one. The Python in use stays.")
    page.path.clear()
    qtbot.keyClicks(page.path, str(Path.home() / ".virtualenvs" / "before"))  # an environment's folder will do
    qtbot.mouseClick(page.use, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "is too old" in page.details.sentence.text(), timeout=20_000)
    assert page.details.command.text().endswith("install --upgrade torch torchvision")
    assert page.list.current == str(Path.home() / ".virtualenvs/before/bin/python3")
    click(page, qtbot, "paper")
    assert window.store.python_trial is None
    assert page.path.text() == ""
    failing = trees.program(Path.home() / "elsewhere" / "python", Path.home() / "ran")
    monkeypatch.setattr(file_dialogs, "ask_for_python", lambda parent: str(failing))
    qtbot.mouseClick(page.other, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "no working Python" in page.details.sentence.text(), timeout=20_000)
    assert (Path.home() / "ran").exists()
    assert not environments.exists()
    assert SettingsStore().settings.engine_python is None


def test_one_beside_an_opened_file_is_refused(
    window: MainWindow, qtbot: Any, drop_on: Callable[..., bool], tmp_path: Path
) -> None:
    python = trees.program(tmp_path / "download" / "python")
    (tmp_path / "download/model.npy").write_bytes(b"no array")
    import numpy as np

    np.save(tmp_path / "download/model.npy", np.ones(3))
    assert drop_on(window, [tmp_path / "download/model.npy"])
    qtbot.waitUntil(lambda: window.session.current is not None and window.session.current.phase == "ready")
    page = opened(window, qtbot)
    page.path.setText(str(python))
    qtbot.keyClick(page.path, KEY.Key_Return)
    assert "may have come with it" in page.details.sentence.text()
    assert not (tmp_path / "download/canary").exists()


def test_a_python_that_is_gone_is_said_at_the_start(qtbot: Any, qapp: QApplication) -> None:
    gone = str(Path.home() / "gone" / "bin" / "python")
    SettingsStore().update(engine_python=gone)
    theme.apply(qapp, "light")
    window = make_window(SettingsStore())
    window.show()
    qtbot.waitUntil(lambda: "is gone" in window.notice.text.text())
    assert gone in window.notice.text.text()
    assert window.store.engine.executable == sys.executable
    page = opened(window, qtbot)
    assert states(page)["Python"] == "Gone"
    assert SettingsStore().settings.engine_python == gone  # its disk may be back tomorrow
    window.close()
    window.deleteLater()
    QApplication.processEvents()


def test_it_fits_a_small_screen_and_shows_strangers_text_as_it_stands(
    window: MainWindow, qtbot: Any, environments: Path, qapp: QApplication
) -> None:
    window.resize(1280, 720)
    page = opened(window, qtbot)
    dialog = page.window()
    assert dialog.width() <= 1280
    assert dialog.height() <= 720
    assert page.list.horizontalScrollBar().maximum() == 0
    click(page, qtbot, "empty <b>")
    rich = [label for label in page.findChildren(QLabel) if label.textFormat() != Qt.TextFormat.PlainText]
    assert not any("<b>" in label.text() for label in rich)
    item = page.list.currentItem()
    assert item is not None
    assert "<b>" not in item.toolTip(0)
    before = item.foreground(0).color()
    theme.apply(qapp, "dark")
    after = page.list.currentItem()
    assert after is not None
    assert after.foreground(0).color() != before
    assert page.list.current.endswith("empty <b>/bin/python3")
    for widget in (page.list, page.path, page.details.command, page.details.copy):
        assert widget.accessibleName()
    for button in (page.use, page.other, page.again, page.details.copy):
        assert button.toolTip()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
