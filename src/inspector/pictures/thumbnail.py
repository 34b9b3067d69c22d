"""Small upright RGB copies of images, for strips and lists."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from inspector.pictures.decode import PILLOW_ERRORS, damaged, open_image, orientation, to_rgb, upright

# Image.resize first shrinks by whole factors to this many times the goal, then filters: near LANCZOS, far
# faster.
_REDUCING_GAP = 2.0


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small upright picture and the size of the one it was made from.

    Attributes
    ----------
    width, height
        Of the thumbnail, in pixels.
    rgb
        ``3 * width * height`` bytes, row by row from the top, without padding.
    original_width, original_height
        Of the image in the file, upright, in pixels.
    """

    width: int
    height: int
    rgb: bytes
    original_width: int
    original_height: int


def thumbnail(data: bytes, *, name: str, width: int, height: int) -> Thumbnail:
    """Make a thumbnail that fits into a box of pixels: aspect ratio kept, nothing enlarged.

    JPEGs are decoded at a fraction of their size, so this costs far less than decoding them whole.

    Parameters
    ----------
    data
        The whole file.
    name
        What to call it in an error.
    width, height
        The box to fit into, in pixels, at least 1.

    Raises
    ------
    ImageError
        As :func:`inspector.pictures.decode.decode_image`.
    ValueError
        The box is smaller than one pixel.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a thumbnail of {width} × {height} pixels can't be made")
    image = open_image(data, name=name)
    try:
        return _shrink(image, width, height)
    except PILLOW_ERRORS as error:
        raise damaged(name) from error


def _shrink(image: Image.Image, width: int, height: int) -> Thumbnail:
    # Turned by a quarter, the file's width is the picture's height. Only JPEG needs this before it is
    # decoded.
    lying = image.format in ("JPEG", "MPO") and orientation(image) >= 5
    box = (height, width) if lying else (width, height)
    original = image.size
    # does nothing but for JPEG, which then decodes at 1/2, 1/4 or 1/8, never below what is asked for
    image.draft(None, (int(box[0] * _REDUCING_GAP), int(box[1] * _REDUCING_GAP)))
    drafted = image.size
    image.load()
    if image.size != drafted:  # TIFF and AVIF turn themselves upright while they load
        original = image.size
    turn = orientation(image)
    box = (height, width) if turn >= 5 else (width, height)
    rgb = to_rgb(image)
    scale = min(1.0, box[0] / original[0], box[1] / original[1])
    size = (max(1, round(original[0] * scale)), max(1, round(original[1] * scale)))
    small = rgb if rgb.size == size else rgb.resize(size, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    small = upright(small, turn)
    upright_original = (original[1], original[0]) if turn >= 5 else original
    return Thumbnail(*small.size, small.tobytes(), *upright_original)
