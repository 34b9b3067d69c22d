"""Semantic segmentation over an image: each class in its colour, the background clear."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QTransform

from inspector.gui.overlays.overlay import cell_at, indexed
from inspector.gui.overlays.palette import class_color
from inspector.gui.view_options import ViewOptions
from inspector.session import words
from inspector.session.answers import cells
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import class_text, is_background

#: How much of the others stays while one class is looked at.
_DIMMED = 60


class SegmentationOverlay:
    """The class of every cell, painted by the person's options."""

    def __init__(self, prediction: Prediction, options: ViewOptions) -> None:
        self._options = options
        self._classes = prediction.classes
        self._rows = {score.index: row for row, score in enumerate(prediction.classes)}
        self._raster = next((raster for raster in prediction.rasters if raster.kind == "classes"), None)
        self._values = cells(self._raster) if self._raster is not None else b""
        self._drawn = QImage()
        self._drawn_for: object = None

    def paint(self, painter: QPainter, transform: QTransform) -> None:
        """Paint the classes that are not hidden."""
        if self._raster is None:
            return
        left, top, right, bottom = self._raster.place
        painter.setOpacity(self._options.opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(transform.mapRect(QRectF(left, top, right - left, bottom - top)), self._picture())

    def _picture(self) -> QImage:
        assert self._raster is not None
        look = (self._options.hidden, self._options.pointed)
        if self._drawn_for != look:
            self._drawn_for = look
            self._drawn = indexed(self._values, self._raster.width, self._raster.height, self._colors())
        return self._drawn

    def _colors(self) -> list[int]:
        clear, pointed = QColor(0, 0, 0, 0).rgba(), self._options.pointed
        table = [clear] * 256
        for row, score in enumerate(self._classes):
            if not 0 <= score.index < 256 or row in self._options.hidden:
                continue
            if not is_background(score):
                color = QColor(class_color(score.index, score.label))
                color.setAlpha(255 if pointed in (-1, row) else _DIMMED)
                table[score.index] = color.rgba()
            elif pointed == row:
                table[score.index] = QColor(255, 255, 255, 150).rgba()
        return table

    def row_at(self, point: QPointF) -> int:
        """Return which of the classes is at a point of the image, -1 outside."""
        if self._raster is None or (cell := cell_at(self._raster, point)) < 0:
            return -1
        return self._rows.get(self._values[cell], -1)

    def reading(self, point: QPointF) -> str:
        """Return the class at a point of the image."""
        row = self.row_at(point)
        if row < 0:
            return ""
        score = self._classes[row]
        name = class_text(score)
        return f"{name} · {words.percent(score.area)} of the image" if score.area is not None else name
