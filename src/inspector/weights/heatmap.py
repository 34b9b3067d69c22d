"""A matrix as a heatmap."""

from __future__ import annotations

import math

import numpy as np

from inspector.weights.chunks import Array
from inspector.weights.colours import Floats, Pixels, as_floats, diverging, sensible_scale

_LARGEST_CELL = 24  # pixels per weight
_SMALL_SIDE = 512  # pixels that a small heatmap is enlarged to at most
_THIN_SIDE = 96  # pixels that a very thin heatmap is stretched to
_BLOCK = 1 << 22  # elements that are turned into float32 at a time


def heatmap(matrix: Array, max_side: int) -> tuple[Pixels, float, tuple[int, int]]:
    """Draw a matrix, its first row at the top, averaged over blocks where it is larger than `max_side`.

    Returns
    -------
    pixels
        uint8 RGBA of shape ``(height, width, 4)``.
    scale
        The magnitude that is shown in full colour.
    block
        Rows and columns of the matrix that one pixel stands for; (1, 1) where all are shown.
    """
    block = (math.ceil(matrix.shape[0] / max_side), math.ceil(matrix.shape[1] / max_side))
    values = block_means(matrix, *block)
    scale = sensible_scale(values)
    zoom = max(1, min(_LARGEST_CELL, min(_SMALL_SIDE, max_side) // max(values.shape)))
    # a matrix of a few rows or columns is stretched to a band that can be seen
    tall, wide = (max(zoom, min(_LARGEST_CELL, _THIN_SIDE // size)) for size in values.shape)
    return diverging(values, scale).repeat(tall, axis=0).repeat(wide, axis=1), scale, block


def block_means(matrix: Array, tall: int, wide: int) -> Floats:
    """Average a matrix over blocks of `tall` × `wide`; those at the far edges may be smaller.

    A mean, and not the value of largest magnitude, because a picture of maxima of blocks shows the noise of
    each block and hides the structure between them.
    """
    rows, columns = matrix.shape
    means = np.empty((math.ceil(rows / tall), math.ceil(columns / wide)), np.float32)
    step = max(1, _BLOCK // (tall * columns))
    for start in range(0, means.shape[0], step):
        piece = as_floats(matrix[start * tall : (start + step) * tall])
        with np.errstate(invalid="ignore", over="ignore"):
            means[start : start + step] = _average(_average(piece, tall).T, wide).T
    return means


def _average(piece: Floats, size: int) -> Floats:
    """Average groups of `size` rows; the last group may be smaller."""
    if size == 1:
        return piece
    whole = len(piece) // size * size
    groups = piece[:whole].reshape(-1, size, piece.shape[1])
    # one addition of whole rows after the other: numpy's own mean is slow along a short axis
    total = groups[:, 0].copy(order="K")
    for index in range(1, size):
        total += groups[:, index]
    total /= size
    if whole == len(piece):
        return total
    return np.concatenate([total, piece[whole:].mean(axis=0, keepdims=True)])
