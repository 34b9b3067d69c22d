"""The picture of a tensor's weights: filters laid out for the width there is, heatmaps and strips scaled to it."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QGuiApplication,
    QHelpEvent,
    QImage,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from inspector.gui.drawn_widget import DrawnWidget
from inspector.gui.picture_layout import Grid, Mosaic, drawn_mosaic, lay_out, scaled_size
from inspector.session.state import TensorView

#: More tiles than this are shown as they were drawn.
_MOST_TILES = 5_000
_LARGEST_TILE = 96  # logical pixels
_MOST_ENLARGED = 4.0
_LEAST_HEIGHT = 72
_STRIP_HEIGHT = 140


class PictureView(DrawnWidget):
    """Shows the picture in a `TensorView`, as wide as the widget and at most ``limit`` logical pixels high."""

    copies = "Copy picture"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._mode = ""
        self._mosaic: Mosaic | None = None
        self._weights = (1, 1)
        self._limit = 360
        self._drawn = QImage()
        self._drawn_for: tuple[int, float, int] | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Picture of the weights")

    def show_picture(self, view: TensorView, shape: tuple[int, ...]) -> None:
        """Show the picture of a tensor of ``shape``."""
        drawn = QImage(view.rgba, view.width, view.height, 4 * view.width, QImage.Format.Format_RGBA8888)
        self._image = drawn.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)  # a copy of its own
        self._mode = view.mode
        self._mosaic = None
        if view.columns and len(shape) == 4 and shape[0] <= _MOST_TILES:
            self._mosaic = drawn_mosaic(shape[0], view.columns, view.cell, view.width, view.height)
            self._weights = (shape[3], shape[2])
        self._drawn_for = None
        self.setAccessibleDescription(view.caption)
        self.updateGeometry()
        self.update()

    def set_limit(self, height: int) -> None:
        """Let the picture be at most this high."""
        if height != self._limit:
            self._limit = height
            self.updateGeometry()
            self.update()

    def image(self) -> QImage:
        """Return the picture as the worker drew it."""
        return self._image

    # -- size --------------------------------------------------------------------------------------------------

    def hasHeightForWidth(self) -> bool:
        """The height follows the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of the picture at a width."""
        ratio = self.devicePixelRatioF()
        grid = self._grid(width, ratio)
        height = grid.size[1] if grid is not None else self._whole_size(width, ratio)[1]
        return math.ceil(height / ratio)

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(480, self.heightForWidth(480))

    def minimumSizeHint(self) -> QSize:
        """Return the least width that shows anything."""
        return QSize(160, 24)

    def _grid(self, width: int, ratio: float) -> Grid | None:
        if self._mosaic is None:
            return None
        room = (int(width * ratio), int(self._limit * ratio))
        return lay_out(self._mosaic, self._weights, room, int(_LARGEST_TILE * ratio))

    def _whole_size(self, width: int, ratio: float) -> tuple[int, int]:
        if self._image.isNull():
            return 1, 1
        room = (max(1, int(width * ratio)), int(self._limit * ratio))
        if self._mode == "strip":
            across = min(room[0] / self._image.width(), _MOST_ENLARGED * ratio)
            return max(1, round(self._image.width() * across)), min(room[1], round(_STRIP_HEIGHT * ratio))
        size = (self._image.width(), self._image.height())
        return scaled_size(size, room, _MOST_ENLARGED * ratio, round(_LEAST_HEIGHT * ratio))

    # -- painting ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture from the top left."""
        if self._image.isNull():
            return
        ratio = self.devicePixelRatioF()
        wanted = (self.width(), ratio, self._limit)
        if self._drawn_for != wanted:
            grid = self._grid(self.width(), ratio)
            self._drawn = self._draw_tiles(grid, ratio) if grid is not None else self._draw_whole(ratio)
            self._drawn.setDevicePixelRatio(ratio)
            self._drawn_for = wanted
        painter = QPainter(self)
        painter.setOpacity(self.opacity)
        painter.drawImage(QPoint(0, 0), self._drawn)
        self.paint_focus(painter)
        painter.end()

    def _draw_tiles(self, grid: Grid, ratio: float) -> QImage:
        """Copy every tile to its new place, with whole pixels per weight and round corners."""
        assert self._mosaic is not None
        old = self._mosaic
        drawn = QImage(*grid.size, QImage.Format.Format_ARGB32_Premultiplied)
        drawn.fill(Qt.GlobalColor.transparent)
        painter = QPainter(drawn)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(Qt.GlobalColor.black)
        radius = min(4.0 * ratio, grid.tile_height / 10)
        for tile in range(grid.count):
            left, top = grid.corner(tile)
            painter.drawRoundedRect(QRectF(left, top, grid.tile_width, grid.tile_height), radius, radius)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
        for tile in range(grid.count):
            row, column = divmod(tile, old.columns)
            source = QRect(column * old.pitch, row * old.row_pitch, old.width, old.height)
            painter.drawImage(QRect(*grid.corner(tile), grid.tile_width, grid.tile_height), self._image, source)
        painter.end()
        return drawn

    def _draw_whole(self, ratio: float) -> QImage:
        width, height = self._whole_size(self.width(), ratio)
        image = self._image
        across = math.ceil(max(1.0, width / image.width()))
        down = math.ceil(max(1.0, height / image.height()))
        exact = Qt.AspectRatioMode.IgnoreAspectRatio
        if across > 1 or down > 1:
            # whole factors first, so that the edges between weights stay sharp at any size
            size = QSize(image.width() * across, image.height() * down)
            image = image.scaled(size, exact, Qt.TransformationMode.FastTransformation)
        return image.scaled(QSize(width, height), exact, Qt.TransformationMode.SmoothTransformation)

    # -- pointer and keys --------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Name the filter under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            ratio = self.devicePixelRatioF()
            grid = self._grid(self.width(), ratio)
            tile = grid.tile_at(event.pos().x() * ratio, event.pos().y() * ratio) if grid is not None else -1
            QToolTip.showText(event.globalPos(), f"Filter {tile}" if tile >= 0 else "", self)
            return True
        return super().event(event)

    def copy(self) -> None:
        """Put what is shown into the clipboard."""
        QGuiApplication.clipboard().setImage(self._drawn if not self._drawn.isNull() else self._image)
