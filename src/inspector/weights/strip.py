"""A vector as a strip of bars above and below zero."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from inspector.weights.colours import ABOVE, BELOW, NOT_FINITE, Floats, Pixels

_HEIGHT = 160  # pixels
_SMALL_WIDTH = 640  # pixels that few bars are widened to at most
_WIDEST_BAR = 24  # pixels
_ZERO_LINE = (138, 144, 154, 255)  # grey that shows on light and dark


def strip(values: Floats, max_side: int) -> tuple[Pixels, float, int]:
    """Draw the values as bars from the line of zero, blue below and red above.

    Returns
    -------
    pixels
        uint8 RGBA of shape ``(height, width, 4)``, clear but for the bars.
    scale
        The largest magnitude, which reaches the picture's edge.
    group
        How many values share a bar, which then spans them all; 1 where each has its own.
    """
    group = math.ceil(values.size / max_side)
    high, low, odd = _extremes(values, group)
    top, bottom = float(high.max()), float(low.min())
    bars = _bars(high, low, odd, top, bottom)
    wide = max(1, min(_WIDEST_BAR, min(_SMALL_WIDTH, max_side) // bars.shape[1]))
    pixels = bars.repeat(wide, axis=1)
    if wide >= 4:
        pixels[:, wide - 1 :: wide] = 0
    pixels[_zero_row(top, bottom)] = _ZERO_LINE
    return pixels, max(top, -bottom), group


def _extremes(values: Floats, group: int) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Return how high and low each group of finite values reaches from zero, and whether others are among them."""
    whole = values.size // group * group
    parts = [part for part in (values[:whole].reshape(-1, group), values[None, whole:]) if part.size]
    with np.errstate(invalid="ignore"):
        high = np.concatenate([part.max(axis=1) for part in parts])
        low = np.concatenate([part.min(axis=1) for part in parts])
    odd = ~(np.isfinite(high) & np.isfinite(low))  # NaN is both the greatest and the least
    for place in np.flatnonzero(odd):
        few = values[place * group : (place + 1) * group]
        finite = few[np.isfinite(few)]
        high[place], low[place] = finite.max(initial=0), finite.min(initial=0)
    return high.clip(min=0), low.clip(max=0), odd


def _zero_row(top: float, bottom: float) -> int:
    """Return the row of the line of zero: 0 at the top, ``_HEIGHT - 1`` at the bottom."""
    if top == bottom:
        return _HEIGHT // 2
    return round((_HEIGHT - 1) * (top / (top - bottom)))


def _bars(high: Floats, low: Floats, odd: npt.NDArray[np.bool_], top: float, bottom: float) -> Pixels:
    """Draw one column of pixels per bar, each at least a pixel long where its value is not zero."""
    zero = _zero_row(top, bottom)
    up = np.ceil(high.astype(np.float64) / (top or 1) * zero)
    down = np.ceil(low.astype(np.float64) / (bottom or 1) * (_HEIGHT - 1 - zero))
    row = np.arange(_HEIGHT)[:, None]
    pixels = np.zeros((_HEIGHT, high.size, 4), np.uint8)
    pixels[(row < zero) & (row >= zero - up)] = (*ABOVE, 255)
    pixels[(row > zero) & (row <= zero + down)] = (*BELOW, 255)
    pixels[:, odd] = NOT_FINITE
    return pixels
