"""What a GIF's blocks tell without a pixel being decoded: its frames, and the canvas that Pillow makes for them.

Source: GIF89a specification, appendix A.
"""

from __future__ import annotations

from dataclasses import dataclass

_HEADER, _SCREEN = 6, 7
_IMAGE, _EXTENSION = 0x2C, 0x21
_HAS_COLOURS, _COLOUR_BITS = 0x80, 0x07


@dataclass(frozen=True, slots=True)
class GifFrames:
    """What a GIF announces.

    Attributes
    ----------
    count
        Images in it, at least 1.
    width, height
        Pixels of the logical screen, or of the farthest corner of an image: a later image may lie outside of the
        screen, and Pillow enlarges the canvas to hold it.
    """

    count: int
    width: int
    height: int


def gif_frames(data: bytes) -> GifFrames:
    """Read the blocks of a GIF; what comes after a broken one is not counted."""
    count, width, height = 0, _number(data, _HEADER), _number(data, _HEADER + 2)
    try:
        at = _HEADER + _SCREEN + _colours(data[_HEADER + 4])
        while data[at] in (_IMAGE, _EXTENSION):
            if data[at] == _IMAGE:
                count += 1
                width = max(width, _number(data, at + 1) + _number(data, at + 5))
                height = max(height, _number(data, at + 3) + _number(data, at + 7))
                at += 10 + _colours(data[at + 9]) + 1  # its place and size, its colours, the width of its codes
            else:
                at += 2
            at = _after_pieces(data, at)
    except IndexError:
        pass  # cut short
    return GifFrames(max(1, count), width, height)


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _colours(flags: int) -> int:
    """Return the bytes of a colour table, by the flags that announce it."""
    return 3 << ((flags & _COLOUR_BITS) + 1) if flags & _HAS_COLOURS else 0


def _after_pieces(data: bytes, at: int) -> int:
    """Return the place behind a row of pieces, each with its length before it; one of length 0 ends it."""
    while data[at]:
        at += data[at] + 1
    return at + 1
