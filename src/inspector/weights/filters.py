"""Convolution filters, one by one: which channel of them is shown, in which order, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array, is_complex
from inspector.weights.colours import NOT_FINITE, Floats, Pixels, as_floats

Order = Literal["position", "norm", "similarity"]
Shown = int | Literal["rgb", "mean"]

MAX_FILTERS = 8_192
"""Filters that are shown at the most, the first ones."""
MAX_COMPARED = 2_048
"""Filters that are put in the order of their likeness at the most."""

MAX_PIXELS = 1 << 24
"""Weights of all filters that are shown: a picture of more can't be looked at, and would take the window's memory."""

_BLOCK = 1 << 22  # elements that are turned into float32 at a time


@dataclass(frozen=True, slots=True, eq=False)
class FilterTiles:
    """Filters as small pictures.

    Attributes
    ----------
    values
        float32 of shape ``(filters, height, width)``, or ``(filters, height, width, 3)`` for colours.
    """

    values: Floats

    @property
    def is_rgb(self) -> bool:
        """Whether three channels are shown as red, green and blue."""
        return self.values.ndim == 4


def as_filters(array: Array) -> Array:
    """Return the weights of a convolution as ``(out, in, height, width)``.

    Parameters
    ----------
    array
        Of 3 dimensions (1-d convolution), 4, or 5 (3-d convolution, whose depth is laid out below one another).
    """
    if array.ndim == 3:
        return array[:, :, None, :]
    if array.ndim == 5:
        return array.reshape(*array.shape[:2], -1, array.shape[4])
    return array


def filter_tiles(filters: Array, shown: Shown) -> FilterTiles:
    """Take what is shown of each filter.

    Parameters
    ----------
    filters
        As `as_filters` gives them.
    shown
        An input channel, ``"mean"`` of all of them, or ``"rgb"`` where there are three.
    """
    if shown == "rgb":
        return FilterTiles(as_floats(filters.transpose(0, 2, 3, 1)))
    if shown != "mean":
        return FilterTiles(as_floats(filters[:, shown]))
    means = np.empty((len(filters), *filters.shape[2:]), np.float32)
    step = max(1, _BLOCK * len(filters) // max(1, filters.size))
    for start in range(0, len(filters), step):
        with np.errstate(invalid="ignore", over="ignore"):
            means[start : start + step] = as_floats(filters[start : start + step]).mean(axis=1, dtype=np.float64)
    return FilterTiles(means)


def filter_norms(filters: Array) -> npt.NDArray[np.float64]:
    """Return the L2 norm of each filter, over all of its channels; what is not finite makes it so."""
    norms = np.empty(len(filters))
    step = max(1, _BLOCK * len(filters) // max(1, filters.size))
    for start in range(0, len(filters), step):
        flat = _flat(filters[start : start + step])
        norms[start : start + step] = np.linalg.norm(flat, axis=1)
    return norms


def filter_order(filters: Array, order: Order, norms: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the filters' numbers in an order.

    ``"norm"`` goes from the largest to the smallest, those that are not finite first. ``"similarity"`` begins with the
    largest and goes on to whichever filter left points most nearly in the same direction (by the cosine), so that
    filters that do alike stand side by side; zeros, and what is not finite, come last.
    """
    if order == "norm":
        return np.argsort(-np.nan_to_num(norms, nan=np.inf), kind="stable")
    if order == "position":
        return np.arange(len(filters))
    usable = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    rest = np.setdiff1d(np.arange(len(filters)), usable)
    return np.concatenate([usable[_chain(filters[usable], norms[usable])], rest]).astype(np.int64)


def _chain(filters: Array, norms: npt.NDArray[np.float64]) -> list[int]:
    """Walk from the largest filter always to the one most alike."""
    if not len(filters):
        return []
    likeness = _likeness(filters, norms)
    current = int(norms.argmax())
    walked = [current]
    left = np.ones(len(filters), bool)
    left[current] = False
    while left.any():
        current = int(np.where(left, likeness[current], -np.inf).argmax())
        left[current] = False
        walked.append(current)
    return walked


def _likeness(filters: Array, norms: npt.NDArray[np.float64]) -> Floats:
    """Return the cosine of each filter with each, from a few weights of all of them at a time."""
    count = len(filters)
    flat, likeness = filters.reshape(count, -1), np.zeros((count, count), np.float32)
    step = max(1, _BLOCK // count)
    for start in range(0, flat.shape[1], step):
        directions = (_flat(flat[:, start : start + step]) / norms[:, None]).astype(np.float32)
        likeness += directions @ directions.T
    return likeness


def _flat(filters: Array) -> Array:
    flat = filters.reshape(len(filters), -1)
    return np.abs(flat.astype(np.complex128)) if is_complex(flat.dtype) else flat.astype(np.float64)


def rgb_pixels(tiles: Floats) -> Pixels:
    """Colour tiles of shape ``(n, h, w, 3)``: zero is middle grey, each tile's largest magnitude full or black."""
    finite = np.isfinite(tiles)
    largest = np.abs(tiles).max(axis=(1, 2, 3), keepdims=True, where=finite, initial=0.0)
    with np.errstate(invalid="ignore"):
        rgb = np.rint(tiles / np.where(largest > 0, largest, 1) * 127 + 128)
    opaque = np.full((*tiles.shape[:3], 1), 255, np.float32)
    pixels = np.concatenate([np.where(finite, rgb, 0), opaque], axis=-1).astype(np.uint8)
    pixels[~finite.all(axis=-1)] = NOT_FINITE
    return pixels
