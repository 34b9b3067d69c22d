"""The slim row above a view: its own controls at the left; copying and saving what is drawn at the right."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from inspector.gui import icons, theme

_HEIGHT = 28
_ICON = 16


class ViewBar(QWidget):
    """A view's controls.

    Signals
    -------
    copy_requested
        The person wants what is drawn in the clipboard.
    save_requested
        The person wants it in a file.
    """

    copy_requested = Signal()
    save_requested = Signal()

    def __init__(self, parent: QWidget | None = None, *, pictures: bool = True) -> None:
        super().__init__(parent)
        self._labels: dict[QWidget, QLabel] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.addStretch(1)
        self.copy = self._tool("copy", "Copy picture", "Copy what is drawn as a picture")
        self.save = self._tool("save", "Save picture", "Save what is drawn as PNG or SVG…")
        self.copy.clicked.connect(self.copy_requested)
        self.save.clicked.connect(self.save_requested)
        for button in (self.copy, self.save):
            button.setVisible(pictures)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def add(self, widget: QWidget, label: str = "") -> None:
        """Add a control at the left, after those that are there, with a word before it."""
        place = self._row.count() - 3  # before the stretch and the two buttons
        if label:
            word = QLabel(label)
            word.setProperty("muted", True)
            word.setBuddy(widget)
            self._labels[widget] = word
            self._row.insertWidget(place, word)
            place += 1
        self._row.insertWidget(place, widget)

    def label_of(self, widget: QWidget) -> QLabel:
        """Return the word before a control."""
        return self._labels[widget]

    def _tool(self, icon: str, name: str, tip: str) -> QPushButton:
        button = QPushButton()
        button.setIcon(icons.icon(icon))
        button.setProperty("flat", True)
        button.setFixedSize(_HEIGHT, _HEIGHT)
        button.setAccessibleName(name)
        button.setToolTip(tip)
        self._row.addWidget(button)
        return button


def slim(widget: QWidget) -> QWidget:
    """Make a control (a combo box, a button) as low as a bar's row; return it."""
    kind = type(widget).mro()[0].__name__
    theme.dress(widget, f"{kind} {{ padding: 1px 8px; min-height: 20px; }}")
    return widget
