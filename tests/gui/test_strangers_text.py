"""What a stranger wrote is shown as it stands: never as markup, which could load files or look like ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from inspector.gui.chips import Chip
from inspector.gui.main_window import MainWindow


def test_a_chip_escapes_its_tooltip(qtbot: Any) -> None:
    chip = Chip()
    qtbot.addWidget(chip)
    chip.show_text("Needs trust", "warning", tip="it names <img src='file:///secret'>")
    assert "<img" not in chip.toolTip()
    assert "&lt;img" in chip.toolTip()


def test_a_file_named_like_markup(window: MainWindow, qtbot: Any, drop_on: Callable[..., bool], tmp_path: Path) -> None:
    path = tmp_path / "<b>bold<b>.pth"
    torch.save({"<i>layer.weight": torch.zeros(2, 2)}, path)
    drop_on(window, [path])
    qtbot.waitUntil(lambda: window.session.current is not None and window.session.current.tensor_view is not None)
    assert "<b>" not in window.tabs.bar.tabToolTip(0)
    loose = [
        label.text()
        for label in window.findChildren(QLabel)
        if label.textFormat() != Qt.TextFormat.PlainText and ("<b>bold" in label.text() or "<i>layer" in label.text())
    ]
    assert not loose
