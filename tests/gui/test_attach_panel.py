"""The attach panel: what it says of a task, and how it fits into a narrow column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication
from torchvision.models.optical_flow import raft_small
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from inspector.gui import theme
from inspector.gui.architecture_combo import ArchitectureCombo
from inspector.gui.combo import Combo
from inspector.gui.elided_line import ElidedLine
from inspector.gui.main_window import MainWindow
from inspector.gui.one_line_button import OneLineButton
from inspector.session.state import Attachment


def matched(window: MainWindow, qtbot: Any, path: Path) -> int:
    number = window.session.open(path)
    qtbot.waitUntil(lambda: window.store.checkpoints[number].match_report is not None, timeout=20_000)
    qtbot.waitUntil(lambda: window.is_furnished)
    return number


def test_regions_are_said_to_be_ready_to_attach(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "regions.pth"
    torch.save(lraspp_mobilenet_v3_large(weights=None, weights_backbone=None).state_dict(), path)
    matched(window, qtbot, path)
    qtbot.waitUntil(lambda: "21 classes" in window.attach.card_text.text())
    assert window.attach.card_text.text() == "21 classes. For semantic segmentation. Ready to attach."
    assert not window.attach.classes.isHidden()


def test_motion_has_neither_classes_nor_labels(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "motion.pth"
    torch.save(raft_small(weights=None).state_dict(), path)
    matched(window, qtbot, path)
    qtbot.waitUntil(lambda: "optical flow" in window.attach.card_text.text())
    assert window.attach.classes.isHidden()
    assert window.attach.labels.isHidden()


def test_what_was_given_up_for_speed_is_said_where_it_counts(window: MainWindow, qtbot: Any, demo: Path) -> None:
    number = matched(window, qtbot, demo)
    ready = Attachment(phase="ready", architecture="mobilenet_v2", eval_sentence="eval mode", labels_from="10 labels")
    window.store.change_checkpoint(number, attachment=ready)
    assert "numbers differ" not in window.attach.card_text.text()
    options = replace(window.store.engine.options, autocast="bf16")
    window.store.change_engine(options=options)
    assert "Computed in bfloat16: numbers differ a little" in window.attach.card_text.text()


@pytest.fixture
def demo() -> Path:
    return Path(__file__).resolve().parents[2] / "resources" / "demo" / "digits.pth"


def test_a_long_text_is_shortened_at_its_end(qtbot: Any, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    button = OneLineButton("128 × 171, crop 112 × 112, 16 frames · KINETICS400_V1")
    qtbot.addWidget(button)
    button.resize(190, 30)
    button.show()
    assert button.shown_text().startswith("128 × 171, crop")
    assert button.shown_text().endswith("…")
    assert button.text().endswith("KINETICS400_V1")
    button.resize(button.sizeHint())
    assert button.shown_text() == button.text()


def test_a_long_choice_is_shortened_and_not_cut(qtbot: Any, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    combo = Combo()
    qtbot.addWidget(combo)
    combo.addItem("Automatic: NVIDIA H100 80GB HBM3 · 79 GB")
    combo.resize(200, 30)
    combo.show()
    assert combo.shown_text().startswith("Automatic: NV")
    assert combo.shown_text().endswith("…")
    combo.resize(combo.sizeHint())
    assert combo.shown_text() == combo.currentText()


def test_a_long_name_of_an_architecture_is_shown_from_its_begin(qtbot: Any, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    combo = ArchitectureCombo()
    qtbot.addWidget(combo)
    combo.resize(150, 30)
    combo.show()
    line = combo.lineEdit()
    assert line is not None
    combo.show_architecture("fasterrcnn_mobilenet_v3_large_320_fpn")
    assert line.cursorPosition() == 0
    line.setCursorPosition(12)
    combo.resize(140, 30)
    assert line.cursorPosition() == 0


def test_the_middle_of_a_long_name_is_left_out_until_somebody_types(qtbot: Any, qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    combo, name = ArchitectureCombo(), "ssdlite320_mobilenet_v3_large"
    qtbot.addWidget(combo)
    combo.resize(170, 30)
    combo.show()
    qtbot.waitExposed(combo)
    line = combo.lineEdit()
    assert isinstance(line, ElidedLine)
    line.clearFocus()
    combo.show_architecture(name)
    begin, end = line.shown_text().split("…")
    assert (begin, end) == (name[: len(begin)], name[-len(end) :])
    assert combo.currentText() == name
    assert name in combo.toolTip()
    short = line.grab().toImage()
    first_letters = QRect(0, 0, 24, line.height())
    combo.resize(400, 30)
    assert line.shown_text() == name
    usual = Combo(editable=True)
    qtbot.addWidget(usual)
    usual.resize(400, 30)
    usual.setEditText(name)
    usual.ensurePolished()
    own = usual.lineEdit()
    assert own is not None
    own.setCursorPosition(0)
    assert own.grab(first_letters).toImage() == short.copy(first_letters), "begins where Qt would begin it"
    combo.resize(170, 30)
    line.setFocus()
    qtbot.waitUntil(line.hasFocus)
    assert line.shown_text() == name
    assert line.grab().toImage() != short
    combo.show_architecture(None)
    assert name not in combo.toolTip()
