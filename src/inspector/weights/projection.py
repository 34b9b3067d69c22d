"""The rows of a matrix as points of a plane: their principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array
from inspector.weights.spectrum import Tell

Doubles = npt.NDArray[np.float64]

COMPONENTS = 3
"""How many components are found."""
MAX_POINTS = 10_000
"""Rows that become points at the most; of more, every n-th."""
MAX_COLUMNS = 6_144
"""Columns at the most."""

_BLOCK = 1 << 22  # elements that are turned into float64 at a time


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Rows seen along the directions in which they differ most.

    Attributes
    ----------
    points
        float64 of shape ``(rows shown, components)``, centred.
    rows
        int64, which row each point is.
    shares
        The share of all variance along each component.
    """

    points: Doubles
    rows: npt.NDArray[np.int64]
    shares: Doubles


def projection(matrix: Array, tell: Tell = lambda _: None, max_points: int = MAX_POINTS) -> Projection:
    """Project the rows onto their first principal components, which are found from all rows, in float64.

    A component's sign is such that its largest coefficient is positive, so that the same rows give the same picture.

    Parameters
    ----------
    matrix
        Two dimensions, of any real dtype; rows with a value that is not finite are left out.
    tell
        Told how far it is, 0 to 1.

    Raises
    ------
    ValueError
        There are too many columns, or fewer than two finite rows.
    """
    if matrix.shape[1] > MAX_COLUMNS:
        raise ValueError("there are too many columns")
    step = max(1, _BLOCK // max(1, matrix.shape[1]))
    whole, scale = _finite_rows(matrix, step)
    if whole.size < 2:
        raise ValueError("there are fewer than two rows")
    mean, spread = _moments(matrix, whole, step, scale, tell)
    variances, directions = np.linalg.eigh(spread)
    kept = min(COMPONENTS, len(variances))
    axes = directions[:, ::-1][:, :kept]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(kept)] < 0, -1.0, 1.0)
    shown = whole[:: -(-whole.size // max_points)]
    points = np.concatenate(
        [
            (matrix[shown[start : start + step]].astype(np.float64) / scale - mean) @ axes
            for start in range(0, shown.size, step)
        ]
    )
    total = float(np.maximum(variances, 0).sum())
    shares = np.maximum(variances[::-1][:kept], 0) / total if total else np.zeros(kept)
    tell(1.0)
    return Projection(points * scale, shown, shares)


def _finite_rows(matrix: Array, step: int) -> tuple[npt.NDArray[np.int64], float]:
    """Return the rows that are finite, and the largest magnitude in them (1 for zeros)."""
    kept, largest = [], 0.0
    for start in range(0, len(matrix), step):
        piece = matrix[start : start + step].astype(np.float64)
        finite = np.isfinite(piece).all(axis=1)
        kept.append(np.flatnonzero(finite) + start)
        largest = max(largest, float(np.abs(piece[finite]).max(initial=0.0)))
    return np.concatenate(kept).astype(np.int64) if kept else np.empty(0, np.int64), largest or 1.0


def _moments(
    matrix: Array, rows: npt.NDArray[np.int64], step: int, scale: float, tell: Tell
) -> tuple[Doubles, Doubles]:
    """Return the mean of the rows, divided by ``scale``, and the products of their columns around it."""
    starts = range(0, rows.size, step)
    mean = sum((matrix[rows[s : s + step]].astype(np.float64) / scale).sum(axis=0) for s in starts) / rows.size
    spread = np.zeros((matrix.shape[1], matrix.shape[1]))
    for start in starts:
        piece = matrix[rows[start : start + step]].astype(np.float64) / scale - mean
        spread += piece.T @ piece
        tell(0.9 * min(1.0, (start + step) / rows.size))
    return np.asarray(mean), spread
