"""PySide6 itself, where a release of it would take the window down."""

from __future__ import annotations

import sys
from typing import Any

from PySide6.QtWidgets import QLabel


def test_calls_keep_the_references_to_none(qtbot: Any) -> None:
    """PySide6 6.12.0 loses one with every call on Python 3.11, and the interpreter aborts after some ten thousand."""
    label = QLabel()
    qtbot.addWidget(label)
    before = sys.getrefcount(None)
    for _ in range(500):
        label.setText("text")
    assert sys.getrefcount(None) > before - 250
