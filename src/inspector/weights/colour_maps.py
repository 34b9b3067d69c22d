"""Colour maps by name, as tables of 256 colours, and the way of a value to its place in a table.

Row 0 of every table is amber, for what is not finite; rows 1 to 255 go from the low end to the high one, so that
the middle, zero of the diverging map, is row 128.

"viridis" is by Eric Firing, Nathaniel J. Smith and Stéfan van der Walt, "cividis" by Jamie R. Nuñez, Christopher R.
Anderton and Ryan S. Renslow (PLoS ONE 13(7): e0199239), both CC0: perceptually uniform, and told apart with every
common colour blindness. Here they are interpolated between every fifteenth of their own colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array
from inspector.weights.colours import NOT_FINITE, Pixels, diverging

COLOUR_MAPS = ("diverging", "viridis", "cividis", "grey")
"""The names of the maps, the default one first."""

_ANCHORS = {
    "viridis": (
        "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e"
        " 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f d8e219 fde725"
    ),
    "cividis": (
        "00204d 002b67 00356e 28406c 3d4a6b 4d556c 5b606e 696b71 767676"
        " 848179 928d78 a19976 b1a573 c1b26d d1bf66 e2cd5c f3db4f ffea46"
    ),
    "grey": "101214 f4f5f6",
}

_DECADES = 1_000.0
"""How much a logarithmic scale enlarges what is near zero."""


@cache
def colour_table(name: str) -> Pixels:
    """Return a map as uint8 RGBA of shape ``(256, 4)``.

    Raises
    ------
    ValueError
        There is no such map.
    """
    if name not in COLOUR_MAPS:
        raise ValueError(f"there is no colour map {name}")
    if name == "diverging":
        steps = np.linspace(-1, 1, 255, dtype=np.float32)
        return np.concatenate([[NOT_FINITE], diverging(steps, 1.0)]).astype(np.uint8)
    anchors = np.array([list(bytes.fromhex(colour)) for colour in _ANCHORS[name].split()], np.float64)
    places = np.linspace(0, len(anchors) - 1, 255)
    channels = [np.interp(places, np.arange(len(anchors)), anchors[:, channel]) for channel in range(3)]
    rgba = np.concatenate([np.rint(np.stack(channels, -1)), np.full((255, 1), 255)], -1)
    return np.concatenate([[NOT_FINITE], rgba]).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Scale:
    """What the ends of a colour map stand for.

    Attributes
    ----------
    low, high
        The values at the low and at the high end; what lies beyond gets the end's colour.
    log
        Whether differences near zero are enlarged: a logarithm of the magnitude that keeps its sign.
    """

    low: float
    high: float
    log: bool = False


def table_rows(values: npt.NDArray[np.floating[Any]], scale: Scale) -> npt.NDArray[np.uint8]:
    """Return each value's row in a table: 0 for NaN and Inf, else 1 to 255.

    Parameters
    ----------
    values
        float32 or float64 of any shape.
    scale
        A range without width puts everything finite in the middle.
    """
    finite = np.isfinite(values)
    low, high = float(scale.low), float(scale.high)
    if not high > low:
        return np.where(finite, 128, 0).astype(np.uint8)
    largest = max(abs(low), abs(high))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        # divided first: the reciprocal of a subnormal number, or the widest range of float64, would overflow
        shares: Array = values / values.dtype.type(largest)
        first, last = low / largest, high / largest
        if scale.log:
            shares, first, last = _enlarged(shares), float(_enlarged(first)), float(_enlarged(last))
        place = np.clip((shares - first) / (last - first), 0, 1)
    return np.where(finite, np.rint(place * 254 + 1), 0).astype(np.uint8)


def _enlarged(shares: Array | float) -> Array:
    """Return the symmetric logarithm of shares of the greatest magnitude: what is near zero is set further apart."""
    enlarged: Array = np.sign(shares) * np.log1p(np.abs(shares) * (_DECADES - 1)) / np.log(_DECADES)
    return enlarged
