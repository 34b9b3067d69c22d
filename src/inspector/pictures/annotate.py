"""A copy of an image with its prediction written below it."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from inspector.pictures.decode import PILLOW_ERRORS, damaged, decode_image

#: Copies are for looking at: a PNG of a 50-megapixel photograph takes tens of seconds.
MAX_SIDE = 2_048

_MIN_WIDTH = 240  # pixels, so that a label below a tiny image can be read
_MAX_CHARACTERS = 80
_PAPER, _INK = (24, 26, 31), (240, 242, 246)


def annotate(data: bytes, *, name: str, caption: str) -> bytes:
    """Return a PNG of an image, upright, with a strip below it that holds a caption.

    Images of more than `MAX_SIDE` pixels on a side are made smaller. Small ones are centred over a strip that
    is wide enough to be read.

    Parameters
    ----------
    data
        The whole image file.
    name
        What to call it in an error.
    caption
        One line; what does not fit is cut with an ellipsis.

    Raises
    ------
    ImageError
        As :func:`inspector.pictures.decode.decode_image`.
    """
    photo = decode_image(data, name=name)
    try:
        photo.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
        picture = _with_strip(photo, caption)
        file = io.BytesIO()
        picture.save(file, "PNG", compress_level=4)
    except PILLOW_ERRORS as error:
        raise damaged(name) from error
    return file.getvalue()


def _with_strip(photo: Image.Image, caption: str) -> Image.Image:
    width = max(photo.width, _MIN_WIDTH)
    text_height = min(48, max(14, width // 24))
    font = ImageFont.load_default(text_height)
    margin, strip = text_height // 2, 2 * text_height
    picture = Image.new("RGB", (width, photo.height + strip), _PAPER)
    picture.paste(photo, ((width - photo.width) // 2, 0))
    place = (margin, photo.height + strip // 2)
    ImageDraw.Draw(picture).text(place, _shortened(caption, font, width - 2 * margin), _INK, font, anchor="lm")
    return picture


def _shortened(caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Return as much of the caption's beginning as fits into ``width`` pixels."""
    text = "".join(character if character.isprintable() else " " for character in caption)
    whole, text = text, text[:_MAX_CHARACTERS]
    while text and font.getlength(text if text == whole else f"{text}…") > width:
        text = text[:-1]
    return text if text == whole else f"{text}…"
