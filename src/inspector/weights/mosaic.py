"""Convolution weights as a mosaic of filters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inspector.weights.chunks import Array
from inspector.weights.colours import NOT_FINITE, Floats, Pixels, as_floats, diverging, sensible_scale

_LARGEST_CELL = 24  # pixels per weight
_LARGEST_FILTER = 64  # pixels per filter: a small tensor is a small picture, which the window may enlarge
_FEWEST_COLUMNS = 11
_WIDE = 2.25  # a mosaic's width by its height, about
_BLOCK = 1 << 22  # elements that are turned into float32 at a time


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """Filters laid out in rows.

    Attributes
    ----------
    pixels
        uint8 RGBA of shape ``(height, width, 4)``, the gaps clear.
    scale
        The magnitude shown in full colour; 0 where each filter has its own.
    columns, cell
        Filters per row, and pixels from one filter's left edge to the next one's.
    zero_filters
        How many filters hold nothing but zeros.
    """

    pixels: Pixels
    scale: float
    columns: int
    cell: int
    zero_filters: int


def filter_mosaic(array: Array, max_side: int) -> Mosaic | None:
    """Draw convolution weights of shape (out, in, height, width); None where `max_side` is too small.

    Filters of 3 input channels are shown in colour, with zero as middle grey and each filter scaled by its
    largest magnitude; others as the mean over their input channels, blue below zero and red above.
    """
    count, channels, height, width = array.shape
    columns = mosaic_columns(count, height / width)
    rows = math.ceil(count / columns)
    largest = max(1, min(_LARGEST_CELL, _LARGEST_FILTER // max(height, width)))
    for zoom in range(largest, 0, -1):
        gap = max(1, round(zoom * max(height, width) / 10))
        if max(columns * (width * zoom + gap), rows * (height * zoom + gap)) - gap <= max_side:
            break
    else:
        return None
    scale = 0.0
    if channels == 3:
        filters = as_floats(array)
        zeros = count - np.count_nonzero(filters.any(axis=(1, 2, 3)))
        tiles = _rgb_tiles(filters)
    else:
        means, zeros = _mean_over_channels(array)
        scale = sensible_scale(means)
        tiles = diverging(means, scale)
    return Mosaic(_lay_out(tiles, columns, zoom, gap), scale, columns, width * zoom + gap, int(zeros))


def mosaic_columns(count: int, aspect: float = 1.0) -> int:
    """Return how many of `count` tiles stand in a row: wider than high, and full rows where that is near.

    Parameters
    ----------
    aspect
        Height of a tile by its width.
    """
    if count <= _FEWEST_COLUMNS:
        return count
    ideal = max(_FEWEST_COLUMNS, round(math.sqrt(count * _WIDE * aspect)))
    near = range(max(_FEWEST_COLUMNS, math.ceil(ideal * 0.85)), min(count, math.floor(ideal * 1.46)) + 1)
    full = [columns for columns in near if count % columns == 0]
    return min(full, key=lambda columns: abs(columns - ideal), default=min(ideal, count))


def _rgb_tiles(filters: Floats) -> Pixels:
    """Colour filters of shape (n, 3, h, w): zero is middle grey, the largest magnitude full or black."""
    finite = np.isfinite(filters)
    magnitudes = np.abs(filters).max(axis=(1, 2, 3), keepdims=True, where=finite, initial=0.0)
    with np.errstate(invalid="ignore"):
        grey = np.rint(filters / np.where(magnitudes > 0, magnitudes, 1) * 127 + 128)
    rgb = np.where(finite, grey, 0).transpose(0, 2, 3, 1)
    rgba = np.concatenate([rgb, np.full((*rgb.shape[:3], 1), 255, np.float32)], axis=-1).astype(np.uint8)
    rgba[~finite.all(axis=1)] = NOT_FINITE
    return rgba


def _mean_over_channels(array: Array) -> tuple[Floats, int]:
    """Return (n, h, w) means of (n, c, h, w), and how many of the n are all zero, a few filters at a time."""
    means = np.empty((array.shape[0], *array.shape[2:]), np.float32)
    zeros = 0
    count, channels = array.shape[:2]
    share = np.full(channels, 1 / channels, np.float32)
    step = max(1, _BLOCK * count // array.size)
    for start in range(0, count, step):
        filters = as_floats(array[start : start + step])
        few = means[start : start + step]
        with np.errstate(invalid="ignore", over="ignore"):
            # as a product: numpy's own mean is slow where a filter has few weights
            few[...] = np.matmul(share, filters.reshape(len(few), channels, -1)).reshape(few.shape)
        # only where the means are zero a filter may be
        zeros += sum(not filters[place].any() for place in np.flatnonzero(~few.any(axis=(1, 2))))
    return means, zeros


def _lay_out(tiles: Pixels, columns: int, zoom: int, gap: int) -> Pixels:
    """Lay tiles of shape (n, h, w, 4) out in rows, a weight `zoom` pixels wide, with clear gaps."""
    count, height, width, _ = tiles.shape
    rows = math.ceil(count / columns)
    large = tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    canvas = np.zeros((rows * columns, height * zoom + gap, width * zoom + gap, 4), np.uint8)
    canvas[:count, : height * zoom, : width * zoom] = large
    grid = canvas.reshape(rows, columns, *canvas.shape[1:]).swapaxes(1, 2)
    flat = grid.reshape(rows * canvas.shape[1], columns * canvas.shape[2], 4)
    return np.ascontiguousarray(flat[:-gap, :-gap])
