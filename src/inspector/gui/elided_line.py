"""A line of text whose middle is left out where there is no room for all of it, while nobody types in it."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QLineEdit, QStyle, QStyleOptionFrame, QStylePainter

#: Pixels that Qt leaves free at both ends of a line's text.
_MARGIN = 2


class ElidedLine(QLineEdit):
    """A line to type in. Names that begin alike are told apart by their end, too, so it is the middle that goes."""

    def shown_text(self) -> str:
        """Return what is painted of the text."""
        if self.hasFocus():
            return self.text()
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self._room().width())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the shortened text, or what Qt paints where it all fits."""
        shown = self.shown_text()
        if shown == self.text():
            super().paintEvent(event)
            return
        painter, option = QStylePainter(self), self._option()
        painter.drawPrimitive(QStyle.PrimitiveElement.PE_PanelLineEdit, option)
        painter.setPen(self.palette().text().color())  # of the state it is in, as Qt itself does
        painter.drawText(self._room(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()

    def _option(self) -> QStyleOptionFrame:
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        return option

    def _room(self) -> QRect:
        contents = QStyle.SubElement.SE_LineEditContents
        room = self.style().subElementRect(contents, self._option(), self).marginsRemoved(self.textMargins())
        return room.adjusted(_MARGIN, 0, -_MARGIN, 0)
