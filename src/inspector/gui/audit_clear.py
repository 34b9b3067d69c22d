"""What an audit shows that found nothing wrong: what it looked for."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from inspector.gui import icons, theme
from inspector.gui.audit_words import CHECKED

_LARGE, _SMALL = 34, 14


class ClearPage(QWidget):
    """A title, in how many tensors nothing was found, and what was looked for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture, self.title, self.text = QLabel(), QLabel("Nothing wrong was found"), QLabel()
        self.text.setProperty("muted", True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self._marks = [QLabel() for _ in CHECKED]
        rows = QGridLayout()
        rows.setHorizontalSpacing(10)
        rows.setVerticalSpacing(5)
        for row, (mark, checked) in enumerate(zip(self._marks, CHECKED, strict=True)):
            rows.addWidget(mark, row, 0)
            rows.addWidget(QLabel(checked), row, 1)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addLayout(rows)
        middle.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addStretch(2)
        for widget in (self._picture, self.title, self.text):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(10)
        column.addLayout(middle)
        column.addStretch(3)
        self._dress()

    def say(self, seen: str) -> None:
        """Show in how many tensors it was looked for."""
        self.text.setText(f"{seen}, for:")
        self.setAccessibleName(f"Nothing wrong was found. {seen}, for: {', '.join(CHECKED)}")

    def _dress(self) -> None:
        c, ratio = theme.colors(), self.devicePixelRatioF()
        self.title.setFont(theme.scaled_font(1.1, bold=True))
        self._picture.setPixmap(icons.pixmap("check", c.positive, _LARGE, ratio))
        for mark in self._marks:
            mark.setPixmap(icons.pixmap("check", c.positive, _SMALL, ratio))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)
