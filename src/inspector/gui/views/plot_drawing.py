"""A plot in a rectangle: frame, grid, figures, marks and legend. On the screen, in a picture and in SVG alike."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen

from inspector.gui import theme
from inspector.gui.tree_delegate import tabular
from inspector.gui.views.axis import Axis
from inspector.gui.views.plot import Curve, Mark, Plot
from inspector.gui.views.plot_curves import CurvePainter

_GAP = 6.0  # logical pixels between figures and what they stand at
_EDGE = 10.0
_PER_TICK = (64.0, 38.0)  # logical pixels from one figure to the next, along x and y
_SWATCH = 10.0
_TICK_WORDS = 12.0  # room between two marks' words
#: Of the point of a plane that is pointed at: its radius.
_POINTED = 4.5


class PlotDrawing:
    """Lays out a plot and paints it.

    Attributes
    ----------
    area
        Where the curves are, in logical pixels.
    gutter
        What the figures at the left need.

    Parameters
    ----------
    gutter
        What they have at the least, so that plots one below the other line up.
    """

    def __init__(self, plot: Plot, rect: QRectF, x: Axis, y: Axis, gutter: float = 0.0) -> None:
        self.plot, self.x, self.y = plot, x, y
        self.font = tabular(theme.scaled_font(0.88))
        self._metrics = QFontMetricsF(self.font)
        line = self._metrics.height()
        rows = bool(self._legend_entries() or plot.y_title) + any(m.text and m.along == "x" for m in plot.marks)
        top = rect.top() + (rows * (line + 4) if rows else _EDGE)
        bottom = rect.bottom() - (4 if plot.bare else line + _GAP) - (line + 2 if plot.x_title else 0)
        # nothing is counted by halves
        self._y_ticks = [
            tick
            for tick in y.ticks(int(max(1.0, bottom - top) / _PER_TICK[1]))
            if not plot.counts or tick[0] == round(tick[0])
        ]
        widest = max((self._metrics.horizontalAdvance(text) for _, text in self._y_ticks), default=0.0)
        self.gutter = widest + _GAP + 2
        left = rect.left() + max(gutter, self.gutter)
        self.area = QRectF(left, top, max(1.0, rect.right() - _EDGE - left), max(1.0, bottom - top))
        self._rect, self._line = rect, line
        ticks = x.ticks(int(self.area.width() / _PER_TICK[0]))
        # between two whole numbers there is nothing to point at
        self._x_ticks = [tick for tick in ticks if not plot.whole_numbers or tick[0] == round(tick[0])]

    def x_at(self, position: float) -> float:
        """Return the value of x at a position of the widget."""
        return self.x.value((position - self.area.left()) / self.area.width())

    def y_at(self, position: float) -> float:
        """Return the value of y at a position of the widget."""
        return self.y.value((self.area.bottom() - position) / self.area.height())

    def paint(self, painter: QPainter) -> None:
        """Paint everything but the cursor."""
        self._ratio = painter.device().devicePixelRatioF()
        painter.save()
        painter.setFont(self.font)
        self._paint_grid(painter)
        painter.setClipRect(self.area.adjusted(-1, -1, 1, 1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        curves = self._curves(painter)
        for curve in self.plot.curves:
            curves.paint(curve)
        self._paint_mark_lines(painter, curves)
        painter.setClipping(False)
        self._paint_frame(painter)
        self._paint_top(painter, curves)
        painter.restore()

    def paint_cursor(self, painter: QPainter, cursor: float, reading: str, cursor_y: float = math.nan) -> None:
        """Paint a cursor over it.

        Parameters
        ----------
        cursor
            The x that is pointed at.
        reading
            What is said of it.
        cursor_y
            Of a plane, the y that is pointed at.
        """
        if not 0 <= self.x.place(cursor) <= 1:
            return
        self._ratio = painter.device().devicePixelRatioF()
        painter.save()
        painter.setFont(self.font)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        curves = self._curves(painter)
        if self.plot.plane:
            self._paint_pointed(painter, QPointF(curves.px(cursor), curves.py(cursor_y)))
        else:
            self._paint_cursor(painter, curves, cursor)
        if reading:
            self._paint_reading(painter, curves, cursor, reading)
        painter.restore()

    def _curves(self, painter: QPainter) -> CurvePainter:
        return CurvePainter(painter, self.area, self.x, self.y, self._ratio)

    # -- frame -------------------------------------------------------------------------------------------------

    def _snapped(self, position: float) -> float:
        return round(position * self._ratio) / self._ratio

    def _paint_grid(self, painter: QPainter) -> None:
        c, area = theme.colors(), self.area
        grid = theme.qcolor(c.hover if theme.is_dark() else c.track)
        painter.setOpacity(painter.opacity() * (1.0 if theme.is_dark() else 0.6))
        thin = 1 / self._ratio if self._ratio > 1 else 1.0
        for value, _ in self._y_ticks:
            y = self._snapped(area.bottom() - self.y.place(value) * area.height())
            painter.fillRect(QRectF(area.left(), y, area.width(), thin), grid)
        for value, _ in self._x_ticks:
            x = self._snapped(area.left() + self.x.place(value) * area.width())
            painter.fillRect(QRectF(x, area.top(), thin, area.height()), grid)
        painter.setOpacity(1.0)

    def _paint_frame(self, painter: QPainter) -> None:
        c, area, line = theme.colors(), self.area, self._line
        painter.fillRect(QRectF(area.left(), self._snapped(area.bottom()), area.width(), 1), theme.qcolor(c.border))
        if self.y.scale != "log" and self.y.low < 0 < self.y.high:
            zero = self._snapped(area.bottom() - self.y.place(0.0) * area.height())
            painter.fillRect(QRectF(area.left(), zero, area.width(), 1), theme.qcolor(c.border))
        painter.setPen(theme.qcolor(c.muted))
        taken: list[float] = []
        for value, text in sorted(self._y_ticks, key=lambda tick: abs(tick[0])):  # zero has its room first
            y = area.bottom() - self.y.place(value) * area.height()
            if any(abs(y - other) < line * 0.9 for other in taken):
                continue
            taken.append(y)
            row = QRectF(self._rect.left(), y - line / 2, area.left() - _GAP - self._rect.left(), line)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        free = self._rect.left()
        for value, text in self._x_ticks if not self.plot.bare else ():
            width = self._metrics.horizontalAdvance(text)
            left = area.left() + self.x.place(value) * area.width() - width / 2
            left = min(left, self._rect.right() - width)
            if left >= free:
                painter.drawText(QPointF(left, area.bottom() + _GAP + self._metrics.ascent()), text)
                free = left + width + _TICK_WORDS
        if self.plot.x_title:
            row = QRectF(area.left(), self._rect.bottom() - line, area.width(), line)
            painter.drawText(row, Qt.AlignmentFlag.AlignHCenter, self.plot.x_title)

    # -- what stands above ---------------------------------------------------------------------------------------

    def _legend_entries(self) -> list[Curve]:
        return [curve for curve in self.plot.curves if curve.name]

    def _paint_top(self, painter: QPainter, curves: CurvePainter) -> None:
        """The title of y and the legend in one row, the words of the marks in another."""
        c, area, line = theme.colors(), self.area, self._line
        right = area.right()
        entries = self._legend_entries()
        for curve in reversed(entries):
            width = self._metrics.horizontalAdvance(curve.name)
            right -= width
            painter.setPen(theme.qcolor(c.text))
            painter.drawText(QPointF(right, self._rect.top() + self._metrics.ascent()), curve.name)
            right -= _SWATCH + _GAP
            swatch = QRectF(right, self._rect.top() + (line - _SWATCH) / 2, _SWATCH, _SWATCH)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.qcolor(getattr(c, curve.colour)))
            painter.drawRoundedRect(swatch, 2, 2)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            right -= 2 * _GAP
        if self.plot.y_title:
            painter.setPen(theme.qcolor(c.muted))
            room = max(0.0, right - self._rect.left())
            text = self._metrics.elidedText(self.plot.y_title, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QPointF(self._rect.left(), self._rect.top() + self._metrics.ascent()), text)
        self._paint_mark_words(painter, curves)

    def _seen_marks(self, along: str) -> list[Mark]:
        axis = self.x if along == "x" else self.y
        return [m for m in self.plot.marks if m.along == along and 0 <= axis.place(m.value) <= 1]

    def _paint_mark_lines(self, painter: QPainter, curves: CurvePainter) -> None:
        c, area = theme.colors(), self.area
        for mark in (*self._seen_marks("x"), *self._seen_marks("y")):
            style = Qt.PenStyle.SolidLine if mark.strong else Qt.PenStyle.DashLine
            painter.setPen(QPen(theme.qcolor(getattr(c, mark.colour)), 1, style))
            if mark.along == "x":
                x = self._snapped(curves.px(mark.value)) + 0.5
                painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            else:
                y = self._snapped(curves.py(mark.value)) + 0.5
                painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
                has_room = y - 3 - self._metrics.ascent() >= area.top()
                painter.drawText(
                    QPointF(area.left() + 4, y - 3 if has_room else y + 3 + self._metrics.ascent()), mark.text
                )

    def _paint_mark_words(self, painter: QPainter, curves: CurvePainter) -> None:
        """Write the marks' words over them, the strong ones first; those without room are left out."""
        c, taken = theme.colors(), list[tuple[float, float]]()
        baseline = self.area.top() - 4 - self._metrics.descent()
        for mark in sorted(self._seen_marks("x"), key=lambda mark: not mark.strong):
            width = self._metrics.horizontalAdvance(mark.text)
            left = curves.px(mark.value) - width / 2
            left = max(self.area.left(), min(left, self._rect.right() - width))
            span = (left - _TICK_WORDS / 2, left + width + _TICK_WORDS / 2)
            if mark.text and all(span[1] <= start or span[0] >= end for start, end in taken):
                taken.append(span)
                painter.setPen(theme.qcolor(getattr(c, mark.colour)))
                painter.drawText(QPointF(left, baseline), mark.text)

    # -- cursor --------------------------------------------------------------------------------------------------

    def _paint_pointed(self, painter: QPainter, place: QPointF) -> None:
        """Paint the one point of a plane that is pointed at."""
        c = theme.colors()
        painter.setPen(QPen(theme.qcolor(c.text), 1.5))
        painter.setBrush(theme.qcolor(c.accent))
        painter.drawEllipse(place, _POINTED, _POINTED)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_cursor(self, painter: QPainter, curves: CurvePainter, cursor: float) -> None:
        c = theme.colors()
        if all(curve.kind != "bars" for curve in self.plot.curves):
            x = self._snapped(curves.px(cursor)) + 0.5
            painter.setPen(QPen(theme.qcolor(c.muted), 1))
            painter.drawLine(QPointF(x, self.area.top()), QPointF(x, self.area.bottom()))
        for curve in self.plot.curves:
            place = curve.nearest(cursor)
            if place < 0 or curve.kind == "band" or not math.isfinite(curve.y[place]):
                continue
            if curve.kind == "bars":
                self._paint_pointed_bar(painter, curves, curve, place)
                continue
            painter.setPen(QPen(theme.qcolor(c.surface), 2))
            painter.setBrush(theme.qcolor(getattr(c, curve.colour)))
            painter.drawEllipse(QPointF(curves.px(curve.x[place]), curves.py(curve.y[place])), 4.5, 4.5)
            painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_pointed_bar(self, painter: QPainter, curves: CurvePainter, curve: Curve, place: int) -> None:
        c = theme.colors()
        left, right = curves.px(curve.x[place]), curves.px(curve.x[place + 1])
        painter.setClipRect(self.area)
        column = QRectF(left, self.area.top(), max(1.0, right - left), self.area.height())
        painter.setOpacity(0.12)
        painter.fillRect(column, theme.qcolor(c.text))
        painter.setOpacity(0.45)
        rect = curves.bar(curve, place)
        if rect is not None:
            painter.fillRect(rect, theme.qcolor(c.text))
        painter.setOpacity(1.0)
        painter.setClipping(False)

    def _paint_reading(self, painter: QPainter, curves: CurvePainter, cursor: float, reading: str) -> None:
        """Say what is pointed at, in the upper corner that is farther away from it."""
        c = theme.colors()
        lines = reading.split("\n")
        font = QFont(self.font)
        size = (max(map(self._metrics.horizontalAdvance, lines)) + 16, self._line * len(lines) + 8)
        on_the_left = curves.px(cursor) > self.area.center().x()
        left = self.area.left() + 4 if on_the_left else self.area.right() - 4 - size[0]
        box = QRectF(left, self.area.top() + 4, *size)
        painter.setPen(QPen(theme.qcolor(c.border), 1))
        painter.setBrush(theme.qcolor(c.raised))
        painter.drawRoundedRect(box, 5, 5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(theme.qcolor(c.text))
        painter.setFont(font)
        for number, text in enumerate(lines):
            baseline = box.top() + 4 + number * self._line + self._metrics.ascent()
            painter.drawText(QPointF(box.left() + 8, baseline), text)
