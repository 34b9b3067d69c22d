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
"""How much a logarithmic scale enlarges what is near its low end (for the diverging map: near zero)."""


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
        Whether small differences are enlarged: around zero where the range is symmetric, else at the low end.
    """

    low: float
    high: float
    log: bool = False

    @property
    def is_symmetric(self) -> bool:
        """Whether zero lies in the middle."""
        return self.low == -self.high


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
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if scale.is_symmetric:
            # divided first: the reciprocal of a subnormal number would overflow
            share = np.clip(values / values.dtype.type(high), -1, 1)
            share = _enlarged(share) if scale.log else share
            rows = share * 127 + 128
        else:
            # halves, because the widest range that float64 knows overflows
            share = np.clip((values / 2 - low / 2) / (high / 2 - low / 2), 0, 1)
            share = _enlarged(share) if scale.log else share
            rows = share * 254 + 1
    return np.where(finite, np.rint(rows), 0).astype(np.uint8)


def _enlarged(share: Array) -> Array:
    """Return the symmetric logarithm of shares of the full range, -1 to 1."""
    enlarged: Array = np.sign(share) * np.log1p(np.abs(share) * (_DECADES - 1)) / np.log(_DECADES)
    return enlarged
