"""A plane of weights of any size: zoomed and moved by wheel, pinch, mouse and keys; its tiles are asked for."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QPinchGesture, QSizePolicy, QWidget

from inspector.gui import theme
from inspector.gui.drawn_widget import DrawnWidget
from inspector.gui.views import raster_painting as painting
from inspector.gui.views.raster_tiles import RasterTiles, Tile
from inspector.gui.views.raster_viewport import Address, Level, Viewport

_STEP = 1.25
_WHEEL = 1.0018  # per eighth of a degree
_PAN = 48  # logical pixels per press of an arrow key
_RIGHT = 2


class RasterCanvas(DrawnWidget):
    """Shows cells of a plane.

    Signals
    -------
    moved
        Another part is seen, or at another zoom: see `wanted`.
    hovered
        The row and column of the weight under the pointer; None where there is none.
    """

    copies = "Copy picture"
    moved = Signal()
    hovered = Signal(object)
    copy_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = Viewport()
        self.tiles = RasterTiles()
        self.table: list[int] = []
        self._pressed: QPointF | None = None
        self._under: tuple[int, int] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setAccessibleName("Heatmap of the weights")
        self.setAccessibleDescription("Plus and minus zoom, 0 fits, arrows move, Shift and arrows read cells")
        self.setToolTip("Wheel or + and − zoom, drag or arrows move, 0 fits; Shift and arrows read cell by cell")

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_plane(self, rows: int, columns: int, *, keep: bool = False) -> None:
        """Show another plane; ``keep`` zoom, place and old tiles where it has the same shape."""
        same = keep and (rows, columns) == (self.view.rows, self.view.columns)
        if same:
            self.tiles.retire(self.view.tiles())
        else:
            self.tiles.clear()
            self.view.rows, self.view.columns = rows, columns
            self.view.fit()
        self._room()
        self._changed()

    def set_table(self, table: list[int]) -> None:
        """Colour the cells by a table of 256 colours (``0xAARRGGBB``)."""
        self.table = table
        self.tiles.set_table(table)
        self.update()

    def add_tile(self, address: Address, tile: Tile) -> None:
        """Show a tile that was asked for."""
        seen = self.view.tiles()
        self.tiles.add(address, tile, seen)
        if all(wanted in self.tiles for wanted in seen):
            self.tiles.forget_old()
        self.update()
        if self._under is not None:
            self.hovered.emit(self._under)

    def wanted(self) -> list[Address]:
        """Return the tiles that are seen and not there, the most central ones first."""
        return [address for address in self.view.tiles() if address not in self.tiles]

    @property
    def level(self) -> Level:
        """The level that is seen."""
        return self.view.level

    # -- painting ----------------------------------------------------------------------------------------------

    def _room(self) -> None:
        """Fit the room inside the axes to the widget."""
        left = painting.left_margin(self.view.rows)
        ratio = self.devicePixelRatioF()
        self.view.resize(self.width() - left - _RIGHT, self.height() - painting.TOP - _RIGHT, ratio)

    def corner(self) -> QPointF:
        """Return where the room's top left corner is in the widget."""
        return QPointF(painting.left_margin(self.view.rows), painting.TOP)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint cells, axes, the weight under the pointer, and the focus."""
        painter = QPainter(self)
        painter.setOpacity(self.opacity)
        if self.view.ratio != self.devicePixelRatioF():
            self._room()  # the window came to another screen
        self.paint_plane(painter, self.view, self.corner())
        self._paint_under(painter)
        self.paint_focus(painter)
        painter.end()

    def paint_plane(self, painter: QPainter, view: Viewport, corner: QPointF) -> None:
        """Paint what is seen, its axes included, with the room's corner at a place."""
        if not view.rows or not view.columns:
            return
        painter.save()
        painter.translate(corner)
        painting.paint_axes(painter, view)
        painter.setClipRect(QRectF(0, 0, view.width, view.height), Qt.ClipOperation.IntersectClip)
        painting.paint_cells(painter, view, self.tiles)
        painting.paint_grid(painter, view)
        if self.table:
            painting.paint_numbers(painter, view, self.tiles, self.table)
        painter.restore()

    def _paint_under(self, painter: QPainter) -> None:
        wide, tall = self.view.cell
        if self._under is None or min(wide, tall) < 4:
            return
        (row, column), corner = self._under, self.corner()
        cell = QRectF(self.view.x_of(column), self.view.y_of(row), wide, tall).translated(corner)
        painter.setPen(QPen(theme.qcolor(theme.colors().accent), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(cell)

    # -- mouse, keys, gestures ---------------------------------------------------------------------------------

    def _changed(self) -> None:
        self.setCursor(Qt.CursorShape.ArrowCursor if self.view.is_fitted else Qt.CursorShape.OpenHandCursor)
        self.update()
        self.moved.emit()

    def fit(self) -> None:
        """Show the whole plane."""
        self.view.fit()
        self._changed()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom, keeping what is ``at`` a place of the widget (the middle) where it is."""
        place = (at if at is not None else QPointF(self.rect().center())) - self.corner()
        self.view.zoom_by(factor, max(0.0, place.x()), max(0.0, place.y()))
        self._changed()

    def move_by(self, dx: float, dy: float) -> None:
        """Move the plane by logical pixels."""
        self.view.move_by(dx, dy)
        self._changed()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the mouse; two fingers on a touch pad move, and zoom with Ctrl."""
        pixels = event.pixelDelta()
        touched = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        if touched and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.move_by(pixels.x(), pixels.y())
        else:
            self.zoom_by(_WHEEL ** (event.angleDelta().y() or event.angleDelta().x()), event.position())
        self._point_at(event.position())
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Zoom by a pinch; explain the keys beside the cells, not over those that are read."""
        if event.type() == QEvent.Type.ToolTip and self._under is not None:
            return True
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_by(1 + event.value(), event.position())
            return True
        if event.type() == QEvent.Type.Gesture:
            pinch = event.gesture(Qt.GestureType.PinchGesture)  # type: ignore[attr-defined]
            if isinstance(pinch, QPinchGesture):
                self.zoom_by(pinch.scaleFactor(), QPointF(self.mapFromGlobal(pinch.centerPoint())))
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the plane, or tell what the mouse is on."""
        if self._pressed is not None:
            moved = event.position() - self._pressed
            self._pressed = event.position()
            self.view.move_by(moved.x(), moved.y())
            self.update()
            self.moved.emit()
        self._point_at(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        self._pressed = None
        self._changed()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the whole plane again."""
        self._pressed = None
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        self._point(None)
        super().leaveEvent(event)

    def _point_at(self, position: QPointF) -> None:
        place = position - self.corner()
        inside = 0 <= place.x() < self.view.width and 0 <= place.y() < self.view.height
        column, row = self.view.weight_at(place.x(), place.y())
        found = (int(row), int(column))
        self._point(found if inside and row < self.view.rows and column < self.view.columns else None)

    def _point(self, under: tuple[int, int] | None) -> None:
        if under != self._under:
            self._under = under
            self.update()
        self.hovered.emit(under)

    def _walk(self, down: int, across: int) -> None:
        """Point at a neighbouring cell, which is moved into view where it is not: what the mouse does, by keys."""
        view = self.view
        rows, columns = view.seen()
        if not rows or not columns:
            return
        place = self._under or (rows[len(rows) // 2], columns[len(columns) // 2])
        row = max(0, min(view.rows - 1, place[0] + (down << view.level[0])))
        column = max(0, min(view.columns - 1, place[1] + (across << view.level[1])))
        wide, tall = view.cell
        x, y = (column - view.left) * wide, (row - view.top) * tall
        dx = -min(0.0, x) - max(0.0, x + wide - view.width)
        dy = -min(0.0, y) - max(0.0, y + tall - view.height)
        if dx or dy:
            self.move_by(dx, dy)
        self._point((row, column))

    def copy(self) -> None:
        """Ask for the picture in the clipboard."""
        self.copy_requested.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom and move by keys."""
        moves = {
            Qt.Key.Key_Left: (_PAN, 0), Qt.Key.Key_Right: (-_PAN, 0),
            Qt.Key.Key_Up: (0, _PAN), Qt.Key.Key_Down: (0, -_PAN),
        }  # fmt: skip
        key = Qt.Key(event.key())
        if key in moves and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            dx, dy = moves[key]
            self._walk(-dy // _PAN, -dx // _PAN)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1 / _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in moves and not self.view.is_fitted:
            self.move_by(*moves[key])
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stay fitted, or where it is."""
        super().resizeEvent(event)
        self._room()
        self._changed()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours and the font of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._room()
            self.update()
        super().changeEvent(event)

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(520, 220)  # the least that is fine: it takes what room there is

    def minimumSizeHint(self) -> QSize:
        """Return the least size that shows anything."""
        return QSize(200, 180)
