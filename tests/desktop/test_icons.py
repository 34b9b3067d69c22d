"""The shipped icons: each can be drawn, line icons take the text's colour, the bitmaps have their size."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QByteArray, QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from pytestqt.qtbot import QtBot

from inspector.shipped import shipped_path

LINE_ICONS = (
    "attach", "buffer", "cancel", "check", "chevron-down", "chevron-right", "chevron-up-down", "clear", "close",
    "compare", "copy", "dangerous", "demo", "device", "error", "eye", "fit", "folder", "image", "info", "minus",
    "module", "needs_trust", "open", "panel-bottom", "panel-left", "panel-right", "parameter", "pause", "pixels",
    "play", "plus", "predict", "reload", "safe", "save", "search", "settings", "swap", "tensor", "value", "warning",
)  # fmt: skip
OWN_COLOURS = ("app", "app-small", "mimetype")


def _draw(svg: bytes, side: int) -> QImage:
    renderer = QSvgRenderer(QByteArray(svg))
    assert renderer.isValid()
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    return image


def test_nothing_else_is_shipped() -> None:
    assert {file.stem for file in shipped_path("icons").glob("*.svg")} == {*LINE_ICONS, *OWN_COLOURS}


@pytest.mark.parametrize("name", LINE_ICONS)
def test_line_icon_is_drawn_in_the_given_colour(qtbot: QtBot, name: str) -> None:
    svg = shipped_path(f"icons/{name}.svg").read_bytes()
    assert b'viewBox="0 0 16 16"' in svg
    assert b'stroke-width="1.5"' in svg
    assert b"#" not in svg, "a line icon has no colour of its own"
    image = _draw(svg.replace(b"currentColor", b"#ff0000"), 32)
    pixels = [image.pixelColor(x, y) for x in range(32) for y in range(32)]
    drawn = [pixel for pixel in pixels if pixel.alpha() > 128]
    assert len(drawn) > 20
    assert all(pixel.red() > 240 and pixel.green() < 16 and pixel.blue() < 16 for pixel in drawn)


@pytest.mark.parametrize("name", LINE_ICONS)
def test_line_icon_is_not_cut_off(qtbot: QtBot, name: str) -> None:
    image = _draw(shipped_path(f"icons/{name}.svg").read_bytes().replace(b"currentColor", b"#000000"), 160)
    edge = [image.pixelColor(i, j) for i in range(160) for j in (0, 159)]
    edge += [image.pixelColor(j, i) for i in range(160) for j in (0, 159)]
    assert not any(pixel.alpha() > 0 for pixel in edge)


@pytest.mark.parametrize("name", OWN_COLOURS)
def test_coloured_icon_is_drawn(qtbot: QtBot, name: str) -> None:
    image = _draw(shipped_path(f"icons/{name}.svg").read_bytes(), 64)
    colours = {image.pixel(x, y) for x in range(64) for y in range(64)}
    assert len(colours) > 10


@pytest.mark.parametrize("size", [16, 32, 48, 64, 128, 256])
def test_bitmaps_are_the_drawing(qtbot: QtBot, size: int) -> None:
    bitmap = QImage(str(shipped_path(f"icons/app/{size}.png")))
    assert (bitmap.width(), bitmap.height(), bitmap.hasAlphaChannel()) == (size, size, True)
    drawing = _draw(shipped_path(f"icons/app{'-small' if size == 16 else ''}.svg").read_bytes(), size)
    middle = size // 2
    drawn, shipped = drawing.pixelColor(middle, middle), bitmap.pixelColor(middle, middle)
    assert abs(drawn.red() - shipped.red()) < 40
    assert abs(drawn.blue() - shipped.blue()) < 40
