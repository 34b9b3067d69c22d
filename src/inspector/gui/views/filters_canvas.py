"""Filters side by side: zoomed and moved by wheel, mouse and keys; it tells which weight is pointed at."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.gui import theme
from inspector.gui.drawn_widget import DrawnWidget
from inspector.gui.views.saving import copy_drawing
from inspector.session import words

_STEP = 1.25
_WHEEL = 1.0018  # per eighth of a degree
_PAN = 48.0  # logical pixels per press of an arrow key
#: Logical pixels per weight.
_LARGEST = 96.0
_GAP = 0.14  # of a tile's longer side
_FRAMED = 12.0  # logical pixels: smaller tiles have no frame
_HINT = "Plus and minus zoom, 0 fits, the arrows move; Ctrl with an arrow walks from filter to filter"


@dataclass(frozen=True, slots=True, eq=False)
class FilterTiles:
    """Tiles to show, one below the other in one image.

    Attributes
    ----------
    image
        Indexed (with a table of colours) or RGBA; a pixel per weight.
    values
        float32, the weights: as many as the image has pixels, or three times as many where they are colours.
    numbers, norms
        By tile: which filter it is, and its norm.
    """

    image: QImage
    width: int
    height: int
    values: array[float]
    numbers: array[int]
    norms: array[float]

    @property
    def channels(self) -> int:
        """Weights per pixel: 1 or 3."""
        pixels = max(1, self.width * self.height * len(self.numbers))
        return len(self.values) // pixels


class FiltersCanvas(DrawnWidget):
    """Shows `FilterTiles`.

    Signals
    -------
    pointed
        What is said of the weight under the mouse; empty for none.
    """

    copies = "Copy picture"
    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles: FilterTiles | None = None
        self._pixels = QImage()
        self._columns = 1
        self._zoom: float | None = None  # logical pixels per weight; None: as large as fits
        self._corner = QPointF()  # of what is seen, in weights
        self._pressed: QPointF | None = None
        self._under: tuple[int, int, int] | None = None  # tile, row, column
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self.setAccessibleName("Filters")
        self.setAccessibleDescription(_HINT)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_tiles(self, tiles: FilterTiles | None, *, keep: bool = False) -> None:
        """Show other tiles; ``keep`` zoom and place."""
        self._tiles = tiles
        self._under = None
        if tiles is not None:
            self.recolour()
        if not keep:
            self._zoom, self._corner = None, QPointF()
        self._lay_out()
        self.pointed.emit("")

    def recolour(self, table: list[int] | None = None) -> None:
        """Show the tiles in the colours of a table (``0xAARRGGBB``), where they are no colours themselves."""
        if self._tiles is None:
            return
        if table is not None and self._tiles.image.format() == QImage.Format.Format_Indexed8:
            self._tiles.image.setColorTable(table)
        self._pixels = self._tiles.image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        self.update()

    @property
    def tiles(self) -> FilterTiles | None:
        """What is shown."""
        return self._tiles

    # -- layout, in weights ------------------------------------------------------------------------------------

    @property
    def _pitch(self) -> tuple[float, float]:
        """From one tile to the next, in weights."""
        assert self._tiles is not None
        gap = max(self._tiles.width, self._tiles.height) * _GAP
        return self._tiles.width + gap, self._tiles.height + gap

    def _scene(self, columns: int) -> tuple[float, float]:
        """Width and height of all tiles, in weights."""
        assert self._tiles is not None
        wide, tall = self._pitch
        rows = math.ceil(len(self._tiles.numbers) / columns)
        return columns * wide - (wide - self._tiles.width), rows * tall - (tall - self._tiles.height)

    def _lay_out(self) -> None:
        """Choose how many tiles stand in a row: so that they are as large as the widget allows."""
        if self._tiles is not None and self.width() > 0 and self.height() > 0:
            count, (wide, tall) = len(self._tiles.numbers), self._pitch
            ideal = math.sqrt(count * self.width() * tall / max(1.0, self.height() * wide))
            near = {min(count, max(1, round(ideal) + step)) for step in range(-2, 3)}
            self._columns = max(near, key=lambda columns: (self._fit_of(columns), -columns))
            self._keep_inside()
        self.update()

    def _fit_of(self, columns: int) -> float:
        width, height = self._scene(columns)
        return min(_LARGEST, self.width() / width, self.height() / height)

    @property
    def zoom(self) -> float:
        """Logical pixels per weight."""
        fit = self._fit_of(self._columns) if self._tiles is not None else 1.0
        if self._zoom is not None:
            return self._zoom
        # whole device pixels per weight, where there is one at least: else some would look wider than others
        ratio = self.devicePixelRatioF()
        return math.floor(fit * ratio) / ratio if fit * ratio >= 1 else fit

    @property
    def is_fitted(self) -> bool:
        """Whether all is seen."""
        return self._zoom is None

    def fit(self) -> None:
        """Show all of it."""
        self._zoom, self._corner = None, QPointF()
        self.update()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom, keeping what is at a place of the widget (the middle) where it is."""
        if self._tiles is None:
            return
        at = at if at is not None else QPointF(self.width() / 2, self.height() / 2)
        before, fit = self.zoom, self._fit_of(self._columns)
        after = min(_LARGEST, before * factor)
        if after <= fit:
            self.fit()
            return
        self._zoom = after
        self._corner += at / before - at / after
        self._keep_inside()
        self.update()

    def move_by(self, dx: float, dy: float) -> None:
        """Move what is seen by logical pixels."""
        if self._tiles is not None:
            self._corner -= QPointF(dx, dy) / self.zoom
            self._keep_inside()
            self.update()

    def _keep_inside(self) -> None:
        width, height = self._scene(self._columns)
        room = QPointF(width - self.width() / self.zoom, height - self.height() / self.zoom)
        x = min(max(0.0, self._corner.x()), max(0.0, room.x()))
        y = min(max(0.0, self._corner.y()), max(0.0, room.y()))
        self._corner = QPointF(x, y)
        self.setCursor(Qt.CursorShape.ArrowCursor if self.is_fitted else Qt.CursorShape.OpenHandCursor)

    def tile_rect(self, tile: int) -> QRectF:
        """Return where a tile is seen, in logical pixels of the widget."""
        assert self._tiles is not None
        row, column = divmod(tile, self._columns)
        wide, tall = self._pitch
        ratio = self.devicePixelRatioF()
        left, top = (column * wide - self._corner.x()) * self.zoom, (row * tall - self._corner.y()) * self.zoom
        # on whole device pixels, so that edges between weights are sharp
        left, top = round(left * ratio) / ratio, round(top * ratio) / ratio
        return QRectF(left, top, self._tiles.width * self.zoom, self._tiles.height * self.zoom)

    def weight_at(self, place: QPointF) -> tuple[int, int, int] | None:
        """Return the tile, row and column of the weight at a place of the widget."""
        if self._tiles is None:
            return None
        wide, tall = self._pitch
        x, y = place.x() / self.zoom + self._corner.x(), place.y() / self.zoom + self._corner.y()
        column, row = int(x // wide), int(y // tall)
        tile = row * self._columns + column
        inside = int(y - row * tall), int(x - column * wide)
        if not (0 <= column < self._columns and 0 <= tile < len(self._tiles.numbers)):
            return None
        if inside[0] >= self._tiles.height or inside[1] >= self._tiles.width:
            return None
        return tile, *inside

    # -- painting ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the tiles that are seen, the weight under the mouse, and the focus."""
        painter = QPainter(self)
        painter.setOpacity(self.opacity)
        self.paint_tiles(painter, QRectF(self.rect()))
        if self._under is not None and self.zoom >= 4:
            tile, row, column = self._under
            corner = self.tile_rect(tile).topLeft() + QPointF(column, row) * self.zoom
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.qcolor(theme.colors().accent), 2))
            painter.drawRect(QRectF(corner.x(), corner.y(), self.zoom, self.zoom))
        self.paint_focus(painter)
        painter.end()

    def paint_tiles(self, painter: QPainter, rect: QRectF) -> None:
        """Paint what is seen into a rectangle of the widget's size."""
        if self._tiles is None:
            return
        painter.save()
        painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.zoom < 1)
        height = self._tiles.height
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.qcolor(theme.colors().border), 0))
        for tile in self._seen():
            source = QRectF(0, tile * height, self._tiles.width, height)
            place = self.tile_rect(tile).translated(rect.topLeft())
            painter.drawImage(place, self._pixels, source)
            if min(place.width(), place.height()) >= _FRAMED:
                painter.drawRect(place)  # white weights would not be told from a white page
        painter.restore()

    def _seen(self) -> list[int]:
        assert self._tiles is not None
        tall, count = self._pitch[1], len(self._tiles.numbers)
        first = max(0, int(self._corner.y() // tall))
        last = int((self._corner.y() + self.height() / self.zoom) // tall)
        return list(range(min(count, first * self._columns), min(count, (last + 1) * self._columns)))

    def copy(self) -> None:
        """Put what is seen into the clipboard, as a picture."""
        copy_drawing(self.size(), self.paint_tiles)

    def changeEvent(self, event: QEvent) -> None:
        """Paint anew in another theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self.update()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the tiles out for the room there is."""
        self._lay_out()

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(480, 320)

    # -- what is pointed at ------------------------------------------------------------------------------------

    def _point(self, under: tuple[int, int, int] | None) -> None:
        if under != self._under:
            self._under = under
            self.pointed.emit(self.told(under))
            self.update()

    def told(self, under: tuple[int, int, int] | None) -> str:
        """Return what is said of a weight."""
        if under is None or self._tiles is None:
            return ""
        tile, row, column = under
        tiles, channels = self._tiles, self._tiles.channels
        start = ((tile * tiles.height + row) * tiles.width + column) * channels
        values = ", ".join(words.figure(value) for value in tiles.values[start : start + channels])
        norm = words.figure(tiles.norms[tile])
        return f"Filter {tiles.numbers[tile]}, norm {norm} · [{row}, {column}] = {values}"

    def _walk(self, step: int) -> None:
        """Point at the middle of another tile, and bring it into view."""
        if self._tiles is None:
            return
        now = self._under[0] if self._under is not None else -step if step == 1 else 0
        tile = min(max(0, now + step), len(self._tiles.numbers) - 1)
        self._point((tile, self._tiles.height // 2, self._tiles.width // 2))
        rect, seen = self.tile_rect(tile), QRectF(self.rect())
        if not seen.contains(rect):
            self.move_by(*(seen.center() - rect.center()).toTuple())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag what is seen, or tell what the mouse is on."""
        if self._pressed is not None:
            moved, self._pressed = event.position() - self._pressed, event.position()
            self.move_by(moved.x(), moved.y())
        else:
            self._point(self.weight_at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        self._pressed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show all of it again."""
        self._pressed = None
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        self._point(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the mouse; two fingers on a touch pad move, and zoom with Ctrl."""
        pixels, turned = event.pixelDelta(), event.angleDelta()
        touched = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        if touched and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.move_by(pixels.x(), pixels.y())
        else:
            self.zoom_by(_WHEEL ** (turned.y() or turned.x()), event.position())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom and move by keys."""
        key = Qt.Key(event.key())
        moves = {Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1 / _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in moves and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            across, down = moves[key]
            self._walk(-across - down * self._columns)
        elif key in moves:
            self.move_by(moves[key][0] * _PAN, moves[key][1] * _PAN)
        else:
            super().keyPressEvent(event)
