"""A plane of any size in tiles of at most 256 × 256 cells, at levels: a cell is a weight, or the mean of a block.

At level ``(i, j)`` a cell stands for ``2^i × 2^j`` weights, fewer at the far edges. A tile of a coarse level is put
together from finer tiles, down to pieces of a few million weights that are read from the file, so that memory stays
bounded whatever the tensor's size; the tiles met on the way are kept while there is room.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from inspector.weights.chunks import Array
from inspector.weights.planes import Numbers, PlaneSource, numbers

TILE = 256
"""Cells along a side of a tile."""

#: Weights that are read at once for a tile.
_MOST_WEIGHTS = 1 << 22
#: Bytes of tiles that are kept.
_MOST_KEPT = 48 << 20
#: A large plane is judged by so many windows, of so many weights along a side.
_WINDOWS, _WINDOW = 16, 256
#: So many rows are added up one after the other; more in groups, so that rounding stays small.
_ADDED = 16

Level = tuple[int, int]


class Tiles:
    """The tiles of one plane.

    Parameters
    ----------
    source
        Reads pieces of the plane. It may be replaced by another one of the same plane: a file is opened anew.
    """

    def __init__(self, source: PlaneSource) -> None:
        self.source = source
        self._kept: OrderedDict[tuple[Level, int, int], Numbers] = OrderedDict()
        self._nbytes = 0

    @property
    def shape(self) -> tuple[int, int]:
        """The plane's rows and columns."""
        return self.source.shape

    def tile(self, level: Level, row: int, column: int) -> Numbers:
        """Return the cells of a tile: the mean of each block, NaN or Inf where a block holds such.

        Parameters
        ----------
        level
            Binary logarithms of a block's rows and columns.
        row, column
            Of the tile, in tiles from the top left.

        Returns
        -------
        numpy.ndarray
            float32, or float64 where the dtype needs it, of at most ``(256, 256)``; smaller at the far edges, and
            empty beyond them.
        """
        key = (level, row, column)
        found = self._kept.get(key)
        if found is None:
            found = self._make(level, row, column)
            self._keep(key, found)
        else:
            self._kept.move_to_end(key)
        return found

    def _make(self, level: Level, row: int, column: int) -> Numbers:
        rows, columns = (
            range(min(size, at * TILE << step), min(size, (at + 1) * TILE << step))
            for size, at, step in zip(self.shape, (row, column), level, strict=True)
        )
        if len(rows) * len(columns) <= _MOST_WEIGHTS:
            return block_means(numbers(self.source.read(rows, columns)), 1 << level[0], 1 << level[1])
        if level[0] >= level[1]:
            finer = (level[0] - 1, level[1])
            parts = [self.tile(finer, 2 * row + part, column) for part in (0, 1)]
            return _halved(np.concatenate([part for part in parts if part.size]), len(rows), 1 << finer[0])
        finer = (level[0], level[1] - 1)
        parts = [self.tile(finer, row, 2 * column + part) for part in (0, 1)]
        whole = np.concatenate([part for part in parts if part.size], axis=1)
        return _halved(whole.T, len(columns), 1 << finer[1]).T

    def _keep(self, key: tuple[Level, int, int], tile: Numbers) -> None:
        self._kept[key] = tile
        self._nbytes += tile.nbytes
        while self._nbytes > _MOST_KEPT and len(self._kept) > 1:
            self._nbytes -= self._kept.popitem(last=False)[1].nbytes

    @property
    def nbytes(self) -> int:
        """Bytes of the tiles that are kept."""
        return self._nbytes


def block_means(matrix: Numbers, tall: int, wide: int) -> Numbers:
    """Average a matrix over blocks of ``tall`` × ``wide``, powers of two; those at the far edges may be smaller.

    What is finite stays so: sums that overflow are formed again from smaller parts.
    """
    if not matrix.size:
        return np.zeros((-(-matrix.shape[0] // tall), -(-matrix.shape[1] // wide)), matrix.dtype)
    if tall == 1 and wide == 1:
        return np.ascontiguousarray(matrix)
    with np.errstate(over="ignore", invalid="ignore"):
        means = _mean_of_rows(_mean_of_rows(matrix, tall).T, wide).T
        if not np.isfinite(means).all():
            scale = matrix.dtype.type(0.5) ** 12  # exact, but for numbers that vanish beside those that overflow
            again = _mean_of_rows(_mean_of_rows(matrix * scale, tall).T, wide).T / scale
            means = np.where(np.isfinite(means), means, again)
    return np.ascontiguousarray(means)


def _mean_of_rows(matrix: Numbers, size: int) -> Numbers:
    """Average groups of ``size`` rows; the last group may be smaller."""
    if size == 1:
        return matrix
    whole = len(matrix) // size * size
    sums: Array = matrix[:whole]
    left = size
    while left > 1:
        step = min(left, _ADDED)
        groups = sums.reshape(-1, step, matrix.shape[1])
        sums = groups[:, 0] + groups[:, 1]
        for index in range(2, step):
            sums += groups[:, index]
        left //= step
    means = sums * matrix.dtype.type(1 / size)
    if whole == len(matrix):
        return means
    return np.concatenate([means, matrix[whole:].mean(axis=0, keepdims=True)])


def _halved(matrix: Numbers, weights: int, block: int) -> Numbers:
    """Average pairs of rows, each the mean of ``block`` of ``weights`` rows, the last perhaps of fewer."""
    half = matrix.dtype.type(0.5)
    pairs = len(matrix) // 2
    with np.errstate(invalid="ignore"):
        means = matrix[0 : 2 * pairs : 2] * half + matrix[1 : 2 * pairs : 2] * half
        rest = weights - (len(matrix) - 1) * block  # rows that the last mean is of
        if len(matrix) % 2:
            means = np.concatenate([means, matrix[-1:]])
        elif pairs and rest < block:
            share = matrix.dtype.type(block / (block + rest))
            means[-1] = matrix[-2] * share + matrix[-1] * (1 - share)
    return means


# -- ranges ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LevelRange:
    """What range of colours suits the cells of a level.

    Attributes
    ----------
    scale
        The 99.5th percentile of the finite magnitudes; the greatest one where that is 0.
    low, high
        The 0.25th and the 99.75th percentile of the finite values, or their range where those are equal.
    is_sample
        Whether they were judged by a sample: the plane is large.
    """

    scale: float
    low: float
    high: float
    is_sample: bool


def level_range(source: PlaneSource, level: Level) -> LevelRange:
    """Judge what range of colours suits a level, by all cells or by windows spread evenly over a large plane."""
    cells, is_sample = _sampled_cells(source, level)
    finite = cells[np.isfinite(cells)]
    if not finite.size:
        return LevelRange(0.0, 0.0, 0.0, is_sample)
    magnitudes = np.abs(finite)
    scale = float(np.quantile(magnitudes, 0.995)) or float(magnitudes.max())
    low, high = map(float, np.quantile(finite, (0.0025, 0.9975)))
    if low == high:
        low, high = float(finite.min()), float(finite.max())
    return LevelRange(scale, low, high, is_sample)


def _sampled_cells(source: PlaneSource, level: Level) -> tuple[Numbers, bool]:
    """Return cells of a level, flat, and whether they are a sample."""
    height, width = source.shape
    tall, wide = 1 << level[0], 1 << level[1]
    if height * width <= _MOST_WEIGHTS:
        means = block_means(numbers(source.read(range(height), range(width))), tall, wide)
        return means.ravel(), False
    # windows that are as square as the plane allows, because either direction may be the quick one to read
    rows = min(height, max(tall, _WINDOW, _WINDOW**2 // width))
    columns = min(width, max(wide, _WINDOW, _WINDOW**2 // rows))
    down, across = max(1, height // rows), max(1, width // columns)
    across = min(across, max(1, round(math.sqrt(_WINDOWS * across / down))))
    down = min(down, max(1, _WINDOWS // across))
    cells = []
    for top in _spread(height, rows // tall * tall or rows, down):
        for left in _spread(width, columns // wide * wide or columns, across):
            piece = source.read(range(top, min(height, top + rows)), range(left, min(width, left + columns)))
            cells.append(block_means(numbers(piece), tall, wide).ravel())
    return np.concatenate(cells), True


def _spread(size: int, window: int, count: int) -> list[int]:
    """Return where ``count`` windows begin that lie evenly in ``size``, each at a whole number of windows."""
    places = max(1, size // window)
    return sorted({index * places // count * window for index in range(count)})


def exact_range(source: PlaneSource) -> tuple[float, float]:
    """Return the least and the greatest finite weight of a plane, (0, 0) where there is none."""
    height, width = source.shape
    columns = min(width, _MOST_WEIGHTS)
    rows = max(1, _MOST_WEIGHTS // max(1, columns))
    low, high = np.inf, -np.inf
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            piece = numbers(source.read(range(top, min(height, top + rows)), range(left, min(width, left + columns))))
            finite = np.isfinite(piece)
            low = min(low, float(np.min(piece, where=finite, initial=np.inf)))
            high = max(high, float(np.max(piece, where=finite, initial=-np.inf)))
    return (low, high) if low <= high else (0.0, 0.0)
