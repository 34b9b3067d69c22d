"""Values of tensors that are no plain window: put together, unpacked, made dense or real. Needs numpy.

Formulas are torch's own: ``aten/src/ATen/native/quantized/AffineQuantizerBase.cpp`` for quantized numbers (packed
ones as in its ``SubbyteQuantizer``), and the invariants of ``torch.sparse`` for sparse layouts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.dtypes import PACKED
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.limits import DENSE_PER_SPARSE_BYTE, FREE_DENSE_BYTES, MAX_DENSE_BYTES
from inspector.checkpoint.room import require_room
from inspector.checkpoint.source import Files
from inspector.checkpoint.tensor_bytes import (
    TensorPlace,
    nbytes_of,
    numpy_dtype,
    read_storage,
    read_tensor,
    read_window,
    span,
    view,
)

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]


def _chunked(files: Files, place: TensorPlace) -> Array:
    """Copy the chunks to where they begin. They were seen to cover the shape, so they bound what is allocated."""
    import numpy as np

    whole = np.empty(place.shape, numpy_dtype(place.dtype))
    for part in place.parts:
        inner = part.place
        whole[tuple(slice(at, at + size) for at, size in zip(part.start, inner.shape, strict=True))] = read_window(
            files, inner
        )
    return whole


def _quantized(files: Files, place: TensorPlace) -> Array:
    """Read the stored integers, as ``int_repr()`` gives them; packed ones one by one, in the tensor's shape."""
    import numpy as np

    count = PACKED.get(place.dtype)
    if count is None:
        return read_window(files, place)
    reach = span(place.shape, place.stride)
    first, last = place.offset // count, -(-(place.offset + reach) // count)
    if reach and last > place.location.nbytes:
        raise TensorReadError("The tensor reaches beyond its storage.")
    raw = np.frombuffer(read_storage(files, place.location, first, last - first) if reach else b"", np.uint8)
    bits = 8 // count
    unpacked = (raw[:, None] >> (np.arange(count, dtype=np.uint8) * bits)) & ((1 << bits) - 1)
    return view(unpacked.reshape(-1)[place.offset % count :], place.shape, place.stride)


def _on_device(files: Files, place: TensorPlace) -> Array:
    """Convert to the tensor's dtype what was saved in another, as torch does when it moves it to the device."""
    return read_window(files, _parts(place)["values"]).astype(numpy_dtype(place.dtype))


def _with_bits(files: Files, place: TensorPlace) -> Array:
    found = read_window(files, place)
    if "conjugate" in place.layout and found.dtype.kind != "V":
        found = found.conj()
    return -found if "negative" in place.layout else found


def _parts(place: TensorPlace) -> dict[str, TensorPlace]:
    return {part.role: part.place for part in place.parts}


def _dense(files: Files, place: TensorPlace) -> Array:
    """Make a sparse tensor dense, where that is not far larger than what the file holds of it."""
    import numpy as np

    dtype = numpy_dtype(place.dtype)
    size = nbytes_of(place.shape, place.dtype)
    held = sum(nbytes_of(part.place.shape, part.place.dtype) for part in place.parts)
    if size > min(max(FREE_DENSE_BYTES, held * DENSE_PER_SPARSE_BYTE), MAX_DENSE_BYTES):
        raise TensorReadError(
            f"As a dense array this sparse tensor would take {size:,} bytes; the file holds {held:,}."
        )
    parts = {role: read_window(files, part) for role, part in _parts(place).items()}
    whole = np.zeros(place.shape, dtype)
    if "indices" in parts:
        where = tuple(parts["indices"])
        _check(where, place.shape[: len(where)])
        _add(whole, where, parts["values"])
        return whole
    return _from_compressed(whole, parts)


def _add(whole: Array, where: tuple[Array, ...], values: Array) -> None:
    """Add the values where they belong; a place named twice gets their sum, as in torch (for bool: either)."""
    import numpy as np

    if not where:
        whole[...] = values.any(0) if whole.dtype == bool else values.sum(0)
    elif whole.dtype == bool:
        np.logical_or.at(whole, where, values)
    else:
        np.add.at(whole, where, values)


def _check(indices: tuple[Array, ...], shape: tuple[int, ...]) -> None:
    for along, size in zip(indices, shape, strict=True):
        if along.size and not (along.min() >= 0 and along.max() < size):
            raise TensorReadError("The sparse tensor has values outside of its shape.")


def _from_compressed(whole: Array, parts: dict[str, Array]) -> Array:
    """Place the values of compressed rows (csr, bsr) or columns (csc, bsc), for every batch."""
    import numpy as np

    by_row = "crow_indices" in parts
    outer = parts["crow_indices" if by_row else "ccol_indices"]
    inner, values = parts["col_indices" if by_row else "row_indices"], parts["values"]
    batch = outer.ndim - 1
    blocked = values.ndim - inner.ndim - (whole.ndim - batch - 2) == 2
    height, width = values.shape[batch + 1 : batch + 3] if blocked else (1, 1)
    for at in np.ndindex(outer.shape[:-1]):
        ends, counts = outer[at], np.diff(outer[at])
        if ends[0] != 0 or ends[-1] != inner.shape[-1] or (counts < 0).any():
            raise TensorReadError("The sparse tensor's rows don't fit its values.")
        major = np.repeat(np.arange(len(counts)), counts)
        rows, columns = (major, inner[at]) if by_row else (inner[at], major)
        target = whole[at]
        rows, columns = rows * height, columns * width
        if blocked:
            rows, columns = rows[:, None, None] + np.arange(height)[:, None], columns[:, None, None] + np.arange(width)
            rows, columns = np.broadcast_arrays(rows, columns)
        _check((rows, columns), target.shape[:2])
        target[rows, columns] = values[at]
    return whole


READERS: dict[str, Callable[[Files, TensorPlace], Array]] = {
    "chunked": _chunked,
    "quantized": _quantized,
    "device": _on_device,
    "sparse": _dense,
    "negative": _with_bits,
    "conjugate": _with_bits,
    "negative conjugate": _with_bits,
}


def read_values(files: Files, place: TensorPlace) -> Array:
    """Read the numbers that a tensor stands for, as a read-only array: the way torch shows it.

    Those of a quantized one in float32, of ``float4_e2m1fn_x2`` twice as many as its elements; of any other as
    `inspector.checkpoint.tensor_bytes.read_tensor` does.

    Raises
    ------
    CheckpointError
        It can't be read, or would take far more memory than it should: see `inspector.checkpoint.room`.
    """
    require_room(place)
    stored = read_tensor(files, place)
    if place.quantization is not None:
        stored = _dequantized(files, place, stored)
    elif place.dtype == "float4_e2m1fn_x2":
        stored = _two_in_a_byte(stored)
    stored.flags.writeable = False
    return stored


def _two_in_a_byte(stored: Array) -> Array:
    """Return numbers of four bits, the first in the lower half of each byte (torch's ``Float4_e2m1fn_x2``)."""
    import ml_dtypes
    import numpy as np

    halves = np.stack((stored & 15, stored >> 4), -1).reshape((*stored.shape[:-1], -1))
    return halves.view(ml_dtypes.float4_e2m1fn)


def _dequantized(files: Files, place: TensorPlace, stored: Array) -> Array:
    """Return ``(integer - zero_point) * scale`` in float32; by channel computed in its scales' dtype, as torch does."""
    import numpy as np

    quantization = place.quantization
    assert quantization is not None
    if quantization.axis < 0:
        whole: Array = (stored.astype(np.float32) - np.float32(quantization.zero_point)) * np.float32(
            quantization.scale
        )
        return whole
    parts = _parts(place)
    along = [1] * len(place.shape)
    along[quantization.axis] = -1
    scales, zero_points = (read_window(files, parts[role]).reshape(along) for role in ("scales", "zero_points"))
    by_channel: Array = (stored.astype(scales.dtype) - zero_points.astype(scales.dtype)) * scales
    return by_channel.astype(np.float32)
