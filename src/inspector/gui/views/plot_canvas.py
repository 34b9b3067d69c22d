"""A plot to look at: zoomed and moved by wheel, keys and mouse; it tells what is pointed at."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.gui.drawn_widget import DrawnWidget
from inspector.gui.views.axis import Axis
from inspector.gui.views.plot import Curve, Plot
from inspector.gui.views.plot_drawing import PlotDrawing
from inspector.gui.views.plot_range import PlotRange
from inspector.gui.views.saving import copy_drawing
from inspector.session import words

_STEP = 1.25
_WHEEL = 1.0018  # per eighth of a degree
_PAN = 0.1  # of the plot's length per press of an arrow key
_DRAG = 4  # a smaller movement is a click
_HINT = "Wheel zooms, drag moves, double click fits; or + − 0 and the arrow keys"

#: Says what is at an x (and, for a plane, at a y).
Reader = Callable[[float, float], str]


class PlotCanvas(DrawnWidget):
    """Shows a `Plot`.

    Signals
    -------
    range_changed
        Another part of x is seen, by the person's doing.
    pointed
        The x that is pointed at, None for nothing; by the person's doing.

    Parameters
    ----------
    name
        What it shows, for those who can't see it.
    height
        The height that it likes to have, in logical pixels.
    """

    range_changed = Signal()
    pointed = Signal(object)
    copies = "Copy picture"

    def __init__(self, name: str, parent: QWidget | None = None, *, height: int = 260) -> None:
        super().__init__(parent)
        self._height = height
        self._gutter = 0.0
        self._range = PlotRange()
        self._cursor: float | None = None
        self._cursor_y = math.nan
        self._reader: Reader | None = None
        self._pressed: QPointF | None = None
        self._moved = False
        self._drawing: PlotDrawing | None = None
        self._still = QPixmap()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)
        self.setToolTip(_HINT)

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def plot(self) -> Plot:
        """What is shown."""
        return self._range.plot

    @property
    def seen_x(self) -> Axis:
        """The part of x that is seen."""
        return self._range.x

    @property
    def seen_y(self) -> Axis:
        """The part of y that is seen."""
        return self._range.y

    @property
    def fitted(self) -> bool:
        """Whether all of it is seen."""
        return self._range.is_whole

    @property
    def pointed_x(self) -> float | None:
        """The x that is pointed at."""
        return self._cursor

    @property
    def reading(self) -> str:
        """What is said of the place that is pointed at; empty where there is none."""
        return self._read(self._cursor) if self._cursor is not None else ""

    def show_plot(self, plot: Plot, *, keep_range: bool = False) -> None:
        """Show a plot, all of it, or the part that is seen now where its axis is of the same scale."""
        self._range.show(plot, keep=keep_range)
        if not keep_range:
            self._cursor = None
        self._describe()
        self._changed()

    def set_reader(self, reader: Reader | None) -> None:
        """Say what is pointed at in words of the view's own."""
        self._reader = reader

    @property
    def gutter(self) -> float:
        """The room that the figures at the left need, in logical pixels."""
        return self._laid_out().gutter

    def set_gutter(self, width: float) -> None:
        """Give the figures at the left at least so much room, so that plots one below the other line up."""
        if width != self._gutter:
            self._gutter = width
            self._changed()

    def show_range(self, axis: Axis) -> None:
        """Show another part of x, without telling of it: for plots that are moved together."""
        self._range.x = axis.kept_within(self.plot.x)
        self._changed()

    def show_cursor(self, x: float | None) -> None:
        """Point at an x, without telling of it; None for nothing."""
        if x != self._cursor:
            self._cursor = x
            self.update()

    def _describe(self) -> None:
        """Tell what is shown to those who can't see it."""
        counts = [f"{curve.name}: " * bool(curve.name) + words.plural(len(curve.y), "value") for curve in self._curves]
        marks = [mark.text for mark in self.plot.marks if mark.text]
        self.setAccessibleDescription("; ".join(filter(None, [self.reading, *counts, *marks, _HINT])))

    @property
    def _curves(self) -> tuple[Curve, ...]:
        return self.plot.curves

    # -- zoom and place ----------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show all of it."""
        self._see(self._range.fit)

    def zoom_by(self, factor: float, at: QPointF | None = None, *, y_alone: bool = False) -> None:
        """Zoom x (of a plane both axes, or y alone), keeping what is at a place of the widget (the middle) there."""
        area = self._laid_out().area
        at = at if at is not None else area.center()
        right, up = (at.x() - area.left()) / area.width(), (area.bottom() - at.y()) / area.height()
        if y_alone and not self.plot.plane:
            self._see(partial(self._range.zoom_y, factor, up))
        else:
            self._see(partial(self._range.zoom, factor, right, up))

    def move_by(self, dx: float, dy: float = 0.0) -> None:
        """Move what is seen by logical pixels; up and down only where y was zoomed."""
        area = self._laid_out().area
        self._see(partial(self._range.move, -dx / area.width(), dy / area.height()))

    def _see(self, change: Callable[[], None]) -> None:
        """Change what is seen, and tell of it where it is another part of x."""
        before = self._range.x
        change()
        self._changed()
        if self._range.x != before:
            self.range_changed.emit()

    def _changed(self) -> None:
        self._drawing = None
        shape = Qt.CursorShape.ArrowCursor if self.fitted else Qt.CursorShape.OpenHandCursor
        if self._pressed is None:
            self.setCursor(shape)
        self.update()

    # -- painting ----------------------------------------------------------------------------------------------

    def _laid_out(self) -> PlotDrawing:
        """Return the drawing for the widget's size, made anew after each change."""
        if self._drawing is None:
            self._drawing = self.drawing(QRectF(self.rect()).adjusted(2, 2, -2, -2))
            self._still = QPixmap()
        return self._drawing

    def drawing(self, rect: QRectF) -> PlotDrawing:
        """Return what is seen, laid out in any rectangle."""
        return PlotDrawing(self.plot, rect, self._range.x, self._range.y, self._gutter)

    def paint_drawing(self, painter: QPainter, rect: QRectF) -> None:
        """Paint what is seen, without the cursor, for pictures."""
        self.drawing(rect.adjusted(8, 8, -8, -8)).paint(painter)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the plot, which is kept as a picture, the cursor and the focus."""
        drawing, ratio = self._laid_out(), self.devicePixelRatioF()
        wanted = self.size() * ratio
        if self._still.size() != wanted or self._still.devicePixelRatioF() != ratio:
            self._still = QPixmap(wanted)
            self._still.setDevicePixelRatio(ratio)
            self._still.fill(Qt.GlobalColor.transparent)
            still = QPainter(self._still)
            drawing.paint(still)
            still.end()
        painter = QPainter(self)
        painter.setOpacity(self.opacity)
        painter.drawPixmap(0, 0, self._still)
        if self._cursor is not None:
            drawing.paint_cursor(painter, self._cursor, self.reading, self._cursor_y)
        self.paint_focus(painter)
        painter.end()

    def copy(self) -> None:
        """Put what is seen into the clipboard, as a picture."""
        copy_drawing(self.size(), self.paint_drawing)

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme, and fonts of a new size."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._changed()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay it out anew."""
        self._changed()

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(480, self._height)

    def minimumSizeHint(self) -> QSize:
        """Return the least size that can be read."""
        return QSize(200, min(110, self._height))

    # -- what is pointed at ------------------------------------------------------------------------------------

    def _read(self, x: float) -> str:
        if self._reader is not None:
            return self._reader(x, self._cursor_y)
        return "\n".join(filter(None, (_told(curve, x) for curve in self._curves)))

    def _point(self, x: float | None, y: float = math.nan) -> None:
        if x is not None and self.plot.whole_numbers:
            x = float(min(max(round(x), math.ceil(self.plot.x.low)), math.floor(self.plot.x.high)))
        if x is not None and self.plot.plane and self._curves and math.isfinite(y):
            x, y = self._curves[0].nearest_of_plane(x, y, self.seen_x, self.seen_y)
        self._cursor_y = y
        if x != self._cursor or self.plot.plane:
            self._cursor = x
            self.pointed.emit(x)
            self.update()

    def _step(self, by: int) -> None:
        """Point at the next value of the first curve; from the middle where nothing is pointed at."""
        if not self._curves or not len(self._curves[0].y):
            return
        curve = self._curves[0]
        if self._cursor is None:
            place = curve.nearest(self._range.x.value(0.5))
        else:
            place = min(max(0, curve.nearest(self._cursor) + by), len(curve.y) - 1)
        x = curve.center(place)
        gap = self._range.x.place(x) - min(1.0, max(0.0, self._range.x.place(x)))
        if gap:
            self._see(partial(self._range.move, gap, 0.0))
        self._point(x, curve.y[place])
        self._describe()  # those who can't see it hear the value

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._moved = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag what is seen, or tell what the mouse is on."""
        if self._pressed is not None:
            moved = event.position() - self._pressed
            if self._moved or moved.manhattanLength() >= _DRAG:
                self._moved = True
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._pressed = event.position()
                self.move_by(moved.x(), moved.y())
            return
        drawing = self._laid_out()
        if drawing.area.contains(event.position()):
            self._point(drawing.x_at(event.position().x()), drawing.y_at(event.position().y()))
        else:
            self._point(None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        self._pressed = None
        self._changed()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show all of it again."""
        self._pressed = None
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        self._point(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Point at nothing."""
        self._point(None)
        super().focusOutEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the mouse, y with Shift; two fingers on a touch pad move, and zoom with Ctrl."""
        pixels, turned = event.pixelDelta(), event.angleDelta()
        touched = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        if touched and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.move_by(pixels.x(), pixels.y())
        else:
            alone = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.zoom_by(_WHEEL ** (turned.y() or turned.x()), event.position(), y_alone=alone)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom, move, and point by keys: the arrows walk from value to value while all is seen, or with Shift."""
        key = Qt.Key(event.key())
        sides = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        walks = self._range.x == self.plot.x or event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1 / _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in sides and walks:
            self._step(sides[key])
        elif key in sides:
            self._see(partial(self._range.move, sides[key] * _PAN, 0.0))
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._range.zoomed_y is not None:
            self._see(partial(self._range.move, 0.0, _PAN if key == Qt.Key.Key_Up else -_PAN))
        elif key == Qt.Key.Key_Escape and self._cursor is not None:
            self._point(None)
        else:
            super().keyPressEvent(event)


def _told(curve: Curve, x: float) -> str:
    """Return what a curve has at an x, in words."""
    place = curve.nearest(x)
    if place < 0 or not math.isfinite(curve.y[place]):
        return ""
    value = words.figure(curve.y[place])
    if curve.kind == "bars":
        return f"{words.figure(curve.x[place])} … {words.figure(curve.x[place + 1])}: {value}"
    if curve.low is not None:
        value = f"{words.figure(curve.low[place])} … {value}"
    return f"{curve.name} {value}".strip()
