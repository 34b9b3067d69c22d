"""Objects over an image: masks, boxes, skeletons and labels of those above the threshold."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QTransform

from inspector.gui.overlays.chips import Chips
from inspector.gui.overlays.overlay import cell_at, indexed, visible
from inspector.gui.overlays.palette import class_color
from inspector.gui.overlays.skeleton import paint_skeleton, point_name
from inspector.gui.view_options import ViewOptions
from inspector.session.answers import AnswerError, cells
from inspector.session.prediction_state import ClassScore, Prediction, Raster
from inspector.session.prediction_words import class_text, shown_rows, whole_percent

_DIMMED = 0.35

#: Masks that are painted at once, of the surest: of a hundred large ones the window would stand still for 0.2 s.
MOST_MASKS = 30

#: Pixels of masks, together, from which on they are painted at half the screen's resolution.
_MUCH = 2_500_000

_HALO = QColor(0, 0, 0, 130)

#: Mask probabilities (times 255) between which a mask fades in: its edge is at one half, and not jagged.
_EDGE = (108, 148)


def object_text(score: ClassScore) -> str:
    """Return what a label says: ``person 98 %``."""
    return f"{class_text(score)} {whole_percent(score.score)}"


def object_color(prediction: Prediction, row: int) -> QColor:
    """Return the colour of an object: its class's; where masks lie on each other, one of its own."""
    masks = any(raster.kind == "mask" for raster in prediction.rasters)
    return class_color(row + 1 if masks else prediction.classes[row].index)


class DetectionOverlay:
    """The objects of a prediction, painted by the person's options.

    Parameters
    ----------
    labels
        Whether boxes have labels; a small picture is hidden by them.
    """

    def __init__(self, prediction: Prediction, options: ViewOptions, *, labels: bool = True) -> None:
        self._prediction, self._options, self._labels = prediction, options, labels
        self._masks = {raster.prediction: raster for raster in prediction.rasters if raster.kind == "mask"}
        self._values: dict[int, bytes] = {}
        self._colors = [object_color(prediction, row) for row in range(len(prediction.classes))]
        self._drawn: dict[int, QImage] = {}
        self.placed: list[QRectF] = []

    @property
    def shown(self) -> list[int]:
        """The rows that are shown, the surest first."""
        hidden = self._options.hidden
        return [row for row in shown_rows(self._prediction, self._options.threshold) if row not in hidden]

    def _box(self, row: int) -> QRectF:
        left, top, right, bottom = self._prediction.classes[row].box or (0.0, 0.0, 0.0, 0.0)
        return QRectF(left, top, right - left, bottom - top)

    # -- painting ----------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, transform: QTransform) -> None:
        """Paint the objects, the surest last, and the labels above them all."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shown = self.shown
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        first = {self._options.pointed, self._options.selected}
        self._paint_masks(
            painter, transform, [row for place, row in enumerate(shown) if place < MOST_MASKS or row in first][::-1]
        )
        for row in reversed(shown):
            self._paint_object(painter, transform, row)
        if self._labels:
            self._paint_labels(painter, transform, shown)

    def _strength(self, row: int) -> float:
        """Return how strongly an object is painted: others fade while one is pointed at."""
        pointed = self._options.pointed
        return 1.0 if pointed < 0 or row in (pointed, self._options.selected) else _DIMMED

    def _paint_masks(self, painter: QPainter, transform: QTransform, rows: list[int]) -> None:
        """Paint masks in their order; many large ones on a screen at half its resolution, so that nothing lags."""
        device, room = painter.device(), visible(painter)
        ratio = device.devicePixelRatio()
        areas = (transform.mapRect(self._place(row)).intersected(room) for row in rows if row in self._masks)
        if isinstance(device, QImage) or ratio**2 * sum(area.width() * area.height() for area in areas) < _MUCH:
            for row in rows:
                self._paint_mask(painter, transform, row)
            return
        scale = ratio / 2
        size = QSize(ceil(room.width() * scale), ceil(room.height() * scale))
        layer = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
        layer.fill(Qt.GlobalColor.transparent)
        inner = QPainter(layer)
        inner.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for row in rows:
            self._paint_mask(inner, transform * QTransform.fromScale(scale, scale), row)
        inner.end()
        painter.setOpacity(1.0)
        painter.drawImage(QRectF(0, 0, size.width() / scale, size.height() / scale), layer)

    def _place(self, row: int) -> QRectF:
        left, top, right, bottom = self._masks[row].place
        return QRectF(left, top, right - left, bottom - top)

    def _paint_mask(self, painter: QPainter, transform: QTransform, row: int) -> None:
        raster = self._masks.get(row)
        if raster is not None:
            painter.setOpacity(self._options.opacity * self._strength(row))
            painter.drawImage(transform.mapRect(self._place(row)), self._mask(row, raster))

    def _mask(self, row: int, raster: Raster) -> QImage:
        if row not in self._drawn:
            color, (low, high) = self._colors[row], _EDGE
            alphas = (round(255 * max(0.0, min(1.0, (value - low) / (high - low)))) for value in range(256))
            table = [QColor(color.red(), color.green(), color.blue(), alpha).rgba() for alpha in alphas]
            self._drawn[row] = indexed(self._mask_values(row, raster), raster.width, raster.height, table)
        return self._drawn[row]

    def _mask_values(self, row: int, raster: Raster) -> bytes:
        if row not in self._values:
            try:
                self._values[row] = cells(raster)
            except AnswerError:
                self._values[row] = bytes(raster.width * raster.height)  # a damaged mask shows nothing
        return self._values[row]

    def _paint_object(self, painter: QPainter, transform: QTransform, row: int) -> None:
        score = self._prediction.classes[row]
        strong = row in (self._options.pointed, self._options.selected)
        painter.setOpacity(self._strength(row))
        if score.box is not None:
            place, width = transform.mapRect(self._box(row)), 3.0 if strong else 2.0
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            for color, wide in ((_HALO, width + 2), (self._colors[row], width)):
                _paint_frame(painter, place, wide, color)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if score.keypoints:
            paint_skeleton(painter, transform, score.keypoints, strong=strong)

    def _paint_labels(self, painter: QPainter, transform: QTransform, shown: list[int]) -> None:
        whole = QRectF(0, 0, max(1, self._prediction.width), max(1, self._prediction.height))
        room = transform.mapRect(whole).intersected(visible(painter))
        chips = Chips(painter, room)
        first = {self._options.pointed, self._options.selected}
        for row in sorted(shown, key=lambda row: row not in first):
            score, box = self._prediction.classes[row], transform.mapRect(self._box(row))
            if score.box is not None and box.intersects(room) and self._strength(row) == 1.0:
                color = self._colors[row]
                chips.put(object_text(score), box, color, always=row in first)
        self.placed = chips.placed

    # -- asking ------------------------------------------------------------------------------------------------

    def row_at(self, point: QPointF) -> int:
        """Return the object at a point of the image, -1 where there is none: by its mask, else the smallest box."""
        found = [row for row in self.shown if self._box(row).contains(point)]
        masked = [row for row in found if row in self._masks and self._is_masked(row, point)]
        return min(masked or found, key=lambda row: self._box(row).width() * self._box(row).height(), default=-1)

    def _is_masked(self, row: int, point: QPointF) -> bool:
        cell = cell_at(self._masks[row], point)
        return cell >= 0 and self._mask_values(row, self._masks[row])[cell] > 127

    def reading(self, point: QPointF) -> str:
        """Return the object at a point of the image, and which part of a person."""
        row = self.row_at(point)
        if row < 0:
            return ""
        score = self._prediction.classes[row]
        part = point_name(score.keypoints, point)
        return f"{object_text(score)} · {part}" if part else object_text(score)


def _paint_frame(painter: QPainter, place: QRectF, wide: float, color: QColor) -> None:
    """Paint the edges of a rectangle as four bars: a hundred stroked outlines take ten times as long."""
    half = wide / 2
    outer = place.adjusted(-half, -half, half, half)
    high = max(0.0, outer.height() - 2 * wide)
    for x, y, across, down in (
        (outer.left(), outer.top(), outer.width(), wide),
        (outer.left(), outer.bottom() - wide, outer.width(), wide),
        (outer.left(), outer.top() + wide, wide, high),
        (outer.right() - wide, outer.top() + wide, wide, high),
    ):
        painter.fillRect(QRectF(x, y, across, down), color)
