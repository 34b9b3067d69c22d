"""Optical flow over an image: the flow's colours, and arrows of the same size at any zoom."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF, QTransform

from inspector.gui.overlays.overlay import cell_at
from inspector.gui.view_options import ViewOptions
from inspector.session.answers import cells
from inspector.session.motion import motion_values
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import motion_text

#: Between two arrows, and of the longest of them; in the painter's units.
_SPACING, _LONGEST = 30.0, 26.0
_SHORTEST, _HEAD = 5.0, 5.0

#: What moves less is not moving: in pixels of the image, and of the largest motion.
_LEAST, _LEAST_SHARE = 0.25, 0.04


class FlowOverlay:
    """The motion between two images, painted by the person's options."""

    def __init__(self, prediction: Prediction, options: ViewOptions) -> None:
        self._options = options
        rasters = {raster.kind: raster for raster in prediction.rasters}
        self._picture_raster, self._motion = rasters.get("picture"), rasters.get("motion")
        self._picture = QImage()
        if self._picture_raster is not None:
            raster = self._picture_raster
            values = cells(raster)
            image = QImage(values, raster.width, raster.height, 3 * raster.width, QImage.Format.Format_RGB888)
            self._picture = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        self._values = motion_values(self._motion) if self._motion is not None else array("f")
        lengths = (math.hypot(*pair) for pair in zip(self._values[::2], self._values[1::2], strict=True))
        self._largest = max((length for length in lengths if math.isfinite(length)), default=0.0)

    def paint(self, painter: QPainter, transform: QTransform) -> None:
        """Paint the colours, and the arrows where they are wanted."""
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self._picture_raster is not None:
            left, top, right, bottom = self._picture_raster.place
            painter.setOpacity(self._options.opacity)
            painter.drawImage(transform.mapRect(QRectF(left, top, right - left, bottom - top)), self._picture)
        if self._options.arrows and self._largest > _LEAST:
            painter.setOpacity(1.0)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for line in self.arrows(transform):
                _paint_arrow(painter, line)

    def arrows(self, transform: QTransform) -> Iterator[QLineF]:
        """Yield the arrows in the painter's coordinates: as far apart at every zoom, and as long."""
        if self._motion is None or not self._values:
            return
        left, top, right, bottom = self._motion.place
        place = transform.mapRect(QRectF(left, top, right - left, bottom - top))
        across, down = place.width() / self._motion.width, place.height() / self._motion.height
        steps = [max(1, math.ceil(_SPACING / max(size, 1e-6))) for size in (across, down)]
        for row in range(min(steps[1] // 2, self._motion.height - 1), self._motion.height, steps[1]):
            for column in range(min(steps[0] // 2, self._motion.width - 1), self._motion.width, steps[0]):
                dx, dy = self._at(row * self._motion.width + column)
                length = math.hypot(dx, dy)
                if math.isfinite(length) and length >= max(_LEAST, _LEAST_SHARE * self._largest):
                    start = QPointF(place.left() + (column + 0.5) * across, place.top() + (row + 0.5) * down)
                    scale = _LONGEST / self._largest
                    if length * scale >= _SHORTEST:
                        yield QLineF(start, start + QPointF(dx * scale, dy * scale))

    def _at(self, cell: int) -> tuple[float, float]:
        return self._values[2 * cell], self._values[2 * cell + 1]

    def row_at(self, point: QPointF) -> int:
        """Return -1: a flow has no predictions."""
        return -1

    def reading(self, point: QPointF) -> str:
        """Return how what is at a point of the image moves."""
        cell = cell_at(self._motion, point) if self._motion is not None and self._values else -1
        return motion_text(*self._at(cell)) if cell >= 0 else ""


def _paint_arrow(painter: QPainter, line: QLineF) -> None:
    head = min(_HEAD, 0.6 * line.length())
    for color, width in ((QColor(0, 0, 0, 160), 3.5), (QColor(255, 255, 255), 1.5)):
        pen = QPen(color, width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLine(line)
        tip = QLineF(line.p2(), line.p1())
        tip.setLength(head)
        ends = []
        for angle in (28, -28):
            side = QLineF(tip)
            side.setAngle(tip.angle() + angle)
            ends.append(side.p2())
        painter.drawPolyline(QPolygonF([ends[0], line.p2(), ends[1]]))
