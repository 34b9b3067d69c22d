"""The whole way through a real window: drop a checkpoint, see it, attach it, drop an image, read the label."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel

from inspector.desktop.settings import SettingsStore
from inspector.gui.main_window import MainWindow
from inspector.gui.start import make_window

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"
Drop = Callable[..., bool]


def wait_for(qtbot: Any, condition: Callable[[], bool], timeout: int = 60_000) -> None:
    qtbot.waitUntil(condition, timeout=timeout)


def attached(window: MainWindow) -> bool:
    return window.session.current is not None and window.session.current.attachment.phase == "ready"


def shown_rows(window: MainWindow) -> int:
    return window.tree.view.model().rowCount()


def test_from_a_drop_to_a_label(window: MainWindow, qtbot: Any, drop_on: Drop) -> None:
    assert window.centre.current == "welcome"
    assert drop_on(window, [DEMO / "digits.pth"])
    wait_for(qtbot, lambda: shown_rows(window) > 0)
    assert window.windowTitle() == "digits.pth – Inspector"
    assert window.verdict.title.text().startswith("A training checkpoint: a state_dict of 338 tensors")
    wait_for(qtbot, lambda: window.attach.button.isEnabled())
    assert window.attach.architecture.currentText() == "shufflenet_v2_x0_5"
    assert "fit" in window.attach.card_title.text()
    qtbot.mouseClick(window.attach.button, Qt.MouseButton.LeftButton)
    wait_for(qtbot, lambda: attached(window))
    assert window.attach.card_title.text() == "Attached: 338 of 338 tensors, 10 classes"
    assert "val mode: 56 batch-norm layers fixed" in window.attach.card_text.text()
    assert drop_on(
        window, [DEMO / "samples" / "7_1.png"], window.prediction.mapTo(window, window.prediction.rect().center())
    )
    wait_for(qtbot, lambda: window.prediction.top_label() == "seven")
    texts = [label.text() for label in window.prediction.findChildren(QLabel)]
    assert any("seven" in text for text in texts), texts


def test_images_dropped_before_attaching_attach_the_best_fit(window: MainWindow, qtbot: Any, drop_on: Drop) -> None:
    assert drop_on(window, [DEMO / "digits.pth", DEMO / "samples"])
    wait_for(qtbot, lambda: len(window.store.images) == 12)
    wait_for(qtbot, lambda: len(window.store.predictions) == 12 and window.session.unfinished_predictions == 0)
    for (_, image), prediction in window.store.predictions.items():
        names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
        assert prediction.classes[0].label == names[int(window.store.images[image].name[0])]


def test_a_killed_engine_is_replaced_and_the_next_drop_works(window: MainWindow, qtbot: Any, drop_on: Drop) -> None:
    drop_on(window, [DEMO / "digits.pth"])
    drop_on(window, [DEMO / "samples"])
    wait_for(qtbot, lambda: any(found.phase == "running" for found in window.store.predictions.values()))
    first = window.session.engine.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(qtbot, lambda: window.session.engine.process_id not in (None, first))
    assert "engine stopped" in window.notice.text.text()
    assert window.notice.isVisible()
    wait_for(qtbot, lambda: attached(window))
    wait_for(qtbot, lambda: window.session.unfinished_predictions == 0)
    assert all(found.phase == "ready" for found in window.store.predictions.values())
    window.session.clear_images()
    drop_on(window, [DEMO / "samples" / "3_1.png"])
    wait_for(qtbot, lambda: window.prediction.top_label() == "three")


def test_a_file_that_is_no_checkpoint_says_so_and_changes_nothing_else(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path
) -> None:
    drop_on(window, [DEMO / "digits.pth"])
    wait_for(qtbot, lambda: shown_rows(window) > 0)
    page = tmp_path / "model.pth"
    page.write_text("<!DOCTYPE html><html><body>Sign in</body></html>")
    drop_on(window, [page])
    wait_for(qtbot, lambda: "web page" in window.notice.text.text())
    assert window.notice.isVisible()
    assert window.windowTitle() == "digits.pth – Inspector"
    assert window.tabs.bar.count() == 1
    assert window.centre.current == "tensor"


def test_a_drop_of_nothing_usable_is_refused(window: MainWindow, drop_on: Drop) -> None:
    assert not drop_on(window, [])
    assert not window.store.checkpoints


@pytest.mark.shared_data
def test_the_samoyed(window: MainWindow, qtbot: Any, drop_on: Drop, shared_data: Path) -> None:
    found = next((shared_data / "checkpoints" / "imagenet").glob("*resnet18*.decoded.pth"))
    drop_on(window, [found])
    wait_for(qtbot, lambda: window.attach.button.isEnabled())
    assert window.verdict.title.text() == "A state_dict: 122 tensors, 11.7\u202fM parameters"
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    wait_for(qtbot, lambda: attached(window))
    drop_on(window, [shared_data / "images" / "misc" / "pytorch__ios-demo-app__dog.jpg"])
    wait_for(qtbot, lambda: window.prediction.top_label() == "Samoyed")


def test_the_five_classes_are_seen_in_a_low_window_too(window: MainWindow, qtbot: Any) -> None:
    window.resize(1280, 720)
    window.commands.open_demo()
    wait_for(qtbot, lambda: window.prediction.top_label() == "zero")

    def lowest_bar() -> int:
        bar = window.prediction.bars.rows[-1]
        return bar.mapTo(window.model.viewport(), bar.rect().bottomLeft()).y()

    qtbot.waitUntil(lambda: 0 < lowest_bar() < window.model.viewport().height())
    assert len(window.prediction.bars.rows) == 5
    assert window.model.verticalScrollBar().maximum() == 0
    low = window.prediction.picture.height()
    window.resize(1440, 900)
    qtbot.waitUntil(lambda: window.prediction.picture.height() > low + 60)
    assert lowest_bar() < window.model.viewport().height()
    window.resize(1280, 560)
    qtbot.waitUntil(window.prediction.picture.isHidden)
    window.resize(1440, 900)
    qtbot.waitUntil(window.prediction.picture.isVisible)


def test_a_damaged_layout_in_the_settings_does_not_stop_the_start(qtbot: Any, qapp: QApplication) -> None:
    settings = SettingsStore()
    settings.update(window_geometry="a", window_state="größer\N{BLACK STAR}")
    made = make_window(settings)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.close()


def test_each_of_two_files_dropped_at_once_is_looked_through_when_it_is_shown(
    window: MainWindow, qtbot: Any, drop_on: Drop, tmp_path: Path
) -> None:
    paths = [tmp_path / "first.pth", tmp_path / "second.pth"]
    for path in paths:
        torch.save({"w": torch.ones(3, 4), "b": torch.ones(3)}, path)
    assert drop_on(window, paths)
    found = window.store.checkpoints

    def is_surveyed(number: int) -> bool:
        survey = found[number].survey
        return survey is not None and survey.phase == "ready"

    qtbot.waitUntil(lambda: len(found) == 2 and all(one.identification for one in found.values()), timeout=30_000)
    shown = window.store.current
    assert shown is not None
    qtbot.waitUntil(lambda: is_surveyed(shown), timeout=30_000)
    hidden = next(number for number in found if number != shown)
    assert found[hidden].tensor is None
    window.tabs.shown.emit(hidden)
    qtbot.waitUntil(lambda: found[hidden].tensor == 0 and is_surveyed(hidden), timeout=30_000)
