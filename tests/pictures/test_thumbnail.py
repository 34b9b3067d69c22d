"""Thumbnails keep the aspect ratio, stand upright, and look like the picture they were made from."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inspector.pictures.decode import ImageError, decode_image
from inspector.pictures.thumbnail import thumbnail


def jpeg(width: int, height: int, orientation: int = 1) -> bytes:
    x = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    y = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image = Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))
    image.save(buffer, "JPEG", exif=exif, quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_the_whole_picture_made_small(orientation: int) -> None:
    data = jpeg(1600, 900, orientation)
    small = thumbnail(data, name="photo", width=120, height=90)
    whole = decode_image(data, name="photo")
    assert (small.original_width, small.original_height) == whole.size
    assert len(small.rgb) == 3 * small.width * small.height
    assert abs(small.width / small.height - whole.width / whole.height) < 0.03
    ours = np.frombuffer(small.rgb, np.uint8).reshape(small.height, small.width, 3).astype(float)
    expected = np.asarray(whole.resize((small.width, small.height), Image.Resampling.LANCZOS)).astype(float)
    assert np.abs(ours - expected).mean() < 2


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 100), st.integers(1, 100))
def test_it_fits_the_box_and_is_never_enlarged(width: int, height: int, box_width: int, box_height: int) -> None:
    small = thumbnail(jpeg(width, height), name="photo", width=box_width, height=box_height)
    assert 1 <= small.width <= min(box_width, width)
    assert 1 <= small.height <= min(box_height, height)
    assert small.width in (box_width, width) or small.height in (box_height, height) or 1 in (width, height)
    assert (small.original_width, small.original_height) == (width, height)


def test_a_picture_that_turns_itself_upright_while_it_loads() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (200, 100), "teal").save(buffer, "TIFF", exif=exif)
    small = thumbnail(buffer.getvalue(), name="scan", width=40, height=40)
    assert (small.width, small.height, small.original_width, small.original_height) == (20, 40, 100, 200)


def test_a_broken_image_is_named() -> None:
    with pytest.raises(ImageError, match=r"photo\.jpg is cut short"):
        thumbnail(jpeg(400, 300)[:900], name="photo.jpg", width=96, height=72)


def test_an_impossible_box_is_refused() -> None:
    with pytest.raises(ValueError, match="0 × 10"):
        thumbnail(jpeg(4, 4), name="photo", width=0, height=10)
