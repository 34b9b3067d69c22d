"""The sheet over the window while something is dragged above it: what will happen, or why it can't."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from inspector.gui import theme


class DropOverlay(QWidget):
    """Covers its parent; takes no events itself."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._text = ""
        self._usable = True
        self.hide()

    def show_text(self, text: str, *, usable: bool) -> None:
        """Show what letting go will do."""
        parent = self.parentWidget()
        assert parent is not None
        self._text, self._usable = text, usable
        self.setGeometry(parent.rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dim the window and draw the text in a dashed frame."""
        c = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shade = QColor(c.surface)
        shade.setAlphaF(0.86)
        painter.fillRect(self.rect(), shade)
        front = QColor(c.accent if self._usable else c.danger)
        painter.setPen(QPen(front, 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(18, 18, -18, -18), 16, 16)
        painter.setFont(theme.scaled_font(1.7, bold=True))
        painter.drawText(self.rect().adjusted(40, 40, -40, -40), _CENTRED, self._text)


_CENTRED = Qt.AlignmentFlag.AlignCenter.value | Qt.TextFlag.TextWordWrap.value
