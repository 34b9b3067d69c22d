"""What a process's answer about an image is made of, read and bounded: numbers, texts, places and compressed grids.

A leaf below all rooms, of the standard library alone: the window reads answers with it, and the worker that draws them.
Whoever reads an answer catches `WRONG`, which is all that a value of any kind can raise here.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

from inspector.errors import InspectorError

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels of the image that was predicted."""
Keypoints = tuple[tuple[float, float, float], ...]
"""x, y and confidence of each point."""

#: What reading a message raises that is not as it should be, whatever stands in it.
WRONG = (ArithmeticError, LookupError, AttributeError, TypeError, ValueError)

#: Bytes of one cell of a grid.
CELL_BYTES = {"classes": 1, "mask": 1, "picture": 3, "motion": 8}

#: Cells on a side of a grid: no screen shows more. Of a grid of motion, whose every cell is an arrow.
MOST_CELLS, MOST_ARROWS = 4_096, 64

#: Classes or objects of one image, points of one object, and characters of one text.
MOST_ROWS, MOST_POINTS, MOST_TEXT = 65_536, 1_000, 2_000

_MOST = 2**31 - 1  # what Qt's integers hold


class AnswerError(InspectorError):
    """A process's answer does not hold together."""


def number(value: Any, least: float = -math.inf) -> float:
    """Return a finite number of at least ``least``.

    Raises
    ------
    TypeError, ValueError, OverflowError
        It is none.
    """
    if not isinstance(value, int | float):
        raise TypeError("not a number")
    made = float(value)
    if not math.isfinite(made) or made < least:
        raise ValueError(f"{made} is out of bounds")
    return made


def whole(value: Any, least: int = 0, most: int = _MOST) -> int:
    """Return a whole number within bounds.

    Raises
    ------
    TypeError, ValueError
        It is none.
    """
    if not isinstance(value, int):
        raise TypeError("not a whole number")
    if not least <= value <= most:
        raise ValueError("a whole number out of bounds")
    return value


def text(value: Any) -> str:
    """Return a text, cut where it is longer than any that is shown.

    Raises
    ------
    TypeError
        It is none.
    """
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value[:MOST_TEXT]


def box(value: Any) -> Box:
    """Return a place of four finite numbers; raises as `number`."""
    left, top, right, bottom = map(number, value)
    return left, top, right, bottom


def keypoints(value: Any) -> Keypoints:
    """Return the points of an object, each of three finite numbers; raises as `number`."""
    made = tuple((number(x), number(y), number(confidence)) for x, y, confidence in value or ())
    if len(made) > MOST_POINTS:
        raise ValueError(f"{len(made)} points")
    return made


def rows(value: Any) -> Sequence[dict[str, Any]]:
    """Return the rows of an answer, whose values are still to be read.

    Raises
    ------
    TypeError, ValueError
        There are too many, or one is no table of keys and values.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(row, dict) for row in value):
        raise TypeError("no rows")
    if len(value) > MOST_ROWS:
        raise ValueError(f"{len(value)} rows")
    return value


def grid_size(row: dict[str, Any]) -> tuple[str, int, int]:
    """Return the kind, the width and the height of a grid; raises as `whole` and `text`."""
    kind = text(row["kind"])
    most = MOST_ARROWS if kind == "motion" else MOST_CELLS
    if kind not in CELL_BYTES:
        raise ValueError("a grid of an unknown kind")
    return kind, whole(row["width"], 1, most), whole(row["height"], 1, most)


def inflated(data: bytes | bytearray, nbytes: int) -> bytes:
    """Return the values of a grid, which are as many bytes as they should be.

    Raises
    ------
    AnswerError
        The data are damaged, or are more or fewer.
    """
    try:
        found = zlib.decompressobj().decompress(data, nbytes + 1)
    except zlib.error as error:
        raise AnswerError("A picture of the prediction is damaged.", "Predict the image again.") from error
    if len(found) != nbytes:
        raise AnswerError("A picture of the prediction does not fit its size.", "Predict the image again.")
    return found
