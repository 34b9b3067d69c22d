"""Thumbnails become pixmaps of the right size, from their middle, with round corners; few of them are kept."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QApplication

from inspector.gui.image_tile import PICTURE
from inspector.gui.thumbnails import PixmapCache, cover
from inspector.session.state import Thumbnail


def thumbnail(color: str, width: int, height: int) -> Thumbnail:
    return Thumbnail(width, height, Image.new("RGB", (width, height), color).tobytes(), width, height)


def test_a_thumbnail_fills_its_place_from_its_middle() -> None:
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("lime", (100, 0, 200, 100))
    made = cover(Thumbnail(300, 100, wide.tobytes(), 300, 100), QSize(50, 50), 2.0, 6.0)
    assert made.size() == QSize(100, 100)
    assert made.devicePixelRatio() == 2.0
    image = made.toImage()
    assert image.pixelColor(50, 50) == QColor("lime")
    assert image.pixelColor(2, 50) == QColor("lime")  # the red sides are cut off
    assert image.pixelColor(0, 0).alpha() < 30  # a rounded corner


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 700), height=st.integers(1, 500), ratio=st.sampled_from([1.0, 1.25, 1.5, 2.0, 3.0]))
def test_thumbnails_of_any_shape_can_be_shown(qapp: QApplication, width: int, height: int, ratio: float) -> None:
    made = cover(thumbnail("blue", width, height), PICTURE, ratio, 6.0)
    assert made.width() == round(PICTURE.width() * ratio)
    assert made.toImage().pixelColor(made.width() // 2, made.height() // 2) == QColor("blue")


def test_the_pixmap_cache_is_bounded_and_forgets_the_oldest(qapp: QApplication) -> None:
    cache = PixmapCache(3)
    made: list[int] = []

    def get(image: int, made_for: object = 1.0) -> QPixmap:
        return cache.get(image, made_for, lambda: made.append(image) or QPixmap(1, 1))  # type: ignore[func-returns-value]

    for image in (1, 2, 3, 1, 4):
        get(image)
    assert len(cache) == 3
    get(1)
    assert made == [1, 2, 3, 4]
    get(2)
    assert made[-1] == 2  # it was the one used least recently
    get(1, 2.0)
    assert made[-1] == 1  # another screen
    cache.forget(1)
    cache.keep_only({2})
    assert len(cache) == 1
