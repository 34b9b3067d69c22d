"""A search field: an icon, a hint or a count at its right end, and what was typed told after a short pause."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from inspector.gui import icons, theme

#: Milliseconds without a key before the search begins.
PAUSE = 120


class SearchField(QLineEdit):
    """A line to type a search in.

    Attributes
    ----------
    searched
        The text, shortly after it was typed; at once where it was cleared.
    left
        The person goes on to the results, by the arrow down (False) or by Enter (True).
    """

    searched = Signal(str)
    left = Signal(bool)

    def __init__(self, placeholder: str, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self._hint = hint
        self._note = ""
        self._told = ""
        self._timer = QTimer(self, interval=PAUSE, singleShot=True)
        self._timer.timeout.connect(self._tell)
        self.textChanged.connect(self._changed)
        self._icon = self.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self._clear = self.addAction(icons.icon("close"), QLineEdit.ActionPosition.TrailingPosition)
        self._clear.setToolTip("Clear the search (Esc)")
        self._clear.setVisible(False)
        self._clear.triggered.connect(self.clear)
        self._dress()

    def set_note(self, note: str) -> None:
        """Show a few words at the right end, such as ``"12 of 122 tensors"``, in place of the hint."""
        self._note = note
        self._make_room()

    def set_text_silently(self, text: str) -> None:
        """Show a text that was searched before."""
        self._told = text
        self.setText(text)
        self._timer.stop()

    def _changed(self, text: str) -> None:
        self._clear.setVisible(bool(text))
        self._make_room()
        if text.strip():
            self._timer.start()
        else:
            self._tell()

    def _tell(self) -> None:
        self._timer.stop()
        if self.text() != self._told:
            self._told = self.text()
            self.searched.emit(self._told)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Clear with Esc; go on to the results with the arrow down or Enter."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Escape):
            self.left.emit(False)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._tell()
            self.left.emit(True)
        else:
            super().keyPressEvent(event)

    # -- painting ----------------------------------------------------------------------------------------------

    def _end_text(self) -> str:
        return self._note if self.text() else self._hint

    def _make_room(self) -> None:
        width = QFontMetrics(self.font()).horizontalAdvance(self._end_text())
        self.setTextMargins(0, 0, width + 8 if width else 0, 0)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the field, then the words at its right end."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setPen(theme.qcolor(theme.colors().muted))
        room = self.rect().adjusted(0, 0, -32 if self.text() else -12, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._end_text())
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)

    def _dress(self) -> None:
        muted = theme.colors().muted
        self._icon.setIcon(icons.icon("search", muted))
        self._clear.setIcon(icons.icon("close", muted))
        self._make_room()
