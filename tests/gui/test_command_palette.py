"""The command palette: what is typed finds the command of that name first."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLineEdit, QTreeWidget, QWidget

from inspector.gui.command_palette import CommandPalette
from inspector.gui.commands import COMMANDS


@pytest.fixture
def triggered() -> list[str]:
    return []


@pytest.fixture
def parent(qtbot: Any) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def palette(parent: QWidget, triggered: list[str]) -> CommandPalette:
    actions = []
    for command in COMMANDS:
        action = QAction(command.text, parent)
        action.setStatusTip(command.tip)
        action.triggered.connect(lambda _=False, name=command.name: triggered.append(name))
        actions.append(action)
    return CommandPalette(actions, parent)


@pytest.mark.parametrize(("typed", "command"), [("dark", "theme_dark"), ("theme: light", "theme_light"), ("", "open")])
def test_enter_takes_the_command_of_the_typed_name(
    palette: CommandPalette, triggered: list[str], qtbot: Any, typed: str, command: str
) -> None:
    search = palette.findChild(QLineEdit)
    assert search is not None
    qtbot.keyClicks(search, typed)
    with qtbot.waitSignal(palette.destroyed):  # it does not stay behind, hidden
        qtbot.keyClick(search, Qt.Key.Key_Return)
    assert triggered == [command]


def test_words_of_the_explanation_find_too(palette: CommandPalette, qtbot: Any) -> None:
    search, rows = palette.findChild(QLineEdit), palette.findChild(QTreeWidget)
    assert search is not None
    assert rows is not None
    qtbot.keyClicks(search, "torch process")
    (row,) = rows.findItems("", Qt.MatchFlag.MatchContains)
    assert row.text(0) == "Restart the engine"
