"""A tensor's elements, read piece by piece into buffers that are used again: memory stays bounded at any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from inspector.checkpoint.dtypes import PACKED
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.source import Files
from inspector.checkpoint.tensor_bytes import TensorPlace, bytes_range, contiguous, numel_of, numpy_dtype
from inspector.checkpoint.unusual_bytes import read_values
from inspector.weights.chunks import Array

PIECE = 1 << 18
"""Elements per piece: what is made of one (2 MB as float64) stays in the caches, and calls of numpy are few."""

ROOM_BYTES = 1 << 24
"""What a thread reads into: at least a piece of the largest elements; smaller tensors are read in one go."""

WHOLE = 1 << 23
"""Elements of the largest tensor that one thread may read in one go, and keep for its second look."""


class Pieces(Protocol):
    """The elements of a tensor, flat in memory order.

    Attributes
    ----------
    dtype
        numpy's.
    numel
        How many elements.
    slice_size, slices
        Elements of each slice along the first dimension, and how many; 0 below two dimensions.
    """

    dtype: np.dtype[Any]
    numel: int
    slice_size: int
    slices: int

    def read(self, files: Files, room: memoryview, start: int, stop: int) -> Array:
        """Return elements, in ``room`` or elsewhere; good until ``room`` is used again."""


class FilePieces:
    """Elements that lie one after another in a file, as they are."""

    def __init__(self, place: TensorPlace, dtype: np.dtype[Any], offset: int) -> None:
        self.dtype = dtype
        self.numel = numel_of(place.shape)
        self.slice_size, self.slices = _slices(place.shape)
        self._file = place.location.file
        self._offset = offset
        self._held: Array | None = None

    def read(self, files: Files, room: memoryview, start: int, stop: int) -> Array:
        """Read elements into ``room``; all of them at once where they fit in, so that they are read only once."""
        size = self.dtype.itemsize
        if self.numel > WHOLE or self.numel * size > len(room):
            return self._read(files, room, start, stop)
        if self._held is None:  # else ours is the tensor that was read last into the room of this thread
            self._held = self._read(files, room, 0, self.numel)
        return self._held[start:stop]

    def _read(self, files: Files, room: memoryview, start: int, stop: int) -> Array:
        size = self.dtype.itemsize
        into = room[: (stop - start) * size]
        files[self._file].read_into(self._offset + start * size, into)
        return np.frombuffer(into, self.dtype)


class ArrayPieces:
    """Elements of an array that is in memory.

    Slices along the first dimension are followed where its elements lie in that order; an array in another order
    is copied.
    """

    def __init__(self, array: Array) -> None:
        self.dtype = array.dtype
        self.numel = array.size
        self.slice_size, self.slices = _slices(array.shape)
        self._flat = np.ascontiguousarray(array).reshape(-1)

    def read(self, files: Files, room: memoryview, start: int, stop: int) -> Array:  # noqa: ARG002 - as of a file
        """Return a part of the array."""
        return self._flat[start:stop]


def _slices(shape: Sequence[int]) -> tuple[int, int]:
    return (numel_of(shape[1:]), shape[0]) if len(shape) > 1 and numel_of(shape) else (0, 0)


def open_pieces(files: Files, place: TensorPlace) -> Pieces:
    """Find the elements of a tensor: unusual ones are read whole, others when they are asked for.

    Raises
    ------
    CheckpointError
        It can't be read.
    """
    whole = _plain_offset(files, place)
    if whole is not None:
        return FilePieces(place, numpy_dtype(place.dtype), whole)
    return ArrayPieces(read_values(files, place))


def _plain_offset(files: Files, place: TensorPlace) -> int | None:
    """Return where in its file a tensor's bytes begin; None where they don't lie there in order, as they are."""
    location = place.location
    if place.layout != "strided" or place.quantization is not None or location.big_endian or place.dtype in PACKED:
        return None
    if not numel_of(place.shape) or place.dtype == "float4_e2m1fn_x2" or not is_contiguous(place.shape, place.stride):
        return None
    size = numpy_dtype(place.dtype).itemsize
    start = place.offset * size
    if start + numel_of(place.shape) * size > location.nbytes:
        raise TensorReadError("The tensor reaches beyond its storage.")
    offset, stored = bytes_range(files, location)
    return offset + location.skip + start if stored else None


def is_contiguous(shape: Sequence[int], stride: Sequence[int]) -> bool:
    """Tell whether elements lie one after another, the last dimension first."""
    return all(a == b or size <= 1 for size, a, b in zip(shape, stride, contiguous(shape), strict=True))


def cuts(pieces: Pieces) -> list[tuple[int, int]]:
    """Return where each piece begins and ends: whole slices, or equal parts of one that is larger than a piece."""
    if not pieces.numel:
        return []
    size = pieces.slice_size or pieces.numel
    if not pieces.slice_size or size <= PIECE:
        step = PIECE // size * size if pieces.slice_size else PIECE
        return [(at, min(at + step, pieces.numel)) for at in range(0, pieces.numel, step)]
    step = -(-size // -(-size // PIECE))
    return [
        (first + at, first + min(at + step, size))
        for first in range(0, pieces.numel, size)
        for at in range(0, size, step)
    ]
