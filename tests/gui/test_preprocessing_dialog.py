"""How images are prepared can be seen, changed, taken from another weights entry, and taken back."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit

from inspector.gui.main_window import MainWindow
from inspector.gui.preprocessing_dialog import PreprocessingDialog
from inspector.session.preprocessing_words import numbers_from, summary_text

from .conftest import DEMO

V1 = {
    "resize_size": 256, "crop_size": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
    "interpolation": "bilinear", "grayscale": False, "source": "ResNet50_Weights.IMAGENET1K_V1",
}  # fmt: skip
V2 = V1 | {"resize_size": 232, "source": "ResNet50_Weights.IMAGENET1K_V2"}
KNOWN = ({"name": "ResNet50_Weights.IMAGENET1K_V1", **V1}, {"name": "ResNet50_Weights.IMAGENET1K_V2", **V2})


@pytest.fixture
def dialog(qtbot: Any) -> PreprocessingDialog:
    made = PreprocessingDialog(V1, KNOWN)
    qtbot.addWidget(made)
    made.show()
    return made


def text_of(dialog: PreprocessingDialog, key: str) -> str:
    field = dialog.fields[key]
    assert isinstance(field, QLineEdit)
    return field.text()


def write(dialog: PreprocessingDialog, qtbot: Any, key: str, text: str) -> None:
    field = dialog.fields[key]
    assert isinstance(field, QLineEdit)
    field.selectAll()
    qtbot.keyClicks(field, text)


def test_what_is_in_use_is_shown_and_used_as_it_is(dialog: PreprocessingDialog) -> None:
    assert text_of(dialog, "resize_size") == "256"
    assert text_of(dialog, "mean") == "0.485, 0.456, 0.406"
    dialog.use.click()
    assert dialog.chosen == V1


def test_names_stand_in_the_middle_of_their_fields(dialog: PreprocessingDialog) -> None:
    labels = {label.text(): label for label in dialog.findChildren(QLabel)}
    for text, field in (("Mean", dialog.fields["mean"]), ("Numbers of", dialog.entries)):
        assert abs(labels[text].geometry().center().y() - field.geometry().center().y()) <= 1
        assert labels[text].buddy() is field


def test_another_entry_brings_its_numbers(dialog: PreprocessingDialog, qtbot: Any) -> None:
    dialog.entries.setCurrentIndex(2)
    dialog.entries.activated.emit(2)
    assert text_of(dialog, "resize_size") == "232"
    dialog.use.click()
    assert dialog.chosen == V2


def test_numbers_of_ones_own_are_said_to_be_so(dialog: PreprocessingDialog, qtbot: Any) -> None:
    write(dialog, qtbot, "crop_size", "192")
    ways = dialog.fields["interpolation"]
    assert isinstance(ways, QComboBox)
    ways.setCurrentText("bicubic")
    dialog.use.click()
    assert dialog.chosen == V1 | {"crop_size": 192, "interpolation": "bicubic", "source": "person"}


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [("crop_size", "12.5", "Crop to: “12.5” is no whole number."), ("mean", "a, b", "Mean: “a, b” is no number.")],
)
def test_what_is_no_number_is_said_and_not_used(
    dialog: PreprocessingDialog, qtbot: Any, key: str, text: str, said: str
) -> None:
    write(dialog, qtbot, key, text)
    dialog.use.click()
    assert dialog.message.text() == said
    assert dialog.isVisible()
    assert dialog.chosen is None


def test_back_to_the_weights_own_chooses_nothing(dialog: PreprocessingDialog, qtbot: Any) -> None:
    with qtbot.waitSignal(dialog.accepted):
        dialog.own.click()
    assert dialog.chosen is None


def test_a_pair_stays_a_pair() -> None:
    assert numbers_from("128 × 171", [128, 171]) == [128, 171]
    assert numbers_from("0.5", [0.4, 0.5, 0.6]) == [0.5]
    assert summary_text({"min_size": 800, "max_size": 1333, "source": "x.COCO_V1"}) == "800 to 1333 · COCO_V1"
    assert summary_text(V1) == "256, crop 224 · IMAGENET1K_V1"


def test_the_engine_prepares_by_what_was_chosen(window: MainWindow, qtbot: Any) -> None:
    """The whole way: the button, the dialog, a new attachment whose preprocessing is the chosen one, and back."""
    window.open_paths([DEMO / "digits.pth"])
    session = window.session
    qtbot.waitUntil(lambda: session.current is not None and session.current.attachable, timeout=30_000)
    assert session.current is not None
    number = session.current.id
    session.attach(number)
    qtbot.waitUntil(lambda: session.store.checkpoints[number].attachment.phase == "ready", timeout=60_000)
    before = session.store.checkpoints[number].attachment.preprocessing
    button = window.attach.preprocessing
    qtbot.waitUntil(button.isVisible)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    (dialog,) = window.model.findChildren(PreprocessingDialog)
    write(dialog, qtbot, "mean", "0.25")
    qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.store.checkpoints[number].attachment.phase == "ready", timeout=60_000)
    found = session.store.checkpoints[number].attachment.preprocessing
    assert list(found["mean"]) == [0.25, 0.25, 0.25]
    assert found["source"] == "person"
    session.choose_preprocessing(number, None)
    qtbot.waitUntil(lambda: session.store.checkpoints[number].attachment.phase == "ready", timeout=60_000)
    assert session.store.checkpoints[number].attachment.preprocessing == before
