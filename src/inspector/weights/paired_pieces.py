"""Two tensors' values side by side, in pieces of a few megabytes, read from the files as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from inspector.checkpoint.dtypes import ITEM_SIZES
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.source import Files
from inspector.checkpoint.tensor_bytes import (
    TensorPlace,
    bytes_range,
    numel_of,
    numpy_dtype,
    read_storage,
    span,
)
from inspector.checkpoint.unusual_bytes import read_values
from inspector.weights.chunks import Array
from inspector.weights.stream import is_contiguous

#: Elements of a piece: of float32 four megabytes.
PIECE = 1 << 20


def paired_pieces(files: tuple[Files, Files], places: tuple[TensorPlace, TensorPlace]) -> Iterator[tuple[Array, Array]]:
    """Yield flat pieces of two tensors of one shape, element by element side by side.

    Tensors whose elements lie side by side in a file that is not packed are read piece by piece; any other is
    read as a whole first.

    Raises
    ------
    CheckpointError
        One of them can't be read, or they hold different numbers of values.
    """
    a, b = places
    if numel_of(a.shape) <= PIECE:
        yield _of_one_size(*(read_values(found, place).reshape(-1) for found, place in zip(files, places, strict=True)))
        return
    in_memory_order = a.stride == b.stride and _is_dense(a) and _is_dense(b)
    sides = [
        _streamed(found, place) if _is_streamable(found, place, in_memory_order) else _flat(read_values(found, place))
        for found, place in zip(files, places, strict=True)
    ]
    for piece_a, piece_b in zip_longest(*sides):
        yield _of_one_size(piece_a, piece_b)


def _of_one_size(a: Array | None, b: Array | None) -> tuple[Array, Array]:
    if a is None or b is None or a.size != b.size:
        raise TensorReadError("The two tensors hold different numbers of values.")
    return a, b


def _is_streamable(files: Files, place: TensorPlace, in_memory_order: bool) -> bool:
    """Whether a tensor can be read piece by piece, in the order of its elements (or in memory's, as the other)."""
    if place.layout != "strided" or place.quantization is not None or place.location.big_endian:
        return False
    if place.dtype == "float4_e2m1fn_x2" or place.dtype not in ITEM_SIZES:
        return False
    return (in_memory_order or is_contiguous(place.shape, place.stride)) and bytes_range(files, place.location)[1]


def _is_dense(place: TensorPlace) -> bool:
    """Whether its elements fill a stretch of memory without gap or overlap, in whatever order."""
    step = 1
    for stride, size in sorted(zip(place.stride, place.shape, strict=True)):
        if size > 1 and stride != step:
            return False
        step *= size
    return numel_of(place.shape) == span(place.shape, place.stride)


def _streamed(files: Files, place: TensorPlace) -> Iterator[Array]:
    import numpy as np

    dtype, size = numpy_dtype(place.dtype), ITEM_SIZES[place.dtype]
    total, start = numel_of(place.shape), place.offset * size
    if total and start + total * size > place.location.nbytes:
        raise TensorReadError("The tensor reaches beyond its storage.")
    for first in range(0, total, PIECE):
        count = min(PIECE, total - first)
        yield np.frombuffer(read_storage(files, place.location, start + first * size, count * size), dtype)


def _flat(values: Array) -> Iterator[Array]:
    """Yield an array's elements in the order of its last dimension first, copying no more than a piece."""
    import numpy as np

    if values.flags.c_contiguous:
        whole = values.reshape(-1)
        for first in range(0, whole.size, PIECE):
            yield whole[first : first + PIECE]
    elif values.size:
        flat = values.flat
        for first in range(0, values.size, PIECE):
            yield np.asarray(flat[first : first + PIECE])


def total_bytes(places: Sequence[TensorPlace]) -> int:
    """Return the bytes that reading tensors takes, about."""
    return sum(numel_of(place.shape) * ITEM_SIZES.get(place.dtype, 1) for place in places)
