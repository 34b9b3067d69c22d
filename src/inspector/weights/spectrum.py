"""The singular values of a matrix, and what they tell of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array, is_complex

Doubles = npt.NDArray[np.float64]
#: Takes the share of the work that is done, 0 to 1.
Tell = Callable[[float], None]

MAX_SIDE = 6_144
"""The shorter side of a matrix at the most: beyond it the work takes many minutes and gigabytes."""

# Up to here the matrix itself is decomposed; beyond it, its products with itself, which take a fraction of the time.
_DIRECT_SIDE = 1_024
_DIRECT_NUMEL = 1 << 23
_BLOCK = 1 << 22  # elements that are turned into float64 at a time
# Of the work, about, what multiplying takes; the rest is one call, which can't tell how far it is.
_MULTIPLYING = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Singular values and what follows from them.

    Attributes
    ----------
    values
        float64, the largest first, as many as the matrix's shorter side has.
    rows, columns
        Of the matrix.
    tolerance
        How far a value may be off: 0 where the matrix itself was decomposed, else what float64 loses by squaring.
    """

    values: Doubles
    rows: int
    columns: int
    tolerance: float

    @property
    def energy(self) -> Doubles:
        """The share of the squared norm that the first values hold together, for each number of them."""
        squares = np.square(self._scaled)
        total = float(squares.sum())
        return np.cumsum(squares) / total if total else np.ones_like(squares)

    @property
    def _scaled(self) -> Doubles:
        """The values by the largest: their squares neither overflow nor vanish."""
        largest = float(self.values.max(initial=0.0))
        return self.values / largest if largest else self.values

    @property
    def effective_rank(self) -> float:
        """``exp`` of the entropy of the values' shares (Roy and Vetterli, EUSIPCO 2007); 0 for zeros."""
        shares = self._scaled[self._scaled > 0]
        if not shares.size:
            return 0.0
        shares = shares / shares.sum()
        return math.exp(-float((shares * np.log(shares)).sum()))

    @property
    def stable_rank(self) -> float:
        """The squared Frobenius norm by the squared largest value; 0 for zeros."""
        return float(np.square(self._scaled).sum()) if self.values.max(initial=0.0) > 0 else 0.0

    def rank(self, eps: float) -> int:
        """Return how many values are above ``max(rows, columns) * eps`` times the largest one.

        `torch.linalg.matrix_rank` counts so by default.

        Parameters
        ----------
        eps
            The distance from 1 to the next number of the dtype.
        """
        largest = float(self.values.max(initial=0.0))
        least = max(max(self.rows, self.columns) * eps * largest, self.tolerance)
        return int(np.count_nonzero(self.values > least))

    def needed(self, share: float) -> int:
        """Return how many of the first values hold a share of the squared norm."""
        return int(np.searchsorted(self.energy, share - 1e-12) + 1) if self.values.size else 0

    @property
    def noise_edge(self) -> float:
        """The largest value that a matrix of this size and norm would have by chance.

        ``s * (sqrt(rows) + sqrt(columns))`` with ``s`` the entries' root mean square: the edge of the Marchenko-Pastur
        distribution, which the values of a large matrix of independent entries stay below.
        """
        largest = float(self.values.max(initial=0.0))
        if not largest:
            return 0.0
        mean_square = float(np.square(self._scaled).sum()) / (self.rows * self.columns)
        return largest * math.sqrt(mean_square) * (math.sqrt(self.rows) + math.sqrt(self.columns))


def as_matrix(array: Array) -> Array:
    """Return a tensor as the matrix that its spectrum is of: its first dimension by all the others."""
    return array.reshape(array.shape[0], -1)


def spectrum(matrix: Array, tell: Tell = lambda _: None) -> Spectrum:
    """Find the singular values of a matrix, in float64.

    Parameters
    ----------
    matrix
        Two dimensions, neither of them 0, all finite; of any real or complex dtype, those of ml_dtypes included.
    tell
        Told how far it is, some times.

    Raises
    ------
    ValueError
        The shorter side is beyond `MAX_SIDE`, or a value is not finite.
    """
    rows, columns = matrix.shape
    if min(rows, columns) > MAX_SIDE:
        raise ValueError("the matrix is too large")
    if min(rows, columns) <= _DIRECT_SIDE and matrix.size <= _DIRECT_NUMEL:
        values, scale = np.linalg.svd(_checked(_wide(matrix)), compute_uv=False), 1.0
        tolerance = 0.0
    else:
        tall = matrix if rows >= columns else matrix.T
        products, scale = _products(tall, lambda share: tell(_MULTIPLYING * share))
        squares = np.linalg.eigvalsh(products)[::-1]
        values = np.sqrt(np.maximum(squares, 0.0))
        tolerance = float(values[0]) * math.sqrt(np.finfo(np.float64).eps * len(values)) * scale
    tell(1.0)
    return Spectrum(values * scale, rows, columns, tolerance)


def _wide(piece: Array) -> Array:
    return piece.astype(np.complex128 if is_complex(piece.dtype) else np.float64)


def _checked(piece: Array) -> Array:
    if not np.isfinite(piece).all():
        raise ValueError("a value is not finite")
    return piece


def _products(tall: Array, tell: Tell) -> tuple[Array, float]:
    """Return the products of the columns with one another, of values divided by what is returned beside them."""
    rows, columns = tall.shape
    step = max(1, _BLOCK // columns)
    largest = 0.0
    for start in range(0, rows, step):
        largest = max(largest, float(np.abs(_checked(_wide(tall[start : start + step]))).max(initial=0.0)))
    scale = largest or 1.0
    products = np.zeros((columns, columns), np.complex128 if is_complex(tall.dtype) else np.float64)
    for start in range(0, rows, step):
        piece = _wide(tall[start : start + step]) / scale
        products += piece.conj().T @ piece
        tell(min(1.0, (start + step) / rows))
    return products, scale
