"""What stands where there is nothing to show: why, and what to do about it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from inspector.gui import icons, theme

_ICON = 34
_WIDTH = 380


class EmptyPage(QWidget):
    """An icon, a title, a sentence or two, and a button where one helps.

    Signals
    -------
    pressed
        The button.
    """

    pressed = Signal()

    def __init__(self, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self._picture, self.title, self.text, self.button = QLabel(), QLabel(), QLabel(), QPushButton()
        for label in (self.title, self.text):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setFixedWidth(_WIDTH)
        for label in (self._picture, self.title, self.text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text.setProperty("muted", True)
        self.button.clicked.connect(self.pressed)
        self.button.hide()
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addStretch(2)
        for widget in (self._picture, self.title, self.text, self.button):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self._dress()

    def say(self, title: str, text: str, button: str = "") -> None:
        """Show a title, what explains it, and a button where it has a text."""
        self.title.setText(title)
        self.text.setText(text)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self._give_room()

    def _give_room(self) -> None:
        """Let both texts be as high as they are at their width: a layout that centres them does not ask for that."""
        for label in (self.title, self.text):
            label.setFixedHeight(max(label.heightForWidth(_WIDTH), 1))

    def _dress(self) -> None:
        self.title.setFont(theme.scaled_font(1.1, bold=True))
        self._picture.setPixmap(icons.pixmap(self._icon, theme.colors().muted, _ICON, self.devicePixelRatioF()))

    def showEvent(self, event: QShowEvent) -> None:
        """Measure the texts once more: their fonts are final now."""
        super().showEvent(event)
        self._give_room()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._give_room()
        super().changeEvent(event)
