"""Paints the distributions along the depth of a network into any rectangle."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QPolygonF, QTransform

from inspector.gui import theme
from inspector.gui.model_page.depth_data import DepthPicture
from inspector.gui.tree_delegate import tabular
from inspector.gui.views.axis import Axis

_LEFT, _TOP, _RIGHT, _BOTTOM = 62.0, 8.0, 8.0, 28.0
_PER_TICK = 44.0
#: Layers that are at least so many pixels wide are set apart.
_APART = 5.0
_LINE = 1.4


def area_of(rect: QRectF) -> QRectF:
    """Return where the columns stand; the rest is for the figures beside and the names below them."""
    return rect.adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)


def ramp() -> list[int]:
    """Return 256 colours from the theme's surface to its accent."""
    start, end = theme.qcolor(theme.colors().surface), theme.qcolor(theme.colors().accent)

    def mixed(share: float) -> int:
        pairs = zip(start.getRgb()[:3], end.getRgb()[:3], strict=True)  # type: ignore[index]
        return QColor(*(round(a + (b - a) * share) for a, b in pairs)).rgb()

    return [mixed(shade / 255) for shade in range(256)]


def image_of(picture: DepthPicture) -> QImage:
    """Return the shades as an image of a pixel for each."""
    columns = len(picture.starts) - 1
    lying = QImage(picture.shades, picture.rows, columns, picture.rows, QImage.Format.Format_Indexed8)
    lying.setColorTable(ramp())
    # columns are rows in memory: turned over the diagonal
    return lying.convertToFormat(QImage.Format.Format_RGB32).transformed(QTransform(0, 1, 1, 0, 0, 0))


class DepthDrawing:
    """Where everything stands in one rectangle.

    Parameters
    ----------
    first, last
        The layers that are seen, parts of them too.
    axis
        The values that are seen.
    names
        What stands below: each run of layers with the layer it begins at, and where the last one ends.
    """

    def __init__(
        self, rect: QRectF, first: float, last: float, axis: Axis, names: Sequence[tuple[str, int]], end: int
    ) -> None:
        self.rect, self.area = rect, area_of(rect)
        self.first, self.last, self.axis = first, last, axis
        self._names, self._end = names, end

    def x(self, layer: float) -> float:
        """Return where a layer begins."""
        return self.area.left() + (layer - self.first) / (self.last - self.first) * self.area.width()

    def y(self, value: float) -> float:
        """Return where a value stands, kept near the area."""
        place = min(4.0, max(-3.0, self.axis.place(value)))
        return self.area.bottom() - place * self.area.height()

    def layer_at(self, x: float) -> float:
        """Return the layer at a place."""
        return self.first + (x - self.area.left()) / self.area.width() * (self.last - self.first)

    def paint(self, painter: QPainter, picture: DepthPicture | None, image: QImage | None) -> None:
        """Paint it all."""
        painter.save()
        painter.setClipRect(self.area.adjusted(0, -1, 0, 1), Qt.ClipOperation.IntersectClip)
        if picture is not None and image is not None:
            self._paint_columns(painter, picture, image)
        self._paint_grid(painter)
        if picture is not None:
            self._paint_lines(painter, picture)
        painter.restore()
        self._paint_axis(painter)
        self._paint_names(painter)

    def _paint_columns(self, painter: QPainter, picture: DepthPicture, image: QImage) -> None:
        # what was painted for another place or size is stretched until it is made anew
        left, right = self.x(picture.first), self.x(picture.last)
        top, bottom = self.y(picture.axis.high), self.y(picture.axis.low)
        painter.drawImage(QRectF(left, top, right - left, bottom - top), image)
        wide = (right - left) / (len(picture.starts) - 1)
        if wide >= _APART:
            gap = theme.qcolor(theme.colors().surface)
            for start in picture.starts:
                painter.fillRect(QRectF(round(self.x(start)) - 0.5, self.area.top(), 1, self.area.height()), gap)

    def _paint_grid(self, painter: QPainter) -> None:
        line = QColor(theme.colors().muted)
        line.setAlphaF(0.18)
        for value, _ in self._ticks():
            painter.fillRect(QRectF(self.area.left(), round(self.y(value)), self.area.width(), 1), line)
        for _, start in self._names[1:]:
            painter.fillRect(QRectF(round(self.x(start)), self.area.top(), 1, self.area.height()), line)

    def _paint_lines(self, painter: QPainter, picture: DepthPicture) -> None:
        c = theme.colors()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middles = [self.x((start + stop) / 2) for start, stop in zip(picture.starts, picture.starts[1:], strict=False)]
        ends = QColor(c.muted)
        warm = theme.qcolor(c.positive_value)
        for values in (picture.minimum, picture.maximum):
            self._paint_line(painter, middles, values, QPen(ends, _LINE))
        for sign in (-1, 1):
            spread = [mean + sign * std for mean, std in zip(picture.mean, picture.std, strict=True)]
            self._paint_line(painter, middles, spread, QPen(warm, _LINE, Qt.PenStyle.DotLine))
        self._paint_line(painter, middles, picture.mean, QPen(warm, _LINE + 0.4))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.qcolor(c.danger))
        for middle, is_broken in zip(middles, picture.broken, strict=True):
            if is_broken:
                top = self.area.top()
                painter.drawPolygon(
                    QPolygonF([QPointF(middle - 5, top), QPointF(middle + 5, top), QPointF(middle, top + 8)])
                )

    def _paint_line(self, painter: QPainter, xs: Sequence[float], values: Sequence[float], pen: QPen) -> None:
        """Paint a line with gaps where there is no value; a single value as a short dash."""
        around = QColor(theme.colors().surface)
        around.setAlphaF(0.6)
        casing = QPen(around, pen.widthF() + 2)  # so that it is seen on any shade
        run: list[QPointF] = []
        for x, value in [*zip(xs, values, strict=True), (0.0, math.nan)]:
            if value == value:
                run.append(QPointF(x, self.y(value)))
                continue
            if len(run) == 1:
                run = [run[0] - QPointF(6, 0), run[0] + QPointF(6, 0)]
            for each in (casing, pen) if run else ():
                painter.setPen(each)
                painter.drawPolyline(QPolygonF(run))
            run = []

    def _ticks(self) -> list[tuple[float, str]]:
        return self.axis.ticks(max(2, round(self.area.height() / _PER_TICK)))

    def _paint_axis(self, painter: QPainter) -> None:
        font = tabular(theme.scaled_font(0.88))
        painter.setFont(font)
        painter.setPen(theme.qcolor(theme.colors().muted))
        tall = QFontMetricsF(font).height()
        lowest = math.inf
        for value, text in self._ticks():
            middle = self.y(value)
            if lowest - middle < tall:
                continue  # no room between this and the one below
            lowest = middle
            top = min(max(middle - tall / 2, self.rect.top()), self.area.bottom() - tall / 2)
            room = QRectF(self.rect.left(), top, _LEFT - 8, tall)
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_names(self, painter: QPainter) -> None:
        font = theme.scaled_font(0.88)
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        c = theme.colors()
        top = self.area.bottom() + 6
        stops = [*(start for _, start in self._names[1:]), self._end][: len(self._names)]
        for (name, start), stop in zip(self._names, stops, strict=True):
            left = max(self.area.left(), self.x(start)) + 1
            right = min(self.area.right(), self.x(stop)) - 1
            if right - left < 3:
                continue
            painter.fillRect(QRectF(left, top - 3, right - left, 2), theme.qcolor(c.track))
            painter.setPen(theme.qcolor(c.muted))
            text = metrics.elidedText(name, Qt.TextElideMode.ElideLeft, right - left)
            if text not in ("…", ""):
                painter.drawText(QRectF(left, top, right - left, _BOTTOM), Qt.AlignmentFlag.AlignHCenter, text)
