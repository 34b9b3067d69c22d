"""Images of every mode become upright RGB; bad ones become one sentence, never a crash or a warning."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspector.pictures import decode
from inspector.pictures.decode import ImageError, decode_image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(width: int = 40, height: int = 24) -> Image.Image:
    x = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    y = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))


def pixels(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.asarray(image).astype(np.int16)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGB", "PNG"),
        ("L", "PNG"),
        ("1", "PNG"),
        ("P", "PNG"),
        ("P", "GIF"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("RGB", "JPEG"),
        ("RGB", "WEBP"),
        ("RGB", "BMP"),
        ("RGB", "PPM"),
        ("YCbCr", "JPEG"),
        ("RGB", "TIFF"),
    ],
)
def test_opaque_modes_equal_pillows_own_conversion(mode: str, kind: str) -> None:
    data = encoded(gradient().convert(mode), kind)
    ours = decode_image(data, name="picture")
    assert ours.mode == "RGB"
    assert ours.tobytes() == Image.open(io.BytesIO(data)).convert("RGB").tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    upright = gradient()
    # what a camera stores: the picture turned so that applying the tag brings it back
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    ours = decode_image(encoded(stored, kind, exif=exif, **options), name="photo")
    assert ours.size == upright.size
    np.testing.assert_array_equal(pixels(ours), pixels(upright))


def test_transparency_shows_white() -> None:
    rgba = gradient().convert("RGBA")
    rgba.putalpha(Image.linear_gradient("L").resize(rgba.size))
    ours = pixels(decode_image(encoded(rgba, "PNG"), name="logo"))
    alpha = np.asarray(rgba.getchannel("A")).astype(float)[..., None] / 255
    expected = np.asarray(gradient()).astype(float) * alpha + 255 * (1 - alpha)
    assert np.abs(ours - expected).max() <= 1


def test_palette_with_a_transparent_colour_shows_white_there() -> None:
    palette = Image.new("P", (4, 2), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30] + [0] * 762)
    palette.putpixel((0, 0), 0)
    ours = decode_image(encoded(palette, "GIF", transparency=0), name="icon")
    assert ours.getpixel((0, 0)) == (255, 255, 255)
    assert ours.getpixel((1, 0)) == (10, 20, 30)


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 512).astype(np.uint16).reshape(2, 256)
    for kind in ("PNG", "TIFF", "PPM"):
        ours = pixels(decode_image(encoded(Image.fromarray(ramp), kind), name="scan"))[..., 0]
        assert np.abs(ours - ramp / 257).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.4, 255.0], [0, 100, 255]),
        ([-3.0, 0.0, 3.0], [0, 128, 255]),
        ([float("nan"), 0.0, 1.0], [0, 0, 255]),
        ([7.0e9, 7.0e9, 7.0e9], [0, 0, 0]),
    ],
)
def test_float_pictures_find_their_range(values: list[float], expected: list[int]) -> None:
    picture = Image.fromarray(np.array([values], np.float32))
    ours = decode_image(encoded(picture, "TIFF"), name="depth map")
    assert [ours.getpixel((x, 0)) for x in range(3)] == [(grey, grey, grey) for grey in expected]


def test_the_first_frame_of_an_animation() -> None:
    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    for kind in ("GIF", "PNG", "WEBP"):
        data = encoded(red, kind, save_all=True, append_images=[blue])
        assert decode_image(data, name="loop").getpixel((4, 4))[0] > 240  # type: ignore[index]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_a_file_cut_short_is_an_error_at_every_length(kind: str) -> None:
    data = encoded(gradient(64, 48), kind)
    for keep in range(0, len(data) - len(data) // 8, max(1, len(data) // 60)):
        with pytest.raises(ImageError) as caught:
            decode_image(data[:keep], name="photo.jpg")
        assert caught.value.message.startswith("photo.jpg ")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "JPEG2000"])
def test_flipped_bytes_give_a_picture_or_an_image_error(kind: str) -> None:
    data = encoded(gradient(32, 32), kind)
    random = np.random.default_rng(3)
    for _ in range(150):
        hurt = bytearray(data)
        for position in random.integers(0, min(len(data), 400), 3):
            hurt[position] = random.integers(256)
        with contextlib.suppress(ImageError):
            assert decode_image(bytes(hurt), name="hurt").mode == "RGB"


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_allocated() -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    with pytest.raises(ImageError, match="more pixels than can be read"):
        decode_image(bomb, name="bomb.png")


def test_a_200_megapixel_photo_is_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decode.MAX_PIXELS > 16_320 * 12_240
    data = encoded(gradient(), "PNG")
    monkeypatch.setattr(decode, "MAX_PIXELS", 40 * 24 - 1)
    with pytest.raises(ImageError):
        decode_image(data, name="photo")
    monkeypatch.setattr(decode, "MAX_PIXELS", 40 * 24)
    assert decode_image(data, name="photo").size == (40, 24)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"hello", "is not an image that can be read"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"<?xml version='1.0'?><svg/>", "is an SVG drawing"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "is a HEIC photo"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image that can be read"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words) as caught:
        decode_image(data, name="it.jpg")
    assert caught.value.hint


@pytest.mark.shared_data
def test_every_odd_image_decodes_or_says_why(shared_data: Path) -> None:
    refused = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in sorted((shared_data / "images" / "misc").iterdir()):
            try:
                assert decode_image(path.read_bytes(), name=path.name).mode == "RGB"
            except ImageError as error:
                refused[path.name.removeprefix("python-pillow__Pillow__")] = error.message
    assert set(refused) == {
        "broken.png",
        "decompression_bomb.gif",
        "libtiff_segfault.tif",
        "png_decompression_dos.png",
        "truncated_end_chunk.png",
        "truncated_jpeg.jpg",
        "ultrahdr.jpg",
        "zero_width.gif",
    }
    assert "more pixels" in refused["decompression_bomb.gif"]


@pytest.mark.shared_data
def test_photographs_turned_by_a_camera_come_out_upright(shared_data: Path) -> None:
    def load(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
        path = shared_data / "images" / "misc" / f"python-pillow__Pillow__{name}"
        return pixels(decode_image(path.read_bytes(), name=name))

    upright = load("hopper.jpg")
    for orientation in (2, 4, 6, 8):
        assert np.abs(load(f"hopper_orientation_{orientation}.jpg") - upright).mean() < 12
