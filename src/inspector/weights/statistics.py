"""The figures of one tensor: range, mean, spread, norm, and how many zeros, NaN and Inf it holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inspector.weights.chunks import Array, chunks

# Squares of magnitudes beyond these bounds overflow or vanish in float64, so such tensors are scaled first.
_HUGE, _TINY = 1e140, 1e-140


@dataclass(frozen=True, slots=True)
class TensorStatistics:
    """Figures of one tensor. NaN and Inf are counted, and left out of everything else.

    Attributes
    ----------
    numel
        Number of elements, NaN and Inf included.
    min, max
        Of the finite elements; exact, an ``int`` for integer and bool dtypes. None where nothing is finite.
    mean, std
        Of the finite elements, in float64; `std` is the population's. None where nothing is finite.
    norm
        L2 norm of the finite elements, 0 where there are none.
    zeros
        Elements equal to zero, negative zero included.
    nan, inf
        Elements that are NaN; elements that are plus or minus infinity.
    """

    numel: int
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    norm: float
    zeros: int
    nan: int
    inf: int


@dataclass(slots=True)
class _Counts:
    """What one pass over a tensor counts, and the range it finds."""

    finite: int = 0
    zeros: int = 0
    nan: int = 0
    inf: int = 0
    least: float | int = math.inf
    greatest: float | int = -math.inf


def tensor_statistics(array: Array) -> TensorStatistics:
    """Compute the figures of one tensor in float64, in pieces, so that memory stays bounded.

    Mean and spread are found per piece in two passes and merged by the pairwise formula of Chan, Golub and
    LeVeque (1979), which has no catastrophic cancellation. Complex tensors are measured by their magnitudes.

    Parameters
    ----------
    array
        Any shape and numeric dtype, bool, complex and those of ml_dtypes included.
    """
    counts = _count(array)
    if not counts.finite:
        return TensorStatistics(array.size, None, None, None, None, 0.0, 0, counts.nan, counts.inf)
    mean, std, norm = _moments(array, counts)
    return TensorStatistics(
        numel=array.size,
        min=counts.least,
        max=counts.greatest,
        mean=mean,
        std=std,
        norm=norm,
        zeros=counts.zeros,
        nan=counts.nan,
        inf=counts.inf,
    )


def finite_part(piece: Array) -> Array:
    """Return the finite elements of a piece as `chunks` yields them; the piece itself where all are."""
    if piece.dtype.kind != "f":
        return piece
    finite = np.isfinite(piece)
    return piece if finite.all() else piece[finite]


def _count(array: Array) -> _Counts:
    """Count and find the range: the first pass."""
    counts = _Counts()
    for piece in chunks(array):
        finite = finite_part(piece)
        if finite.size != piece.size:
            nan = int(np.count_nonzero(np.isnan(piece)))
            counts.nan += nan
            counts.inf += piece.size - finite.size - nan
        if finite.size:
            counts.finite += finite.size
            counts.zeros += int(np.count_nonzero(finite == 0))
            counts.least = min(counts.least, finite.min().item())
            counts.greatest = max(counts.greatest, finite.max().item())
    if isinstance(counts.least, bool):
        counts.least, counts.greatest = int(counts.least), int(counts.greatest)
    return counts


def _moments(array: Array, counts: _Counts) -> tuple[float, float, float]:
    """Return mean, population std and L2 norm of the finite elements: the second pass."""
    largest = max(abs(float(counts.least)), abs(float(counts.greatest)))
    exponent = math.frexp(largest)[1] if largest and not _TINY < largest < _HUGE else 0
    seen, mean, spread, squares = 0, 0.0, 0.0, 0.0
    for piece in chunks(array):
        values = finite_part(piece)
        if not values.size:
            continue
        raw = np.ldexp(values.astype(np.float64), -exponent) if exponent else values.astype(np.float64)
        squares += float(np.square(raw).sum())
        # 64-bit integers lose their low digits in float64, so they are first made small, exactly
        shifted = _above(values, counts.least) if values.dtype.kind in "iu" else raw
        centre = float(shifted.mean())
        shifted -= centre
        np.square(shifted, out=shifted)
        gap = centre - mean
        total = seen + values.size
        mean += gap * (values.size / total)
        spread += float(shifted.sum()) + gap * gap * (seen * (values.size / total))
        seen = total
    if np.issubdtype(array.dtype, np.integer):
        mean = float(int(counts.least) + mean)
    with np.errstate(over="ignore"):
        scaled = np.ldexp([mean, math.sqrt(spread / seen), math.sqrt(squares)], exponent)
    return float(scaled[0]), float(scaled[1]), float(scaled[2])


def _above(values: Array, least: float | int) -> Array:
    """Return ``values - least`` of integers as float64, subtracted exactly in 64-bit modular arithmetic."""
    wide = values.astype(np.int64 if values.dtype.kind == "i" else np.uint64).view(np.uint64)
    return (wide - np.uint64(int(least) % 2**64)).astype(np.float64)
