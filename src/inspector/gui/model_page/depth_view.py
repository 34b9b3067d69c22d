"""The distributions along the depth of a network, to be looked at: zoomed and moved by wheel, keys and mouse."""

from __future__ import annotations

import math
from array import array

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import theme
from inspector.gui.drawn_widget import DrawnWidget
from inspector.gui.model_page.depth_data import DepthPicture, picture, segments, whole_axis
from inspector.gui.model_page.depth_drawing import DepthDrawing, area_of, image_of
from inspector.gui.slices import Slices, Work
from inspector.gui.views.axis import Axis, Scale
from inspector.gui.views.saving import copy_drawing
from inspector.session import words
from inspector.session.survey_state import SurveyFigures

_STEP = 1.25
_WHEEL = 1.0018  # per eighth of a degree
_DRAG = 4  # a smaller movement is a click
_PAN = 0.1
#: Fewer layers than these are not zoomed into.
_FEWEST = 3.0
_PER_NAME = 72.0
#: Milliseconds between two pictures while figures come in.
_AGAIN_AFTER = 400
_HINT = "Click goes to the layer, wheel zooms, drag moves; or the arrow keys, Enter, + − 0"


class DepthView(DrawnWidget):
    """Shows one column for each layer.

    Signals
    -------
    pointed
        The tensor under the mouse or the keys, -1 for none.
    chosen
        The tensor that was clicked.
    """

    pointed = Signal(int)
    chosen = Signal(int)
    copies = "Copy picture"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary: CheckpointSummary | None = None
        self._figures: SurveyFigures | None = None
        self.layers = array("i")
        self._scale: Scale = "symlog"
        self._first, self._last = 0.0, 1.0
        self._whole = self._axis = Axis(-1.0, 1.0)
        self._zoomed_y = False
        self._picture: DepthPicture | None = None
        self._image: QImage | None = None
        self._names: list[tuple[str, int]] = []
        self._layer = -1
        self._pressed: QPointF | None = None
        self._moved = False
        self._slices = Slices(self)
        self._again = QTimer(self, singleShot=True, interval=_AGAIN_AFTER)
        self._again.timeout.connect(self._follow)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Distributions along the depth of the network")
        self.setToolTip(_HINT)

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether another picture is being made, or will be."""
        return self._slices.is_busy or self._again.isActive()

    @property
    def seen(self) -> tuple[float, float]:
        """The first layer that is seen, and where the last one ends."""
        return self._first, self._last

    @property
    def axis(self) -> Axis:
        """The values that are seen."""
        return self._axis

    @property
    def shown(self) -> DepthPicture | None:
        """The columns as they were reckoned last."""
        return self._picture

    def show_layers(self, summary: CheckpointSummary, figures: SurveyFigures, layers: array[int]) -> None:
        """Show layers, all of them."""
        self._summary, self._figures, self.layers = summary, figures, layers
        self._picture = self._image = None
        self._point(-1)
        self.fit()
        self.setAccessibleDescription(f"{words.plural(len(layers), 'layer')}. {_HINT}")

    def take_figures(self, *, is_last: bool) -> None:
        """Show what has been found since; soon, or at once where nothing more is coming."""
        if is_last:
            self._reckon()
        elif not self._again.isActive():
            self._again.start()

    def _follow(self) -> None:
        """Reckon anew, but only once what is under way is there: it would never be while figures come in."""
        if self._slices.is_busy:
            self._again.start()
        else:
            self._reckon()

    def set_scale(self, scale: Scale) -> None:
        """Show values on another scale."""
        if scale != self._scale:
            self._scale, self._zoomed_y = scale, False
            self._reckon()

    def fit(self) -> None:
        """Show all layers with all their values."""
        self._zoomed_y = False
        self._see(0.0, float(len(self.layers)))

    def _see(self, first: float, last: float) -> None:
        count = float(len(self.layers))
        span = min(count, max(min(_FEWEST, count), last - first))
        self._first = min(max(0.0, first), count - span)
        self._last = self._first + span
        self._reckon()

    def _reckon(self) -> None:
        """Make the picture of what is seen anew; meanwhile the last one is stretched."""
        self._again.stop()
        self.update()
        if self._figures is None or not self.layers or self._summary is None:
            self._slices.stop()
            self._names, self._picture, self._image = [], None, None
            return
        self._slices.begin(self._made(self._figures), self._arrive)

    def _made(self, figures: SurveyFigures) -> Work[DepthPicture]:
        self._whole = yield from whole_axis(figures, self.layers, self._scale)
        if not self._zoomed_y:
            self._axis = self._whole
        area = area_of(QRectF(self.rect()))
        wide, tall = max(1, int(area.width())), max(4, int(area.height()))
        first, last = math.floor(self._first), math.ceil(self._last)
        self._name(first, last, wide)
        return (yield from picture(figures, self.layers, first, last, wide, tall, self._axis))

    def _name(self, first: int, last: int, wide: int) -> None:
        assert self._summary is not None
        step = max(1, (last - first) // wide)
        places = range(first, last, step)
        names = [self._summary.key(self.layers[place]) for place in places]
        self._names = [(name, places[start]) for name, start in segments(names, round(wide / _PER_NAME))]

    def _arrive(self, made: DepthPicture) -> None:
        self._picture, self._image = made, image_of(made)
        self.update()

    # -- zoom and place ----------------------------------------------------------------------------------------

    def zoom_by(self, factor: float, at: float | None = None) -> None:
        """Zoom into the layers, keeping what is at an x of the widget (the middle) where it is."""
        drawing = self._drawing()
        at = at if at is not None else drawing.area.center().x()
        fixed = drawing.layer_at(at)
        self._see(fixed - (fixed - self._first) / factor, fixed + (self._last - fixed) / factor)

    def zoom_values(self, factor: float, at: float) -> None:
        """Zoom into the values, keeping what is at a y of the widget where it is."""
        area = self._drawing().area
        place = min(1.0, max(0.0, (area.bottom() - at) / area.height()))
        self._axis = self._axis.zoomed(factor, place).kept_within(self._whole)
        self._zoomed_y = self._axis != self._whole
        self._reckon()

    def move_by(self, dx: float, dy: float) -> None:
        """Move what is seen by logical pixels."""
        area = self._drawing().area
        if self._zoomed_y:
            self._axis = self._axis.moved(dy / area.height()).kept_within(self._whole)
        by = -dx / area.width() * (self._last - self._first)
        self._see(self._first + by, self._last + by)

    # -- painting ----------------------------------------------------------------------------------------------

    def _drawing(self, rect: QRectF | None = None) -> DepthDrawing:
        rect = rect if rect is not None else QRectF(self.rect())
        return DepthDrawing(rect, self._first, self._last, self._axis, self._names, math.ceil(self._last))

    def paint_drawing(self, painter: QPainter, rect: QRectF) -> None:
        """Paint what is seen, without what is pointed at, for pictures."""
        self._drawing(rect).paint(painter, self._picture, self._image)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the columns, the one that is pointed at, and the focus."""
        painter = QPainter(self)
        painter.setOpacity(self.opacity)
        if self.layers:
            drawing = self._drawing()
            drawing.paint(painter, self._picture, self._image)
            if self._layer >= 0:
                left, right = drawing.x(self._layer), drawing.x(self._layer + 1)
                column = QRectF(left, drawing.area.top(), max(2.0, right - left), drawing.area.height())
                painter.setClipRect(drawing.area.adjusted(-1, -1, 1, 1))
                painter.setPen(QPen(theme.qcolor(theme.colors().text), 1))
                painter.drawRect(column.adjusted(0, 0, -1, -1))
                painter.setClipping(False)
        self.paint_focus(painter)
        painter.end()

    def copy(self) -> None:
        """Put what is seen into the clipboard, as a picture."""
        copy_drawing(self.size(), self.paint_drawing)

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(400, 300)

    def minimumSizeHint(self) -> QSize:
        """Return the least size that can be read."""
        return QSize(240, 140)

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange and self._picture is not None:
            self._image = image_of(self._picture)
            self.update()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Reckon for the new size."""
        self._reckon()

    # -- pointer and keys --------------------------------------------------------------------------------------

    def _point(self, layer: int) -> None:
        if layer != self._layer:
            self._layer = layer
            self.pointed.emit(self.layers[layer] if layer >= 0 else -1)
            self.update()

    def _layer_at(self, at: QPointF) -> int:
        drawing = self._drawing()
        layer = math.floor(drawing.layer_at(at.x()))
        inside = drawing.area.left() <= at.x() < drawing.area.right() and 0 <= layer < len(self.layers)
        return layer if inside else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._moved = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what is seen, or tell of the layer under the mouse."""
        if self._pressed is None:
            self._point(self._layer_at(event.position()))
            return
        moved = event.position() - self._pressed
        if self._moved or moved.manhattanLength() >= _DRAG:
            self._moved, self._pressed = True, event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.move_by(moved.x(), moved.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose the layer that was clicked."""
        was_click = self._pressed is not None and not self._moved
        self._pressed = None
        self.unsetCursor()
        layer = self._layer_at(event.position())
        if was_click and layer >= 0:
            self.chosen.emit(self.layers[layer])

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        self._point(-1)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom into the layers at the mouse, or with Shift into the values."""
        turned = event.angleDelta()
        factor = _WHEEL ** (turned.y() or turned.x())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.zoom_values(factor, event.position().y())
        else:
            self.zoom_by(factor, event.position().x())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from layer to layer, choose one, zoom."""
        key = Qt.Key(event.key())
        sides = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if key in sides and self.layers:
            self._walk(sides[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._layer >= 0:
            self.chosen.emit(self.layers[self._layer])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom_by(1 / _STEP if key == Qt.Key.Key_Minus else _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        else:
            super().keyPressEvent(event)

    def _walk(self, by: int) -> None:
        start = self._layer + by if self._layer >= 0 else math.floor((self._first + self._last) / 2)
        layer = min(len(self.layers) - 1, max(0, start))
        gap = min(0.0, layer - self._first) + max(0.0, layer + 1 - self._last)
        if gap:
            self._see(self._first + gap, self._last + gap)
        self._point(layer)
