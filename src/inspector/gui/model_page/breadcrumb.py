"""The way to what is shown, as buttons that lead back along it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from inspector.gui import theme
from inspector.gui.tooltips import tooltip

#: Steps that are shown: the first one and the last ones.
_MOST = 5
_LONGEST = 22


class Breadcrumb(QWidget):
    """Steps from the whole to a part.

    Signals
    -------
    chosen
        The number of a step, as it was given.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(2)

    def show_way(self, steps: Sequence[tuple[int, str]]) -> None:
        """Show steps, each a number and a name, from the whole on."""
        while (item := self._row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = []
        shown = list(steps)
        if len(shown) > _MOST:
            shown = [shown[0], (shown[-_MOST + 1][0], "…"), *shown[2 - _MOST :]]
        for place, (number, name) in enumerate(shown):
            if place:
                sign = QLabel("›")
                sign.setProperty("muted", True)
                self._row.addWidget(sign)
            self._row.addWidget(self._button(number, name, is_last=place == len(shown) - 1))
        self._row.addStretch(1)

    def _button(self, number: int, name: str, *, is_last: bool) -> QPushButton:
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        button = QPushButton(short.replace("&", "&&"))
        button.setProperty("flat", True)
        button.setEnabled(not is_last)
        button.setToolTip(tooltip(name))
        button.setAccessibleName(f"Back to {name}")
        color = theme.colors().text if is_last else theme.colors().accent
        theme.dress(button, f"QPushButton {{ padding: 1px 5px; min-height: 18px; color: {color}; }}")
        button.setCursor(Qt.CursorShape.ArrowCursor if is_last else Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(partial(self.chosen.emit, number))
        self.buttons.append(button)
        return button
