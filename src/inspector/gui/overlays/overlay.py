"""What lies over an image: something that paints itself through the transform from the image's pixels."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter, QTransform

from inspector.session.prediction_state import Raster


class Overlay(Protocol):
    """Painted over the image, in the order in which overlays are added."""

    def paint(self, painter: QPainter, transform: QTransform) -> None:
        """Paint over the image.

        Parameters
        ----------
        painter
            In the target's own coordinates; its state is restored by the caller.
        transform
            From pixels of the upright image to the painter's coordinates: scaled and moved, never turned.
        """


class TaskOverlay(Overlay, Protocol):
    """The overlay of a task's prediction, which can be asked what lies where."""

    def reading(self, point: QPointF) -> str:
        """Return what is at a point of the image, in a few words; empty where there is nothing."""

    def row_at(self, point: QPointF) -> int:
        """Return the index of the prediction at a point of the image, -1 where there is none."""


def cell_at(raster: Raster, point: QPointF) -> int:
    """Return the index of the cell of a raster under a point of the image, -1 outside of it."""
    left, top, right, bottom = raster.place
    if right <= left or bottom <= top or not (left <= point.x() < right and top <= point.y() < bottom):
        return -1
    column = int((point.x() - left) / (right - left) * raster.width)
    row = int((point.y() - top) / (bottom - top) * raster.height)
    return min(row, raster.height - 1) * raster.width + min(column, raster.width - 1)


def indexed(values: bytes, width: int, height: int, colors: list[int]) -> QImage:
    """Return one byte per pixel as a picture, by a table of 256 colours (``QRgb`` with alpha)."""
    image = QImage(values, width, height, width, QImage.Format.Format_Indexed8).copy()  # of its own bytes
    image.setColorTable(colors)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def visible(painter: QPainter) -> QRectF:
    """Return what a painter can paint on, in its own coordinates."""
    device = painter.device()
    # Only of an image are the sizes told in device pixels.
    ratio = device.devicePixelRatio() if isinstance(device, QImage) else 1.0
    return QRectF(0, 0, device.width() / ratio, device.height() / ratio)
