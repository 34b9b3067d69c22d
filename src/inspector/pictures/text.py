"""Text on pictures: its font, its cutting, and the strip below a photograph that captions and legends stand in."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from inspector.palette import INK, PAPER, Rgb

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_MIN_WIDTH = 240  # pixels, so that a label below a tiny image can be read
_MAX_CHARACTERS = 80
_MOST_WRAPPED = 400  # characters: two sentences


def text_height(width: int) -> int:
    """Return how high text is on a picture of a width, in pixels."""
    return min(48, max(14, width // 24))


def shortened(caption: str, font: Font, width: float) -> str:
    """Return as much of a caption's beginning as fits into ``width`` pixels, on one line."""
    text = "".join(character if character.isprintable() else " " for character in caption)
    whole, text = text, text[:_MAX_CHARACTERS]
    while text and font.getlength(text if text == whole else f"{text}…") > width:
        text = text[:-1]
    return text if text == whole else f"{text}…"


def with_caption(photo: Image.Image, caption: str) -> Image.Image:
    """Return a photograph over a strip with a text: on one line, or on a few smaller ones where it is a sentence."""
    width = max(photo.width, _MIN_WIDTH)
    height = text_height(width)
    letters = ImageFont.load_default(height)
    lines = [caption]
    if len(caption) <= _MOST_WRAPPED and letters.getlength(caption) > width - height:
        height = max(13, round(0.7 * height))
        letters = ImageFont.load_default(height)
        lines = _wrapped(caption, letters, width - height)
    step = round(1.4 * height)
    picture = _with_strip(photo, width, 2 * height + step * (len(lines) - 1))
    draw = ImageDraw.Draw(picture)
    for place, line in enumerate(lines):
        text = shortened(line, letters, width - height)
        draw.text((height // 2, photo.height + height + place * step), text, INK, letters, anchor="lm")
    return picture


def _wrapped(text: str, font: Font, width: float) -> list[str]:
    """Return a text in lines that fit, broken between words; a word that is too long stays whole."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def with_legend(photo: Image.Image, rows: Sequence[tuple[Rgb, str, str]]) -> Image.Image:
    """Return a photograph over a strip with a legend: colour, name, and a figure of each, in columns."""
    width = max(photo.width, _MIN_WIDTH)
    height = min(28, text_height(width))
    letters = ImageFont.load_default(height)
    columns = max(1, min(len(rows), width // (13 * height)))
    step, line = (width - height) // columns, round(1.6 * height)
    lines = -(-len(rows) // columns)
    picture = _with_strip(photo, width, lines * line + height)
    draw = ImageDraw.Draw(picture)
    for place, (colour, name, figure) in enumerate(rows):
        row, column = place % lines, place // lines
        x, y = height // 2 + column * step, photo.height + height // 2 + row * line + line // 2
        half = height // 2
        draw.rounded_rectangle((x, y - half, x + height, y + half), height // 5, colour)
        end = x + step - height
        draw.text((end, y), figure, INK, letters, anchor="rm")
        start, room = x + 1.5 * height, step - 3 * height - letters.getlength(figure)
        draw.text((start, y), shortened(name, letters, room), INK, letters, anchor="lm")
    return picture


def _with_strip(photo: Image.Image, width: int, strip: int) -> Image.Image:
    picture = Image.new("RGB", (width, photo.height + strip), PAPER)
    picture.paste(photo, ((width - photo.width) // 2, 0))
    return picture
