"""Labels on objects: each on its object, inside the picture, none over another."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from inspector.gui import theme
from inspector.gui.overlays.palette import text_on

_PADDING = 5.0
_ROUND = 3.0
_SIZE = 0.86  # of the application's font


class Chips:
    """Places labels one after the other, the most important first, and paints them.

    Parameters
    ----------
    room
        What no label leaves, in the painter's coordinates.
    """

    def __init__(self, painter: QPainter, room: QRectF) -> None:
        self._painter, self._room = painter, room
        self._font = theme.scaled_font(_SIZE, bold=True)
        self._metrics = QFontMetricsF(self._font, painter.device())
        self.placed: list[QRectF] = []

    def size(self, text: str) -> QSizeF:
        """Return the size of a label, no wider than the room."""
        width = min(self._metrics.horizontalAdvance(text) + 2 * _PADDING, self._room.width())
        return QSizeF(width, self._metrics.height() + 2)

    def put(self, text: str, box: QRectF, color: QColor, *, always: bool = False) -> QRectF:
        """Paint a label at a box; return where, empty where there is no place (a label that must be seen has one)."""
        size = self.size(text)
        places = [place for place in self._places(box, size) if self._room.contains(place)]
        free = [place for place in places if not any(place.intersects(other) for other in self.placed)]
        if not free and not always:
            return QRectF()
        place = (free or places or [QRectF(self._room.topLeft(), size)])[0]
        self.placed.append(place)
        self._paint(text, place, color)
        return place

    def _places(self, box: QRectF, size: QSizeF) -> Iterator[QRectF]:
        """Yield the places of a label from the best on: above, inside, below; left, then right; in the picture."""
        lefts = (box.left() - 1, box.right() + 1 - size.width())
        for top in (box.top() - size.height(), box.top() + 1, box.bottom(), box.bottom() - 1 - size.height()):
            for left in lefts:
                moved = max(self._room.left(), min(left, self._room.right() - size.width()))
                yield QRectF(moved, top, size.width(), size.height())
        yield QRectF(
            max(self._room.left(), min(box.left(), self._room.right() - size.width())),
            max(self._room.top(), min(box.top(), self._room.bottom() - size.height())),
            size.width(),
            size.height(),
        )

    def _paint(self, text: str, place: QRectF, color: QColor) -> None:
        painter = self._painter
        painter.setOpacity(1.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(place, _ROUND, _ROUND)
        painter.setFont(self._font)
        painter.setPen(text_on(color))
        inside = place.adjusted(_PADDING, 0, -_PADDING, 0)
        shown = self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, inside.width() + 1)
        painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)
