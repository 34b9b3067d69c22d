"""The grid of an optical flow's motion, which is drawn as arrows."""

from __future__ import annotations

import sys
from array import array

from inspector.answer_parts import CELL_BYTES, AnswerError, inflated
from inspector.session.prediction_state import Raster


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
