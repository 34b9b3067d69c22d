"""The figures of an optical flow, from the grid that the engine tells."""

from __future__ import annotations

import math

from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import motion_values


def motion_figures(prediction: Prediction) -> dict[str, float] | None:
    """Return how a picture moves, in pixels, or None where that is not what was predicted.

    ``mean`` and ``largest`` are lengths, ``right`` and ``down`` the mean motion, over the grid's cells: each is the
    mean of its pixels, so that single pixels can move further than ``largest``.
    """
    grid = next((raster for raster in prediction.rasters if raster.kind == "motion"), None)
    if grid is None:
        return None
    values = motion_values(grid)
    right, down = values[0::2], values[1::2]
    lengths = list(map(math.hypot, right, down))
    count = len(lengths)
    if not count:
        return None  # damaged
    return {
        "mean": math.fsum(lengths) / count,
        "largest": max(lengths),
        "right": math.fsum(right) / count,
        "down": math.fsum(down) / count,
    }
