"""One line of a tensor's values, as many as can be told apart on a screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array, is_complex

Doubles = npt.NDArray[np.float64]

SORTED_AT_MOST = 1 << 26
"""Values that are put in order at the most: that takes a copy of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Values along one dimension, or the least and greatest of neighbours.

    Attributes
    ----------
    starts
        int64: the index of the first value of each group, and one more, past the last value.
    low, high
        float64: the least and greatest finite value of each group, the same array where groups hold one value;
        NaN where nothing in it is finite.
    odd
        int64: how many values of each group are NaN or Inf.
    """

    starts: npt.NDArray[np.int64]
    low: Doubles
    high: Doubles
    odd: npt.NDArray[np.int64]


def line(array: Array, axis: int, at: Sequence[int]) -> Array:
    """Return the values along dimension `axis`, a view.

    Parameters
    ----------
    at
        An index for every dimension; that of `axis` is passed over.
    """
    if not array.ndim:
        return array.reshape(1)
    found: Array = array[tuple(slice(None) if dim == axis else index for dim, index in enumerate(at))]
    return found


def series(values: Array, start: int, stop: int, groups: int) -> Line:
    """Return the values from `start` to `stop`, or the range of each of at most `groups` equal runs of them.

    Nothing is left out: a group's low and high are those of all its finite values.

    Parameters
    ----------
    values
        1-d, of any numeric dtype; complex numbers are shown by their magnitudes.
    start, stop
        Cut to what there is.
    groups
        Where there are no more values than these, each is a group of its own.
    """
    start, stop = max(0, start), min(stop, values.size)
    count = max(0, stop - start)
    groups = min(groups, count)
    if not groups:
        none = np.zeros(0)
        return Line(np.array([start], np.int64), none, none, none.astype(np.int64))
    starts = start + np.arange(groups + 1, dtype=np.int64) * count // groups
    if groups == count:
        floats = as_doubles(values[start:stop])
        finite = np.isfinite(floats)
        single = np.where(finite, floats, np.nan)
        return Line(starts, single, single, (~finite).astype(np.int64))
    return _grouped(values, starts)


_RUN = 1 << 18  # values that are turned into float64 at a time


def _grouped(values: Array, starts: npt.NDArray[np.int64]) -> Line:
    """Reduce each group, a run of whole groups at a time, so that memory stays bounded."""
    groups = starts.size - 1
    low, high, odd = np.full(groups, np.inf), np.full(groups, -np.inf), np.zeros(groups, np.int64)
    first = 0
    while first < groups:
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + _RUN, side="right")) - 1)
        _reduce(values, starts[first : last + 1], low[first:last], high[first:last], odd[first:last])
        first = last
    nothing = low > high
    low[nothing] = high[nothing] = np.nan
    return Line(starts, low, high, odd)


def _reduce(
    values: Array, starts: npt.NDArray[np.int64], low: Doubles, high: Doubles, odd: npt.NDArray[np.int64]
) -> None:
    """Fill in the groups between `starts`; one group alone may be large and is taken in pieces."""
    for begin in range(int(starts[0]), int(starts[-1]), _RUN):
        end = min(begin + _RUN, int(starts[-1]))
        inside = np.maximum(starts[:-1], begin) - begin if starts.size > 2 else np.zeros(1, np.int64)
        floats = as_doubles(values[begin:end])
        finite = np.isfinite(floats)
        np.minimum(low, np.minimum.reduceat(np.where(finite, floats, np.inf), inside), out=low)
        np.maximum(high, np.maximum.reduceat(np.where(finite, floats, -np.inf), inside), out=high)
        odd += np.add.reduceat((~finite).astype(np.int64), inside)


def in_order(values: Array) -> Doubles | Array:
    """Return the values from the least to the greatest, NaN last.

    Raises
    ------
    ValueError
        There are more than `SORTED_AT_MOST`.
    """
    if values.size > SORTED_AT_MOST:
        raise ValueError(f"{values.size} values are too many to put in order")
    plain: Array = values if values.dtype.kind in "biu" else as_doubles(values, narrow=True)
    return np.sort(plain)


def as_doubles(values: Array, *, narrow: bool = False) -> Array:
    """Return the values as float64 (in `narrow` form float32, where that holds them), complex ones as magnitudes."""
    if is_complex(values.dtype):
        return np.abs(values.astype(np.complex128))
    wide = not narrow or values.dtype == np.float64
    return values.astype(np.float64 if wide else np.float32)
