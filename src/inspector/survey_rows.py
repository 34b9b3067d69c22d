"""What a survey tells of each tensor, as bytes: from the worker to the session, and in the survey cache. A leaf.

A row is one tensor: `ROW`, then as many int64 as the histogram has bins.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: min, max, mean, std, norm, low, high; zeros, nan, inf, dead, duplicates. NaN stands for a figure there is none of.
ROW = struct.Struct("<7d5q")

#: Bins that are counted; rows carry these, or sums of neighbours.
BINS = 256
#: Bins of a row where it is shown small: many tensors get fewer, so that all of them take a few MB.
ROW_BINS, FEW_ROW_BINS, MANY_TENSORS = 64, 16, 40_000


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """The figures of one tensor, as numbers only.

    Attributes
    ----------
    figures
        min, max, mean, std, norm, low, high; NaN where there is none.
    tallies
        zeros, nan, inf, dead, duplicates.
    counts
        The histogram's.
    """

    figures: tuple[float, ...]
    tallies: tuple[int, ...]
    counts: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """Return the row as bytes."""
        return ROW.pack(*self.figures, *self.tallies) + struct.pack(f"<{len(self.counts)}q", *self.counts)


def row_bins(tensors: int) -> int:
    """Return how many bins a row has where a checkpoint has so many tensors."""
    return ROW_BINS if tensors <= MANY_TENSORS else FEW_ROW_BINS


def coarser(counts: Sequence[int], bins: int) -> tuple[int, ...]:
    """Return the sums of neighbouring bins.

    Raises
    ------
    ValueError
        ``bins`` is no divisor of the bins there are.
    """
    step, rest = divmod(len(counts), bins)
    if rest or not step:
        raise ValueError(f"{len(counts)} bins can't be summed to {bins}")
    return tuple(counts) if step == 1 else tuple(sum(counts[at : at + step]) for at in range(0, len(counts), step))


def rows_from(raw: bytes, bins: int) -> Iterator[SurveyRow]:
    """Read rows.

    Raises
    ------
    ValueError
        They are no whole rows.
    """
    layout = struct.Struct(f"{ROW.format}{bins}q")
    if len(raw) % layout.size:
        raise ValueError("rows that are cut short")
    for numbers in layout.iter_unpack(raw):
        yield SurveyRow(numbers[:7], numbers[7:12], numbers[12:])
