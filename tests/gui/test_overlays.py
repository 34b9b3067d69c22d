"""What lies over an image, painted off screen: in its place at every zoom, labels readable, damage shown as nothing."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QTransform
from PySide6.QtWidgets import QApplication

from inspector.gui.image_canvas import ImageCanvas
from inspector.gui.overlays import detection
from inspector.gui.overlays.detection import MOST_MASKS, DetectionOverlay
from inspector.gui.overlays.flow import FlowOverlay
from inspector.gui.overlays.of_task import overlay_for
from inspector.gui.overlays.overlay import Overlay
from inspector.gui.overlays.palette import class_color
from inspector.gui.view_options import ViewOptions
from inspector.session.prediction_state import ClassScore, Prediction
from inspector.session.prediction_words import headline, motion_text, nothing_text
from inspector.session.state import Thumbnail

from . import task_samples as samples


def painted(overlay: Overlay, transform: QTransform, width: int = 960, height: int = 640) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    overlay.paint(painter, transform)
    painter.end()
    return image


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_a_box_is_where_the_object_is_at_every_zoom(qapp: QApplication, scale: float) -> None:
    overlay = DetectionOverlay(samples.detection(), ViewOptions(), labels=False)
    drawn = painted(overlay, QTransform.fromScale(scale, scale), round(960 * scale), round(640 * scale))
    left, _, _, bottom = samples.VEHICLE
    assert drawn.pixelColor(round((left + 60) * scale), round(bottom * scale)) == class_color(3)
    assert drawn.pixelColor(round((left + 60) * scale), round((bottom + 20 / scale) * scale)) == QColor("black")


def test_labels_stay_in_the_picture_and_off_each_other(qapp: QApplication) -> None:
    crowd = [
        ClassScore("a rather long label", 1, 0.9 - 0.01 * place, (x, y, x + 60, y + 40))
        for place, (x, y) in enumerate(itertools.product(range(-20, 960, 50), range(0, 640, 60)))
    ]
    overlay = DetectionOverlay(replace(samples.detection(), classes=tuple(crowd)), ViewOptions())
    painted(overlay, QTransform())
    assert len(overlay.placed) > 20
    assert all(QRectF(0, 0, 960, 640).contains(place) for place in overlay.placed)
    assert not any(a.intersects(b) for a, b in itertools.combinations(overlay.placed, 2))


def test_the_object_that_is_pointed_at_always_has_its_label(qapp: QApplication) -> None:
    same = tuple(ClassScore("x", 1, 0.9, (100, 100, 130, 120)) for _ in range(30))
    options = ViewOptions()
    overlay = DetectionOverlay(replace(samples.detection(), classes=same), options)
    options.point_at(29)
    painted(overlay, QTransform())
    assert len(overlay.placed) == 1


def test_a_mask_covers_its_object_alone(qapp: QApplication) -> None:
    options = ViewOptions()
    options.set_opacity(1.0)
    overlay = DetectionOverlay(samples.instances(), options, labels=False)
    drawn = painted(overlay, QTransform())
    left, top, right, bottom = samples.VEHICLE
    assert drawn.pixelColor(round((left + right) / 2), round((top + bottom) / 2)) == class_color(2)
    assert drawn.pixelColor(round(left + 8), round(top + 8)) == QColor("black")  # in the box, outside of the ellipse
    assert overlay.row_at(QPointF((left + right) / 2, (top + bottom) / 2)) == 1


def test_of_a_crowd_the_surest_masks_are_painted(qapp: QApplication) -> None:
    one = samples.instances()
    raster, score = one.rasters[1], one.classes[1]
    count = MOST_MASKS + 5
    crowd = replace(one, classes=(score,) * count, rasters=tuple(replace(raster, prediction=i) for i in range(count)))
    options = ViewOptions()
    overlay = DetectionOverlay(crowd, options, labels=False)
    painted(overlay, QTransform())
    assert len(overlay._drawn) == MOST_MASKS
    options.point_at(count - 1)
    painted(overlay, QTransform())
    assert count - 1 in overlay._drawn


def crowd(count: int) -> Prediction:
    """The car a number of times, each with its mask all over the picture."""
    one = samples.instances()
    whole = (0.0, 0.0, float(samples.WIDTH), float(samples.HEIGHT))
    raster, score = replace(one.rasters[1], place=whole), replace(one.classes[1], box=whole)
    rasters = tuple(replace(raster, prediction=row) for row in range(count))
    return replace(one, classes=(score,) * count, rasters=rasters)


def test_many_large_masks_are_where_one_is(qtbot: Any, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ViewOptions()
    options.set_opacity(1.0)
    canvas = ImageCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(700, 500)
    black = Thumbnail(4, 4, bytes(48), samples.WIDTH, samples.HEIGHT)
    canvas.show_picture(black)
    canvas.set_overlays([DetectionOverlay(samples.instances(), options, labels=False)])
    sharp = canvas.grab().toImage()
    monkeypatch.setattr(detection, "_MUCH", 0)
    canvas.update()
    soft = canvas.grab().toImage()
    assert soft != sharp  # or it was not painted otherwise
    ratio = canvas.devicePixelRatioF()
    left, top, right, bottom = samples.VEHICLE
    for x, y, color in (
        ((left + right) / 2, (top + bottom) / 2, class_color(2)),
        ((left + right) / 2, top + 30, class_color(2)),
        (left + 12, top + 12, QColor("black")),  # in the box, outside of the mask
    ):
        at = (canvas.transform().map(QPointF(x, y)) * ratio).toPoint()
        assert soft.pixelColor(at) == sharp.pixelColor(at) == color


def test_a_hundred_large_masks_are_painted_in_a_moment(qtbot: Any, qapp: QApplication) -> None:
    canvas = ImageCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(1000, 600)
    canvas.show_picture(Thumbnail(4, 4, bytes(48), samples.WIDTH, samples.HEIGHT))
    canvas.set_overlays([DetectionOverlay(crowd(100), ViewOptions())])
    canvas.grab()  # the masks are unpacked
    took = []
    for _ in range(7):
        begin = time.process_time()
        canvas.grab()
        took.append(time.process_time() - begin)
    assert min(took) < 0.05


def test_a_damaged_raster_shows_nothing_and_harms_nothing(qapp: QApplication) -> None:
    damaged = [
        replace(made, rasters=tuple(replace(raster, data=b"no zlib") for raster in made.rasters))
        for made in (samples.segmentation(), samples.instances(), samples.flow())
    ]
    assert overlay_for(damaged[0], ViewOptions()) is None
    masks = overlay_for(damaged[1], ViewOptions())
    assert masks is not None
    painted(masks, QTransform())
    assert overlay_for(damaged[2], ViewOptions()) is None


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_arrows_are_as_large_at_every_zoom(qapp: QApplication, scale: float) -> None:
    overlay = FlowOverlay(samples.flow(), ViewOptions())
    arrows = list(overlay.arrows(QTransform.fromScale(scale, scale)))
    assert max(arrow.length() for arrow in arrows) == pytest.approx(26.0)
    starts = sorted({round(arrow.x1(), 3) for arrow in arrows})
    assert min(b - a for a, b in itertools.pairwise(starts)) >= 30.0
    left, top, right, bottom = samples.VEHICLE
    inside = QRectF(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale)
    car = [arrow for arrow in arrows if inside.contains(arrow.p1())]
    assert car
    assert all(arrow.dx() < 0 for arrow in car)


def test_a_prediction_in_words() -> None:
    assert headline(samples.detection()) == ("4 objects", "person 98\u202f%")
    assert headline(samples.segmentation()) == ("road", "22.0\u202f%")
    assert headline(samples.flow())[1] == "at most 14\u202fpx"
    assert headline(samples.classification()) == ("street sign", "62.0\u202f%")
    none = replace(samples.detection(), classes=())
    assert headline(none) == ("no objects", "")
    assert nothing_text(none, 0.5) == "Nothing found in this image."
    assert "The surest is person with 98" in nothing_text(samples.detection(), 0.99)
    assert motion_text(12.2, 3.4) == "12\u202fpx → 3\u202fpx ↓"
    assert motion_text(-0.2, -7.0) == "7\u202fpx ↑"
    assert motion_text(0.1, 0.2) == "still"
