"""The motion of an optical flow, from the grid that the engine tells: its values, and its figures."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable

from inspector.answer_parts import CELL_BYTES, AnswerError, inflated
from inspector.session.prediction_state import Motion, Raster


def motion_of(rasters: Iterable[Raster]) -> Motion | None:
    """Return how a picture moves, over the cells whose motion is finite; None where there is no grid of motion.

    Raises
    ------
    AnswerError
        The grid is damaged.
    """
    grid = next((raster for raster in rasters if raster.kind == "motion"), None)
    if grid is None:
        return None
    values = _values(grid)
    found = [(dx, dy) for dx, dy in zip(values[0::2], values[1::2], strict=True) if math.isfinite(dx + dy)]
    if not found:
        return Motion(0.0, 0.0, 0.0, 0.0)
    lengths = [math.hypot(*pair) for pair in found]
    count = len(found)
    right, down = (math.fsum(pair[axis] for pair in found) / count for axis in (0, 1))
    return Motion(math.fsum(lengths) / count, max(lengths), right, down)


def motion_values(motion: Raster) -> array[float]:
    """Return the grid of a motion, two numbers a cell; empty where it is damaged."""
    try:
        return _values(motion)
    except AnswerError:
        return array("f")


def _values(motion: Raster) -> array[float]:
    values: array[float] = array("f")
    values.frombytes(inflated(motion.data, motion.width * motion.height * CELL_BYTES["motion"]))
    if sys.byteorder == "big":
        values.byteswap()
    return values
