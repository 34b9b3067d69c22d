from __future__ import annotations

import io

import pytest
from PIL import Image

from inspector.pictures.answer import Answer, Found
from inspector.pictures.decode import ImageError
from inspector.pictures.draw import MAX_SIDE, draw_file


def _png(width: int, height: int, colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def _annotated(data: bytes, caption: str) -> Image.Image:
    answer = Answer("classification", 1, 1, (Found(caption, 0, 0.814),))
    picture = Image.open(io.BytesIO(draw_file(data, answer, name="a.png")))
    picture.load()
    assert picture.format == "PNG"
    return picture


def test_photograph_is_kept_and_the_strip_holds_ink() -> None:
    picture = _annotated(_png(600, 400), "Samoyed")
    assert picture.width == 600
    assert picture.height > 400
    assert picture.crop((0, 0, 600, 400)).getcolors() == [(600 * 400, (255, 0, 0))]
    strip = picture.crop((0, 400, 600, picture.height)).convert("L")
    levels = strip.histogram()
    assert sum(levels[:40]) > sum(levels[200:]) > 0


def test_tiny_image_gets_a_readable_strip() -> None:
    picture = _annotated(_png(8, 8), "zero")
    assert picture.width >= 200
    assert picture.getpixel((picture.width // 2, 4)) == (255, 0, 0)


def test_large_image_is_made_smaller() -> None:
    assert _annotated(_png(MAX_SIDE * 2, 100), "x").width == MAX_SIDE


@pytest.mark.parametrize("caption", ["", "a" * 5_000, "line\nbreak\x1b", "権利 größe"])
def test_any_caption_fits(caption: str) -> None:
    picture = _annotated(_png(300, 20), caption)
    edge = picture.crop((picture.width - 4, 20, picture.width, picture.height))
    colours = edge.getcolors()
    assert colours is not None
    assert len(colours) == 1


def test_broken_image_is_told() -> None:
    with pytest.raises(ImageError, match=r"a\.png"):
        draw_file(_png(50, 50)[:60], Answer("classification", 1, 1), name="a.png")
