"""How many frames a GIF has, by its blocks alone: no pixel is decoded (GIF89a specification, appendix A)."""

from __future__ import annotations

_HEADER, _SCREEN = 6, 7
_IMAGE, _EXTENSION = 0x2C, 0x21
_HAS_COLOURS, _COLOUR_BITS = 0x80, 0x07


def count_gif_frames(data: bytes) -> int:
    """Return the number of images in a GIF, at least 1; what comes after a broken block is not counted."""
    count = 0
    try:
        at = _HEADER + _SCREEN + _colours(data[_HEADER + 4])
        while data[at] in (_IMAGE, _EXTENSION):
            if data[at] == _IMAGE:
                count += 1
                at += 10 + _colours(data[at + 9]) + 1  # its place and size, its colours, the width of its codes
            else:
                at += 2
            at = _after_pieces(data, at)
    except IndexError:
        pass  # cut short
    return max(1, count)


def _colours(flags: int) -> int:
    """Return the bytes of a colour table, by the flags that announce it."""
    return 3 << ((flags & _COLOUR_BITS) + 1) if flags & _HAS_COLOURS else 0


def _after_pieces(data: bytes, at: int) -> int:
    """Return the place behind a row of pieces, each with its length before it; one of length 0 ends it."""
    while data[at]:
        at += data[at] + 1
    return at + 1
