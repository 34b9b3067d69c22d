"""A tensor of any dtype, handed out in small pieces that numpy can reckon with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

CHUNK = 1 << 16
"""Elements per piece: as float64 half a megabyte, so that several passes over a piece stay in the cache."""


def chunks(array: Array) -> Iterator[Array]:
    """Yield all elements of `array`, flat, in memory order, as bool, integers, float32 or float64.

    Nothing larger than one piece is ever copied, whatever the strides of `array`. bfloat16, the float8 and
    float4 kinds and float16 come as float32, which holds them exactly; 4-bit integers too; complex numbers
    as their magnitudes.

    Parameters
    ----------
    array
        Any shape, empty and 0-d included.
    """
    if not array.size:
        return
    if array.flags.c_contiguous or array.flags.f_contiguous:
        flat = array.ravel(order="K")
        for start in range(0, flat.size, CHUNK):
            yield _plain(flat[start : start + CHUNK])
        return
    pieces = np.nditer(array, flags=["external_loop", "buffered"], order="K", buffersize=CHUNK)
    for piece in pieces:
        yield _plain(np.asarray(piece))


def is_complex(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype is complex; numpy itself does not know that of ml_dtypes' own (``complex32``)."""
    return dtype.kind == "c" or dtype.name.endswith("complex32")


def _plain(piece: Array) -> Array:
    """Convert a piece to a dtype that numpy computes quickly and without loss."""
    kind = piece.dtype.kind
    if is_complex(piece.dtype):
        return np.abs(piece.astype(np.complex128))
    if kind in "biu" or piece.dtype in (np.float32, np.float64):
        return piece
    # float16 is slow in numpy; ml_dtypes' kinds call themselves "V" or "f" and reckon even slower
    return piece.astype(np.float32)
