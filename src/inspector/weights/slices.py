"""Slices along a tensor's first dimension (filters, rows): which are dead, and which equal an earlier one."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from inspector.checkpoint.source import Files
from inspector.weights.chunks import Array
from inspector.weights.stream import PIECE, Pieces

MOST_SLICES = 1 << 20
"""Among more slices no equal ones are looked for: what is remembered of each must fit in the memory."""

_LOOKED_AT = 4  # parts of a slice, or of a piece of it, of whose beginnings a first comparison takes note
_UNSIGNED = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
# Odd numbers without any order: powers of one, modulo 2^64.
_FACTORS = np.array([pow(0x9E3779B97F4A7C15, power, 1 << 64) for power in range(1, 2 * _LOOKED_AT)], np.uint64)


class Slices:
    """Fed with the pieces of a tensor, in any order and by several threads."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._size = pieces.slice_size
        # a column of bytes has as many slices as elements: nothing is kept of each that need not be
        self._zeros = np.zeros(pieces.slices if self._size > PIECE else 0, np.int64)
        self._dead = 0
        self._marks = np.zeros(pieces.slices if 1 < pieces.slices <= MOST_SLICES else 0, np.uint64)
        self._is_dead = np.zeros(self._marks.size, np.bool_)
        self._lock = threading.Lock()

    def see(self, start: int, stored: Array, values: Array, zeros: int) -> None:
        """Take in a piece.

        Parameters
        ----------
        start
            Its first element, in the tensor.
        stored, values
            Its elements as they lie in the file, and as `inspector.weights.pieces.plain` makes them.
        zeros
            How many of them are zero.
        """
        if not self._size:
            return
        first, inner = divmod(start, self._size)
        if self._size > PIECE:
            with self._lock:  # another thread may see another part of the same slice
                self._zeros[first] += zeros
                if self._marks.size:
                    self._marks[first] += _marks(stored.reshape(1, -1))[0] * np.uint64(2 * inner + 1)
            return
        rows = stored.size // self._size
        if zeros >= self._size:
            dead = (values == 0) if self._size == 1 else (values.reshape(rows, -1) == 0).all(axis=1)
            with self._lock:
                self._dead += int(np.count_nonzero(dead))
            if self._marks.size:
                self._is_dead[first : first + rows] = dead
        if self._marks.size:
            self._marks[first : first + rows] = _marks(stored.reshape(rows, -1))

    def dead(self) -> int:
        """Return how many slices hold nothing but zeros."""
        return self._dead + (int(np.count_nonzero(self._zeros == self._size)) if self._zeros.size else 0)

    def duplicates(self, files: Files, room: memoryview) -> int:
        """Return how many slices that are not dead equal an earlier one, bit by bit.

        Those that may are read once more: only their marks were compared so far.
        """
        if self._marks.size < 2:
            return 0
        marks = np.sort(self._marks)
        if not (marks[1:] == marks[:-1]).any():
            return 0
        dead = self._zeros[: self._marks.size] == self._size if self._size > PIECE else self._is_dead
        alive = np.flatnonzero(~dead)
        _, group, members = np.unique(self._marks[alive], return_inverse=True, return_counts=True)
        if len(members) == len(alive):
            return 0
        twins = members[group] > 1
        seen = {(mark, self._digest(files, room, index)) for mark, index in _numbers(group[twins], alive[twins])}
        return int(np.count_nonzero(twins)) - len(seen)

    def _digest(self, files: Files, room: memoryview, index: int) -> bytes:
        made = hashlib.blake2b(digest_size=16)
        first = index * self._size
        for start in range(first, first + self._size, PIECE):
            part = self._pieces.read(files, room, start, min(start + PIECE, first + self._size))
            made.update(part.view(np.uint8).data)
        return made.digest()


def _numbers(*columns: npt.NDArray[np.int64]) -> Iterator[tuple[int, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)


def _marks(rows: Array) -> npt.NDArray[np.uint64]:
    """Return a number for each row, made of some of its elements' bits: equal rows have equal ones."""
    bits = rows.view(_UNSIGNED[min(rows.dtype.itemsize, 8)])
    seen = bits[:, :: max(1, bits.shape[1] // _LOOKED_AT)].astype(np.uint64)
    marks: npt.NDArray[np.uint64] = seen @ _FACTORS[: seen.shape[1]]
    return marks
