"""Maps of a layer side by side, as large as the person wants; a vector as bars."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from inspector.gui import theme
from inspector.session import words
from inspector.session.explanation_state import FeatureMaps

_GAP = 4
_SMALLEST, _LARGEST, _USUAL = 16, 512, 72
_STEP = 1.25
_BARS_HEIGHT = 260
_WIDEST_BAR = 24.0


class MapsView(QWidget):
    """The maps of one page, in rows; it is as high as they need at its width.

    Signals
    -------
    hovered
        What is under the mouse, in words; empty for nothing.
    """

    hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._maps: FeatureMaps | None = None
        self._pictures: list[QImage] = []
        self.side = _USUAL
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Feature maps")

    def show_maps(self, maps: FeatureMaps | None) -> None:
        """Show other maps."""
        self._maps = maps
        self._pictures = []
        if maps is not None and maps.kind != "vector":
            size = maps.rows * maps.columns
            self._pictures = [
                QImage(
                    maps.grey[at * size : (at + 1) * size],
                    maps.columns, maps.rows, maps.columns, QImage.Format.Format_Grayscale8,
                ).copy()
                for at in range(maps.count)
            ]  # fmt: skip
        self.fit_height()
        self.update()

    # -- places ------------------------------------------------------------------------------------------------

    @property
    def tile(self) -> QSize:
        """The size of one map, in logical pixels: its longer side is ``side``."""
        maps = self._maps
        if maps is None or not maps.rows:
            return QSize(self.side, self.side)
        scale = self.side / max(maps.rows, maps.columns)
        return QSize(max(1, round(maps.columns * scale)), max(1, round(maps.rows * scale)))

    @property
    def in_a_row(self) -> int:
        """Maps beside each other."""
        return max(1, (self.width() + _GAP) // (self.tile.width() + _GAP))

    def place(self, at: int) -> QRect:
        """Return where a map of the page is."""
        row, column = divmod(at, self.in_a_row)
        tile = self.tile
        return QRect(column * (tile.width() + _GAP), row * (tile.height() + _GAP), tile.width(), tile.height())

    def bar(self, at: int) -> QRectF:
        """Return the column in which a value's bar stands."""
        assert self._maps is not None
        width = min(_WIDEST_BAR, self.width() / max(1, self._maps.count))
        return QRectF(at * width, 0, width, self.height())

    def at(self, point: QPoint) -> int:
        """Return which map or value of the page is at a point, -1 for none."""
        if self._maps is None:
            return -1
        if self._maps.kind == "vector":
            found = int(point.x() / max(1e-6, self.bar(0).width()))
            return found if 0 <= found < self._maps.count else -1
        tile, columns = self.tile, self.in_a_row
        column, row = point.x() // (tile.width() + _GAP), point.y() // (tile.height() + _GAP)
        found = row * columns + column
        inside = 0 <= column < columns and 0 <= found < self._maps.count and self.place(found).contains(point)
        return found if inside else -1

    def fit_height(self) -> None:
        """Be as high as the maps need."""
        height = _BARS_HEIGHT
        if self._maps is None:
            height = 0
        elif self._maps.kind != "vector":
            rows = -(-self._maps.count // self.in_a_row)
            height = rows * (self.tile.height() + _GAP)
        if height != self.height():
            self.setFixedHeight(height)

    def zoom_by(self, factor: float) -> None:
        """Show the maps larger, or smaller."""
        side = max(_SMALLEST, min(_LARGEST, round(self.side * factor)))
        if side != self.side:
            self.side = side
            self.fit_height()
            self.update()

    def words_of(self, at: int) -> str:
        """Return what a map of the page is: its channel, its smallest and its largest value."""
        maps = self._maps
        if maps is None or at < 0:
            return ""
        channel = f"channel {words.number(maps.first + at)}"
        if maps.kind == "vector":
            return f"{channel}: {maps.low[at]:.5g}"
        flat = " · the same everywhere" if maps.low[at] == maps.high[at] else ""
        return f"{channel} · min {maps.low[at]:.5g} · max {maps.high[at]:.5g}{flat}"

    # -- events ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the maps that are seen."""
        if self._maps is None:
            return
        painter = QPainter(self)
        if self._maps.kind == "vector":
            self._paint_bars(painter)
            return
        enlarged = self.tile.width() * self.devicePixelRatioF() >= self._maps.columns
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not enlarged)
        for at, picture in enumerate(self._pictures):
            place = self.place(at)
            if place.intersects(event.rect()):
                painter.drawImage(place, picture)

    def _paint_bars(self, painter: QPainter) -> None:
        assert self._maps is not None
        c, values = theme.colors(), self._maps.low
        low, high = min(0.0, *values), max(0.0, *values)
        span = (high - low) or 1.0
        zero = self.height() * high / span
        for at, value in enumerate(values):
            column = self.bar(at)
            top = self.height() * (high - max(0.0, value)) / span
            bottom = self.height() * (high - min(0.0, value)) / span
            gap = 1.0 if column.width() >= 4 else 0.0
            bar = QRectF(column.left(), top, max(0.5, column.width() - gap), max(0.5, bottom - top))
            painter.fillRect(bar, theme.qcolor(c.accent))
        painter.setPen(theme.qcolor(c.border))
        painter.drawLine(0, round(zero), self.width(), round(zero))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell what the mouse is on."""
        self.hovered.emit(self.words_of(self.at(event.position().toPoint())))

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that the mouse has left."""
        self.hovered.emit("")
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl; scroll without."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(_STEP if event.angleDelta().y() > 0 else 1 / _STEP)
        else:
            event.ignore()

    def resizeEvent(self, event: object) -> None:
        """Take the height of another width."""
        self.fit_height()
