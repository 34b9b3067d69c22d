"""The heat of an explanation over an image: hot where most speaks for the class, dark where nothing does."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform

from inspector.gui.overlays.overlay import indexed
from inspector.gui.view_options import ViewOptions
from inspector.palette import heat_colour
from inspector.session.explanation_state import Explanation

#: Cells on the longer side of the smoothed heat: a layer has few, and their edges mean nothing.
_SMOOTH = 448

_COLORS = [QColor(*heat_colour(value / 255)).rgba() for value in range(256)]


class HeatOverlay:
    """The heat, over the part of the image that the model saw."""

    def __init__(self, explanation: Explanation, options: ViewOptions) -> None:
        self.explanation, self._options = explanation, options
        self._picture = smooth_heat(explanation)

    def paint(self, painter: QPainter, transform: QTransform) -> None:
        """Paint the heat, and a line around what the model saw."""
        left, top, right, bottom = self.explanation.place
        place = transform.mapRect(QRectF(left, top, right - left, bottom - top))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(self._options.opacity)
        painter.drawImage(place, self._picture)
        painter.setPen(QPen(QColor(255, 255, 255, 160), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(place.adjusted(0, 0, -1, -1))


def smooth_heat(explanation: Explanation) -> QImage:
    """Return the heat in colours; smoothed before it is coloured, so that what lies between two values is theirs."""
    rows, columns = explanation.rows, explanation.columns
    if not rows or not columns:
        return QImage()
    grey = QImage(explanation.heat, columns, rows, columns, QImage.Format.Format_Grayscale8)
    scale = max(1.0, _SMOOTH / max(rows, columns))
    size = QSize(max(1, round(columns * scale)), max(1, round(rows * scale)))
    exact, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    large = grey.scaled(size, exact, smooth).convertToFormat(QImage.Format.Format_Grayscale8)
    line, data = large.bytesPerLine(), bytes(large.constBits())
    packed = b"".join(data[row * line : row * line + size.width()] for row in range(size.height()))
    return indexed(packed, size.width(), size.height(), _COLORS)
