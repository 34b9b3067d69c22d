"""Paints one tile of the image strip: the picture, and what is predicted for it."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen, QTextLayout, QTextOption
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from inspector.gui import icons, theme
from inspector.gui.image_strip_model import Index, Role, Tile
from inspector.gui.thumbnails import PixmapCache, cover
from inspector.gui.tree_delegate import tabular
from inspector.session.state import ImageItem

#: The picture, its corners, and the room around it that the selection's ring needs; logical pixels.
PICTURE = QSize(96, 72)
RADIUS = 6.0
MARGIN = 5
_GAP = 6
_ICON = 12
_TITLE, _DETAIL, _REASON = 0.9, 0.88, 0.8  # of the application's font


def tile_size() -> QSize:
    """Return the size of every tile, in logical pixels; it follows the application's font."""
    lines = QFontMetricsF(theme.scaled_font(_TITLE)).height() + QFontMetricsF(theme.scaled_font(_DETAIL)).height()
    return QSize(PICTURE.width() + 2 * MARGIN, round(2 * MARGIN + PICTURE.height() + _GAP + lines))


class TileDelegate(QStyledItemDelegate):
    """Paints the tiles. ``pixmaps`` holds the pictures that were painted last."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pixmaps = PixmapCache()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the one size of all tiles."""
        return tile_size()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one tile."""
        item, tile = index.data(Role.ITEM), index.data(Role.TILE)
        if not isinstance(item, ImageItem) or not isinstance(tile, Tile):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        picture = QRect(option.rect.topLeft(), PICTURE).translated(MARGIN, MARGIN)
        if item.failure is not None:
            _paint_broken(painter, picture, item)
        else:
            self._paint_picture(painter, picture, item)
        _paint_frame(painter, picture, option.state)
        room = QRect(picture.left(), picture.bottom() + 1 + _GAP, picture.width(), 0)
        room.setBottom(option.rect.bottom())
        _paint_words(painter, room, tile)
        painter.restore()

    def _paint_picture(self, painter: QPainter, picture: QRect, item: ImageItem) -> None:
        c, ratio, thumbnail = theme.colors(), painter.device().devicePixelRatio(), item.thumbnail
        if thumbnail is not None:
            made = self.pixmaps.get(item.id, ratio, lambda: cover(thumbnail, PICTURE, ratio, RADIUS))
            painter.drawPixmap(picture.topLeft(), made)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.qcolor(c.hover))
        painter.drawRoundedRect(QRectF(picture), RADIUS, RADIUS)
        middle = picture.center() - QRect(0, 0, 18, 18).center()
        painter.drawPixmap(middle, icons.pixmap("image", c.muted, 18, ratio))


def _paint_broken(painter: QPainter, picture: QRect, item: ImageItem) -> None:
    """Paint why there is no picture in its place; the name stands below it and is left out here."""
    c, ratio = theme.colors(), painter.device().devicePixelRatio()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.qcolor(c.danger_soft))
    painter.drawRoundedRect(QRectF(picture), RADIUS, RADIUS)
    message = item.failure.message if item.failure is not None else ""
    message = message.removeprefix(f"{item.name} ")
    painter.setPen(theme.qcolor(c.danger))
    inside = picture.adjusted(7, 7, -6, -5)
    painter.drawPixmap(inside.topLeft(), icons.pixmap("error", c.danger, _ICON, ratio))
    _draw_wrapped(painter, QRectF(inside.adjusted(0, _ICON + 3, 0, 0)), f"{message[:1].upper()}{message[1:]}")


def _paint_frame(painter: QPainter, picture: QRect, state: QStyle.StateFlag) -> None:
    """Paint a hairline, so that white pictures end somewhere, and the selection's ring around it."""
    c = theme.colors()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.qcolor(c.border), 1))
    painter.drawRoundedRect(QRectF(picture).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
    ring = QRectF(picture).adjusted(-3, -3, 3, 3)
    if state & QStyle.StateFlag.State_Selected:
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        painter.setPen(QPen(theme.qcolor(c.accent), 3 if focused else 2))
        painter.drawRoundedRect(ring, RADIUS + 3, RADIUS + 3)
    elif state & QStyle.StateFlag.State_MouseOver:
        painter.setPen(QPen(theme.qcolor(c.track), 2))
        painter.drawRoundedRect(ring, RADIUS + 3, RADIUS + 3)


def _paint_words(painter: QPainter, room: QRect, tile: Tile) -> None:
    c = theme.colors()
    painter.setFont(theme.scaled_font(_TITLE))
    metrics = painter.fontMetrics()
    side = Qt.TextElideMode.ElideRight if tile.state == "ready" else Qt.TextElideMode.ElideMiddle
    painter.setPen(theme.qcolor(c.text))
    first = QRect(room.topLeft(), QSize(room.width(), metrics.height()))
    _draw_line(painter, first, metrics.elidedText(_one_line(tile.title), side, room.width()))
    if not tile.detail:
        return
    left, color = 0, c.muted
    painter.setFont(tabular(theme.scaled_font(_DETAIL)))
    second = QRect(room.left(), first.bottom() + 1, room.width(), painter.fontMetrics().height())
    if tile.state == "running":
        left = _ICON + 3
        _draw_spinner(painter, QPointF(second.left() + 5.0, second.center().y() + 0.5))
    elif tile.state == "failed":
        left, color = _ICON + 3, c.warning
        mark = icons.pixmap("warning", color, _ICON, painter.device().devicePixelRatio())
        painter.drawPixmap(second.left(), second.top() + (second.height() - _ICON) // 2, mark)
    painter.setPen(theme.qcolor(color))
    _draw_line(painter, second.adjusted(left, 0, 0, 0), tile.detail)


def _one_line(text: str) -> str:
    return " ".join(text[:300].split())


def _draw_line(painter: QPainter, room: QRect, text: str) -> None:
    painter.drawText(
        room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, text
    )


def _draw_spinner(painter: QPainter, middle: QPointF) -> None:
    """Draw three quarters of a circle that has turned with the clock; who wants it to move paints again."""
    turned = round(time.monotonic() * 360 * 16) % (360 * 16)
    pen = QPen(theme.qcolor(theme.colors().accent), 1.5)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawArc(QRectF(middle.x() - 4, middle.y() - 4, 8, 8), -turned, 270 * 16)


def _draw_wrapped(painter: QPainter, room: QRectF, text: str) -> None:
    """Draw as many lines of a text as there is room for, the last one elided."""
    font = theme.scaled_font(_REASON)
    metrics = QFontMetricsF(font)
    most = max(1, int(room.height() // metrics.lineSpacing()))
    layout = QTextLayout(_one_line(text), font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    painter.setFont(font)
    layout.beginLayout()
    for number in range(most):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(room.width())
        shown = layout.text()[line.textStart() : line.textStart() + line.textLength()]
        if number == most - 1:
            shown = metrics.elidedText(layout.text()[line.textStart() :], Qt.TextElideMode.ElideRight, room.width())
        baseline = room.top() + number * metrics.lineSpacing() + metrics.ascent()
        painter.drawText(QPointF(room.left(), baseline), shown)
    layout.endLayout()
