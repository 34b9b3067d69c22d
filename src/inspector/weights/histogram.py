"""How the values of one tensor are distributed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array, chunks
from inspector.weights.statistics import finite_part


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts of values in bins of equal width.

    Attributes
    ----------
    edges
        float64 of shape ``(bins + 1,)``, strictly increasing. Bins are half-open, but for the last, which
        holds its upper edge as well. Values on an edge are counted above it; one that lies below it by less than
        float64 tells apart may be, too.
    counts
        int64 of shape ``(bins,)``.
    """

    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]


def histogram(array: Array, bins: int = 256, range: tuple[float, float] | None = None) -> Histogram:
    """Count the finite values of a tensor in bins of equal width, piece by piece: memory stays bounded.

    Parameters
    ----------
    array
        Any shape and numeric dtype; complex numbers are counted by their magnitudes.
    bins
        How many, at least 1.
    range
        Least and greatest value to count; what lies outside is left out. By default those of the finite
        values (which costs a pass of its own: give it where it is known). A constant tensor gets a range of
        half its value on either side, all zeros get -0.5 to 0.5, an empty tensor 0 to 1.
    """
    if bins < 1:
        raise ValueError(f"a histogram of {bins} bins can't be made")
    low, high = resolvable(*(range or _finite_range(array)), bins)
    # a quarter of the widest range that float64 knows does not overflow; powers of two change no digit
    unit = 0.25 if max(abs(low), abs(high)) > 1e307 else 1.0
    counts = np.zeros(bins, np.int64)
    per_unit = bins_per_unit(low * unit, high * unit, bins)
    for piece in chunks(array):
        values = finite_part(piece)
        if range is not None:
            values = values[(values >= low) & (values <= high)]
        position = (values.astype(np.float64) * unit - low * unit) * per_unit
        index = np.minimum(position.astype(np.intp), bins - 1)
        counts += np.bincount(index, minlength=bins)
    return Histogram(np.linspace(low * unit, high * unit, bins + 1) / unit, counts)


def _finite_range(array: Array) -> tuple[float, float]:
    """Return the least and greatest finite value, (0, 1) where there is none."""
    low, high = np.inf, -np.inf
    for piece in chunks(array):
        values = finite_part(piece)
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return (low, high) if low <= high else (0.0, 1.0)


def bins_per_unit(low: float, high: float, bins: int) -> float:
    """Return by what the distance from ``low`` is multiplied to get the number of a bin.

    A little more than the quotient: rounding must not take a value on an edge below it. Numbers of few digits
    (bfloat16, integers) often lie there, thousands at once.
    """
    return bins / (high - low) * (1 + 2**-50)


def resolvable(low: float, high: float, bins: int) -> tuple[float, float]:
    """Widen a range in which float64 can't tell `bins` bins apart; a constant's range most of all."""
    largest = max(abs(low), abs(high))
    limits = np.finfo(np.float64)
    narrowest = 4 * bins * max(largest * float(limits.eps), float(limits.tiny))
    if high / 2 - low / 2 >= narrowest / 2:
        return low, high
    margin = min(max(largest / 2, narrowest), float(limits.max) / 4) if largest else 0.5
    middle = low / 2 + high / 2
    return max(middle - margin, float(limits.min)), min(middle + margin, float(limits.max))
