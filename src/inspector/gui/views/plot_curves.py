"""Painting the curves of a plot, each kind in its way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from inspector.gui import theme
from inspector.gui.views.axis import Axis
from inspector.gui.views.plot import Curve

#: How strongly what lies under a line is filled.
_FILLED = 0.22
_LINE = 1.5
#: Logical pixels per value from which on a line is sparse.
_SPARSE = 4
_DOT = 5.0
#: Beyond so many values on a line they are not marked one by one, and dots are small.
_FEW = 160
_SMALL_DOT = 3.0
_MANY_DOTS = 1_000
#: Painting reaches no farther out than this, in logical pixels: Qt's rasteriser is bounded.
_FAR = 20_000.0


class CurvePainter:
    """Paints curves into an area.

    Parameters
    ----------
    area
        In logical pixels.
    ratio
        Pixels of the device per logical pixel.
    """

    def __init__(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, ratio: float) -> None:
        self._painter = painter
        self._area = area
        self._x, self._y = x, y
        self._ratio = ratio
        self._way_x = x.way(area.left(), area.right())
        self._way_y = y.way(area.bottom(), area.top())

    def px(self, value: float) -> float:
        """Return where a value of x lies, in logical pixels."""
        return max(-_FAR, min(_FAR, self._way_x(value)))

    def py(self, value: float) -> float:
        """Return where a value of y lies."""
        return max(-_FAR, min(_FAR, self._way_y(value)))

    def paint(self, curve: Curve) -> None:
        """Paint one curve."""
        painters: dict[str, Callable[[Curve], None]] = {
            "bars": self._bars,
            "points": self._points,
            "line": self._line,
            "area": self._filled,
            "band": self._band,
        }
        painters[curve.kind](curve)

    def _floor(self) -> float:
        """Return where bars stand: at zero where it is seen, else at the edge that is nearer to it."""
        if self._y.scale == "log":
            return self._area.bottom()
        return min(max(self.py(0.0), self._area.top()), self._area.bottom())

    def _bars(self, curve: Curve) -> None:
        rects: dict[int, list[QRectF]] = {}
        floor = self._floor()
        for place in curve.within(self._x.low, self._x.high):
            rect = self._bar(curve, place, floor)
            if rect is not None:
                rects.setdefault(_side(curve, place), []).append(rect)
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._painter.setPen(Qt.PenStyle.NoPen)
        for side, bars in rects.items():
            self._painter.setBrush(_tones(curve)[side])
            self._painter.drawRects(bars)
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def bar(self, curve: Curve, place: int) -> QRectF | None:
        """Return where a bar is painted, None for one of no height; at least a pixel wide and high."""
        return self._bar(curve, place, self._floor())

    def _bar(self, curve: Curve, place: int, floor: float) -> QRectF | None:
        value, ratio = curve.y[place], self._ratio
        if not value or not math.isfinite(value):
            return None
        # edges on whole pixels of the device, so that all bars look equally wide
        left, right = round(self.px(curve.x[place]) * ratio), round(self.px(curve.x[place + 1]) * ratio)
        gap = round(ratio) if right - left >= 3 * ratio else 0
        right = max(left + 1, right - gap)
        end = self.py(value)
        if abs(end - floor) < 1:
            end = floor - 1 if value > 0 else floor + 1
        return QRectF(left / ratio, min(end, floor), (right - left) / ratio, abs(end - floor))

    def _points(self, curve: Curve) -> None:
        shown, tones = self._seen_points(curve), _tones(curve)
        count = sum(map(len, shown.values()))
        # many round ones take seconds
        shape = Qt.PenCapStyle.RoundCap if count <= _MANY_DOTS else Qt.PenCapStyle.SquareCap
        for side, dots in shown.items():
            pen = QPen(tones[side], _DOT if count <= _FEW else _SMALL_DOT, Qt.PenStyle.SolidLine, shape)
            self._painter.setPen(pen)
            self._painter.drawPoints(QPolygonF(dots))

    def _seen_points(self, curve: Curve) -> dict[int, list[QPointF]]:
        """Return where the points lie that are seen, by their side of zero."""
        left, right, down, up = self._x.low, self._x.high, self._y.low, self._y.high
        across, along, shown = self._way_x, self._way_y, dict[int, list[QPointF]]()
        for place, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
            if left <= x <= right and down <= y <= up:  # neither is true of NaN
                shown.setdefault(_side(curve, place), []).append(QPointF(across(x), along(y)))
        return shown

    def _line(self, curve: Curve) -> None:
        places = curve.within(self._x.low, self._x.high)
        colour = _tones(curve)[0]
        # Qt takes seconds to stroke a dense line of any width but a pixel's
        pen = _pen(colour, _LINE if len(places) * _SPARSE <= self._area.width() else 1.0)
        pen.setCosmetic(len(places) * _SPARSE > self._area.width())
        for run in self._runs(curve, places):
            self._painter.setPen(pen)
            if len(run) > 1:
                self._painter.drawPolyline(QPolygonF(run))
            if len(places) <= _FEW or len(run) == 1:
                self._painter.setPen(_pen(colour, _DOT))
                self._painter.drawPoints(QPolygonF(run))

    def _filled(self, curve: Curve) -> None:
        floor = self._floor()
        for run in self._runs(curve, curve.within(self._x.low, self._x.high)):
            outline = QPolygonF([QPointF(run[0].x(), floor), *run, QPointF(run[-1].x(), floor)])
            self._fill(outline, _tones(curve)[0], _FILLED)
        self._line(curve)

    def _band(self, curve: Curve) -> None:
        """Fill each column of the device's pixels from the least to the greatest value in it."""
        assert curve.low is not None
        places, ratio = curve.within(self._x.low, self._x.high), self._ratio
        columns: list[tuple[int, float, float]] = []
        for place in places:
            high, low = curve.y[place], curve.low[place]
            if not math.isfinite(high):
                continue
            column, top, bottom = math.floor(self.px(curve.x[place]) * ratio), self.py(high), self.py(low)
            if columns and columns[-1][0] == column:
                _, above, below = columns.pop()
                top, bottom = min(top, above), max(bottom, below)
            columns.append((column, top, bottom))
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(_tones(curve)[0])
        self._painter.drawRects(list(self._joined(columns)))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _joined(self, columns: list[tuple[int, float, float]]) -> Iterator[QRectF]:
        """Yield the columns as rectangles that reach their neighbours, as the line through all values would."""
        ratio = self._ratio
        for place, (column, top, bottom) in enumerate(columns):
            after = columns[place + 1] if place + 1 < len(columns) else (column + 1, bottom, top)
            top, bottom = min(top, after[2]), max(bottom, after[1], top + _LINE)
            yield QRectF(column / ratio, top, (after[0] - column) / ratio, bottom - top)

    def _fill(self, outline: QPolygonF, colour: QColor, share: float) -> None:
        filled = QColor(colour)
        filled.setAlphaF(share)
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(filled)
        self._painter.drawPolygon(outline)
        self._painter.setBrush(Qt.BrushStyle.NoBrush)

    def _runs(self, curve: Curve, places: range) -> Iterator[list[QPointF]]:
        """Yield the points of a line between the gaps in it."""
        run: list[QPointF] = []
        for place in places:
            value = curve.y[place]
            if math.isfinite(value):
                run.append(QPointF(self.px(curve.x[place]), self.py(value)))
            elif run:
                yield run
                run = []
        if run:
            yield run


def _pen(colour: QColor, width: float) -> QPen:
    return QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


def _side(curve: Curve, place: int) -> int:
    """Return -1 for what lies below zero, 1 above, 0 for a curve of one colour: an index of `_tones`."""
    if not curve.signed:
        return 0
    value = curve.center(place) if curve.signed == "x" else curve.y[place]
    return -1 if value < 0 else 1


def _tones(curve: Curve) -> tuple[QColor, QColor, QColor]:
    """Return the one colour of a curve, and those above and below zero."""
    c = theme.colors()
    return theme.qcolor(getattr(c, curve.colour)), theme.qcolor(c.positive_value), theme.qcolor(c.negative_value)
