"""What is given up for speed: off unless it is chosen, said where it counts, and told to the engine."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from inspector.gui import theme
from inspector.gui.attach_words import options_text
from inspector.gui.main_window import MainWindow
from inspector.gui.speed_dialog import SpeedDialog
from inspector.session.state import EngineOptions


@pytest.fixture
def dialog(qtbot: Any, qapp: QApplication) -> SpeedDialog:
    theme.apply(qapp, "light")
    made = SpeedDialog(EngineOptions())
    qtbot.addWidget(made)
    return made


def test_nothing_is_given_up_at_first(dialog: SpeedDialog) -> None:
    assert dialog.chosen == EngineOptions()
    assert not any(box.isChecked() for box in dialog.boxes.values())
    assert all(box.accessibleDescription() for box in dialog.boxes.values())


def test_one_precision_takes_the_place_of_the_other(dialog: SpeedDialog) -> None:
    dialog.boxes["bf16"].click()
    dialog.boxes["compile"].click()
    assert dialog.chosen == EngineOptions("bf16", compile=True)
    dialog.boxes["fp16"].click()
    assert dialog.chosen == EngineOptions("fp16", compile=True)
    dialog.boxes["fp16"].click()
    assert dialog.chosen == EngineOptions("", compile=True)


def test_what_was_chosen_is_shown_again(qtbot: Any) -> None:
    again = SpeedDialog(EngineOptions("fp16", compile=True))
    qtbot.addWidget(again)
    assert again.chosen == EngineOptions("fp16", compile=True)


def test_the_choice_is_the_sessions_and_cancel_leaves_it(window: MainWindow, qtbot: Any) -> None:
    def shown() -> SpeedDialog:
        window.commands.actions["speed"].trigger()
        found = window.findChild(SpeedDialog)
        assert isinstance(found, SpeedDialog)
        return found

    first = shown()
    first.boxes["bf16"].click()
    first.reject()
    qtbot.waitUntil(lambda: window.findChild(SpeedDialog) is None)
    assert window.store.engine.options == EngineOptions()
    second = shown()
    second.boxes["bf16"].click()
    second.accept()
    assert window.store.engine.options == EngineOptions("bf16")


def test_the_card_says_that_numbers_differ() -> None:
    assert options_text(EngineOptions()) == ""
    assert options_text(EngineOptions("bf16", compile=True)) == (
        "Computed in bfloat16, compiled: numbers differ a little"
    )
    assert options_text(EngineOptions(compile=True)).startswith("Compiled:")
