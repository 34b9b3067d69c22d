"""Exact percentiles of a tensor of any size, within bounded memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array, chunks
from inspector.weights.statistics import finite_part

PERCENTS = (0.1, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.9)
"""The percentiles that are shown of every tensor."""

SORTED_AT_ONCE = 1 << 23
"""Elements that are partitioned in one copy (64 MB at the most); more are counted digit by digit."""

_DIGIT_BITS = 16
_DIGITS = 1 << _DIGIT_BITS

Counts = npt.NDArray[np.int64]
Keys = npt.NDArray[Any]


def percentiles(array: Array, percents: Sequence[float] = PERCENTS) -> tuple[float, ...] | None:
    """Return percentiles of the finite values, interpolated linearly between neighbours as numpy does by default.

    Parameters
    ----------
    array
        Any shape and numeric dtype; complex numbers are ranked by their magnitudes.
    percents
        0 to 100, in any order.

    Returns
    -------
    tuple of float or None
        One for each of `percents`, None where nothing is finite.
    """
    finite = sum(finite_part(piece).size for piece in chunks(array))
    if not finite:
        return None
    places = [percent / 100 * (finite - 1) for percent in percents]
    ranks = sorted({rank for place in places for rank in (math.floor(place), min(math.floor(place) + 1, finite - 1))})
    found = dict(zip(ranks, order_statistics(array, ranks, finite), strict=True))
    return tuple(_between(found, place, finite) for place in places)


def _between(found: dict[int, float], place: float, finite: int) -> float:
    """Interpolate between the values of the ranks on either side of `place`."""
    rank = math.floor(place)
    low, high, share = found[rank], found[min(rank + 1, finite - 1)], place - rank
    if low == high:
        return low
    # the difference of two huge numbers could overflow, so each is weighed before
    return low * (1 - share) + high * share if abs(low) > 1e300 or abs(high) > 1e300 else _lerp(low, high, share)


def _lerp(low: float, high: float, share: float) -> float:
    """Interpolate from the nearer end, as numpy's ``_lerp``: never beyond either end."""
    gap = high - low
    return low + gap * share if share < 0.5 else high - gap * (1 - share)


def order_statistics(array: Array, ranks: Sequence[int], finite: int) -> list[float]:
    """Return the values that would stand at `ranks` if the finite values were sorted, the least at 0.

    Parameters
    ----------
    ranks
        Increasing, each from 0 to ``finite - 1``; a few dozen at the most where there are many values.
    finite
        How many finite values there are.
    """
    if finite <= SORTED_AT_ONCE:
        values = np.concatenate([finite_part(piece) for piece in chunks(array)])
        values.partition(list(ranks))
        return [float(values[rank]) for rank in ranks]
    return _counted(array, ranks)


def _counted(array: Array, ranks: Sequence[int]) -> list[float]:
    """Find the ranks by counting the digits of order-preserving keys, from the highest digit to the lowest.

    Each pass over the values settles one digit of 16 bits for every rank, among the values that share the digits
    found so far: two passes for 32 bits, four for 64, whatever the values are.
    """
    dtype = next(iter(chunks(array))).dtype
    bits = 8 * dtype.itemsize
    prefixes, rest = [0] * len(ranks), list(ranks)
    for shift in range(max(0, bits - _DIGIT_BITS), -1, -_DIGIT_BITS):
        wanted = sorted(set(prefixes))
        above = np.cumsum(_digit_counts(array, wanted, shift), axis=1)
        for i, prefix in enumerate(prefixes):
            sums = above[wanted.index(prefix)]
            digit = int(np.searchsorted(sums, rest[i], side="right"))
            rest[i] -= int(sums[digit - 1]) if digit else 0
            prefixes[i] = prefix << _DIGIT_BITS | digit
    return [_from_key(key, dtype) for key in prefixes]


def _digit_counts(array: Array, prefixes: list[int], shift: int) -> Counts:
    """Count the digit at `shift` of the keys that begin with each of `prefixes`: shape ``(prefixes, 65536)``."""
    counts = np.zeros(len(prefixes) * _DIGITS, np.int64)
    for piece in chunks(array):
        keys = _keys(finite_part(piece))
        bits = 8 * keys.itemsize
        digits = (keys >> keys.dtype.type(shift)).astype(np.int64) & (_DIGITS - 1)
        if bits > shift + _DIGIT_BITS:
            # what is above the digit must be one of the prefixes
            heads = keys >> keys.dtype.type(shift + _DIGIT_BITS)
            known = np.array(prefixes, keys.dtype)
            slots = np.minimum(np.searchsorted(known, heads), len(prefixes) - 1)
            fits = known[slots] == heads
            digits = digits[fits] + slots[fits] * _DIGITS
        counts += np.bincount(digits, minlength=counts.size)
    table: Counts = counts.reshape(len(prefixes), _DIGITS)
    return table


def _keys(values: Array) -> Keys:
    """Return unsigned integers that sort as the values do."""
    kind, bits = values.dtype.kind, 8 * values.itemsize
    raw: Keys = np.ascontiguousarray(values).view(f"u{values.itemsize}")
    sign = raw.dtype.type(1 << bits - 1)
    if kind == "i":
        raw = raw ^ sign
    elif kind == "f":
        raw = np.where(raw & sign, ~raw, raw | sign)
    return raw


def _from_key(key: int, dtype: np.dtype[Any]) -> float:
    """Return the value that a key stands for."""
    bits = 8 * dtype.itemsize
    sign = 1 << bits - 1
    if dtype.kind == "i":
        key ^= sign
    elif dtype.kind == "f":
        key = key ^ sign if key & sign else ~key & (2 * sign - 1)
    return float(np.array(key, f"u{dtype.itemsize}").view(dtype))
