"""The figures of one tensor in two looks at each piece: first its range, then everything that needs the range."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from inspector.checkpoint.room import require_memory
from inspector.checkpoint.source import Files
from inspector.weights.figures import TensorFigures
from inspector.weights.histogram import histogram, resolvable
from inspector.weights.pieces import (
    BINS,
    Counts,
    Extent,
    Moments,
    Room,
    Scale,
    count_bytes,
    extent_of,
    moments_of,
    plain,
    scale_of,
)
from inspector.weights.slices import Slices
from inspector.weights.statistics import TensorStatistics, tensor_statistics
from inspector.weights.stream import ArrayPieces, Pieces, cuts

# Where squares, or differences of integers, are exact enough in float64.
_HUGE, _TINY, _WHOLE = 1e140, 1e-140, 2**53


class Measuring:
    """One tensor being measured: parts of it in any order by several threads, one look after the other.

    `look` is called with each of `parts`, then `settle`, then `count` with each of them, then `figures`. numpy's
    warnings are off meanwhile.
    """

    def __init__(self, pieces: Pieces, part: int) -> None:
        self._pieces = pieces
        self._slices = Slices(pieces)
        self._cuts = cuts(pieces)
        self._extents = [Extent()] * len(self._cuts)
        per_part = max(1, part * len(self._cuts) // max(1, pieces.numel))
        self.parts = [range(at, min(at + per_part, len(self._cuts))) for at in range(0, len(self._cuts), per_part)]
        self._whole: Extent | None = None
        self._low = self._high = 0.0
        self._scale = Scale(0.0, 1.0, None)

    def look(self, files: Files, room: Room, part: range) -> None:
        """Find the range of a part, count what is not finite, and look at its slices."""
        for cut in part:
            start, stop = self._cuts[cut]
            stored = self._pieces.read(files, room.raw, start, stop)
            values = plain(stored, room)
            found = extent_of(values, room)
            self._extents[cut] = found
            self._slices.see(start, stored, values, found.zeros)

    def settle(self) -> bool:
        """Choose the range of the histogram, once all parts were looked at.

        Returns
        -------
        bool
            False where sums and squares in float64 are not exact enough, so that `hard_figures` must be asked instead.
        """
        whole = Extent()
        for extent in self._extents:
            whole.add(extent)
        self._whole = whole
        finite = self._pieces.numel - whole.odd
        self._low, self._high = resolvable(float(whole.least), float(whole.greatest), BINS) if finite else (0.0, 1.0)
        self._scale = scale_of(self._low, self._high, self._pieces.numel)
        largest = max(abs(whole.least), abs(whole.greatest)) if finite else 0
        if isinstance(largest, int):
            return largest <= _WHOLE
        return not largest or _TINY < largest < _HUGE

    def count(self, files: Files, room: Room, part: range) -> tuple[Moments, Counts]:
        """Reckon the moments and the histogram of a part."""
        moments, before, filled = Moments(), None, 0
        for cut in part:
            extent = self._extents[cut]
            start, stop = self._cuts[cut]
            finite = stop - start - extent.odd
            if not finite:
                continue
            if filled + finite > room.bins.size:
                counts = count_bytes(room.bins[:filled])
                before, filled = counts if before is None else before + counts, 0
            values = plain(self._pieces.read(files, room.raw, start, stop), room)
            bins = room.bins[filled : filled + finite]
            moments.add(moments_of(values, self._scale, extent, bins, room))
            filled += finite
        counts = count_bytes(room.bins[:filled])
        return moments, counts if before is None else before + counts

    def figures(self, files: Files, room: Room, counted: Sequence[tuple[Moments, Counts]]) -> TensorFigures:
        """Put together what was found of all parts."""
        whole, numel = self._whole, self._pieces.numel
        assert whole is not None
        moments, counts = counted[0] if counted else (Moments(), np.zeros(BINS, np.int64))
        for found, binned in counted[1:]:
            moments.add(found)
            counts += binned
        any_finite = moments.count > 0
        statistics = TensorStatistics(
            numel=numel,
            min=whole.least if any_finite else None,
            max=whole.greatest if any_finite else None,
            mean=moments.mean if any_finite else None,
            std=math.sqrt(moments.spread / moments.count) if any_finite else None,
            norm=math.sqrt(moments.squares),
            zeros=whole.zeros,
            nan=whole.nan,
            inf=whole.inf,
        )
        dead, duplicates = self._slices.dead(), self._slices.duplicates(files, room.raw)
        return TensorFigures(statistics, self._low, self._high, tuple(counts.tolist()), dead, duplicates)

    def hard_figures(self, files: Files, room: Room) -> TensorFigures:
        """Return the figures of numbers at the ends of what float64 holds, by slower ways, with all in memory.

        Raises
        ------
        TensorReadError
            That is more than there is.
        """
        pieces = self._pieces
        nbytes = 0 if isinstance(pieces, ArrayPieces) else pieces.numel * pieces.dtype.itemsize
        require_memory(nbytes)
        values = pieces.read(files, memoryview(bytearray(nbytes)), 0, pieces.numel)
        bins = histogram(values, BINS, (self._low, self._high))
        dead, duplicates = self._slices.dead(), self._slices.duplicates(files, room.raw)
        low, high = float(bins.edges[0]), float(bins.edges[-1])
        return TensorFigures(tensor_statistics(values), low, high, tuple(bins.counts.tolist()), dead, duplicates)
