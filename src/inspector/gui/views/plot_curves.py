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
_BAND = 0.75
_LINE = 1.5
_DOT = 5.0
#: Beyond so many values on a line they are not marked one by one, and dots are small.
_FEW = 160
_SMALL_DOT = 3.0
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

    def px(self, value: float) -> float:
        """Return where a value of x lies, in logical pixels."""
        return _bounded(self._area.left() + self._x.place(value) * self._area.width())

    def py(self, value: float) -> float:
        """Return where a value of y lies."""
        return _bounded(self._area.bottom() - self._y.place(value) * self._area.height())

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
        tones = _tones(curve)
        for place in curve.within(self._x.low, self._x.high):
            rect = self.bar(curve, place)
            if rect is not None:
                self._painter.fillRect(rect, tones[_side(curve, place)])

    def bar(self, curve: Curve, place: int) -> QRectF | None:
        """Return where a bar is painted, None for one of no height; at least a pixel wide and high."""
        value, ratio, floor = curve.y[place], self._ratio, self._floor()
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
        places = curve.within(self._x.low, self._x.high)
        width = _DOT if len(places) <= _FEW else _SMALL_DOT
        tones = _tones(curve)
        groups: dict[int, QPolygonF] = {}
        for place in places:
            value = curve.y[place]
            if math.isfinite(value) and math.isfinite(curve.x[place]):
                groups.setdefault(_side(curve, place), QPolygonF()).append(
                    QPointF(self.px(curve.x[place]), self.py(value))
                )
        for side, dots in groups.items():
            self._painter.setPen(_pen(tones[side], width))
            self._painter.drawPoints(dots)

    def _line(self, curve: Curve) -> None:
        places = curve.within(self._x.low, self._x.high)
        for run in self._runs(curve, places):
            self._painter.setPen(_pen(_tones(curve)[0], _LINE))
            if len(run) > 1:
                self._painter.drawPolyline(QPolygonF(run))
            if len(places) <= _FEW or len(run) == 1:
                self._painter.setPen(_pen(_tones(curve)[0], _DOT))
                self._painter.drawPoints(QPolygonF(run))

    def _filled(self, curve: Curve) -> None:
        floor = self._floor()
        for run in self._runs(curve, curve.within(self._x.low, self._x.high)):
            outline = QPolygonF([QPointF(run[0].x(), floor), *run, QPointF(run[-1].x(), floor)])
            self._fill(outline, _tones(curve)[0], _FILLED)
        self._line(curve)

    def _band(self, curve: Curve) -> None:
        assert curve.low is not None
        places = curve.within(self._x.low, self._x.high)
        lower = Curve("line", curve.x, curve.low)
        colour = _tones(curve)[0]
        for above, below in zip(self._runs(curve, places), self._runs(lower, places), strict=True):
            outline = QPolygonF([*above, *reversed(below)])
            self._fill(outline, colour, _BAND)
            self._painter.setPen(QPen(colour, 1))
            self._painter.drawPolygon(outline)

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


def _bounded(position: float) -> float:
    return max(-_FAR, min(_FAR, position))


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
