"""A tensor's or a storage's bytes in pieces, little-endian and contiguous, so that no file has to fit in memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.contents import StorageLocation
from inspector.checkpoint.dtypes import ITEM_SIZES, PACKED
from inspector.checkpoint.source import Files
from inspector.checkpoint.tensor_bytes import TensorPlace, bytes_range, contiguous, read_storage, read_tensor

if TYPE_CHECKING:
    import numpy

Piece = bytes | memoryview

#: Bytes held at a time.
PIECE_BYTES = 4 << 20

#: Types of `array.array` by the bytes of an element.
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def storage_pieces(files: Files, location: StorageLocation, dtype: str, start: int, length: int) -> Iterator[Piece]:
    """Yield ``length`` bytes of a storage from its byte ``start``, elements of ``dtype``, little-endian.

    Raises
    ------
    CheckpointError
        The file is cut short, damaged, or no longer the inspected one.
    """
    if not length:
        return
    offset, stored = bytes_range(files, location)
    if location.big_endian or not stored:
        whole = read_storage(files, location, start, length)
        yield from _slices(_turned(whole, dtype) if location.big_endian else whole)
        return
    source, first = files[location.file], offset + location.skip + start
    for at in range(0, length, PIECE_BYTES):
        yield source.read(first + at, min(PIECE_BYTES, length - at))


def tensor_pieces(files: Files, place: TensorPlace) -> Iterator[Piece]:
    """Yield the elements of a tensor one after another, whatever its strides.

    Raises
    ------
    CheckpointError
        It can't be read.
    """
    if is_one_run(place):
        size = ITEM_SIZES[place.dtype]
        numel = 1
        for count in place.shape:
            numel *= count
        yield from storage_pieces(files, place.location, place.dtype, place.offset * size, numel * size)
    else:
        yield from array_pieces(read_tensor(files, place))


def is_one_run(place: TensorPlace) -> bool:
    """Tell whether a tensor's elements lie one after another in its storage."""
    if place.layout not in ("strided", "quantized") or place.dtype in PACKED:
        return False
    wanted = contiguous(place.shape)
    return 0 in place.shape or all(
        count == 1 or step == want for count, step, want in zip(place.shape, place.stride, wanted, strict=True)
    )


def array_pieces(values: numpy.ndarray[Any, Any]) -> Iterator[Piece]:
    """Copy an array in rows of its first dimension that are small enough together; row by row where they are not."""
    if values.nbytes <= PIECE_BYTES or not values.ndim:
        yield values.tobytes()
        return
    row = values.nbytes // len(values)
    if row > PIECE_BYTES:
        for part in values:
            yield from array_pieces(part)
        return
    step = max(1, PIECE_BYTES // row)
    for at in range(0, len(values), step):
        yield values[at : at + step].tobytes()


def _slices(whole: bytes) -> Iterator[Piece]:
    view = memoryview(whole)
    for at in range(0, len(whole), PIECE_BYTES):
        yield view[at : at + PIECE_BYTES]


def _turned(whole: bytes, dtype: str) -> bytes:
    width = ITEM_SIZES[dtype] // 2 if dtype.startswith(("complex", "bcomplex")) else ITEM_SIZES[dtype]
    elements = array(_CODES[width], whole)
    elements.byteswap()
    return elements.tobytes()
