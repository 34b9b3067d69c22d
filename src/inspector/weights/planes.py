"""A plane of a tensor: two of its axes, with an index along each of the others; read piece by piece.

Nothing but the piece that is wanted is read where the tensor's bytes lie plainly in the file; a tensor that must be
put together or unpacked is read whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from inspector.checkpoint.dtypes import ITEM_SIZES, PACKED
from inspector.checkpoint.source import Files
from inspector.checkpoint.tensor_bytes import TensorPlace, bytes_range, numel_of, read_window, span
from inspector.weights.chunks import Array, is_complex

#: What a read costs beside its bytes, in bytes that could be copied meanwhile.
_COST_OF_READ = 50_000
#: More bytes are never read at once for a piece of a plane.
_MOST_AT_ONCE = 64 << 20

Numbers = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Plane:
    """Which two axes of a tensor are looked at, and where along the others.

    Attributes
    ----------
    rows, columns
        The axes that run down and across; -1 for none: a tensor of one dimension is one row, of none one cell.
    at
        The index along every axis; those along ``rows`` and ``columns`` don't matter.
    """

    rows: int
    columns: int
    at: tuple[int, ...]

    def shape(self, shape: Sequence[int]) -> tuple[int, int]:
        """Return the plane's rows and columns in a tensor of ``shape``.

        Raises
        ------
        ValueError
            The tensor has no such plane.
        """
        axes = [axis for axis in (self.rows, self.columns) if axis != -1]
        others = [axis for axis in range(len(shape)) if axis not in axes]
        is_inside = len(self.at) == len(shape) and all(0 <= self.at[axis] < shape[axis] for axis in others)
        if not is_inside or len(set(axes)) != len(axes) or any(not 0 <= axis < len(shape) for axis in axes):
            raise ValueError(f"a tensor of shape {tuple(shape)} has no plane {self}")
        return (shape[self.rows] if self.rows >= 0 else 1), (shape[self.columns] if self.columns >= 0 else 1)


class PlaneSource(Protocol):
    """A plane that is read piece by piece."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    def read(self, rows: range, columns: range) -> Array:
        """Return the values of a piece, in the tensor's own dtype."""


class ArrayPlane:
    """A plane of an array in memory."""

    def __init__(self, array: Array, plane: Plane) -> None:
        self.shape = plane.shape(array.shape)
        kept = tuple(
            slice(None) if axis in (plane.rows, plane.columns) else plane.at[axis] for axis in range(array.ndim)
        )
        matrix = array[kept]
        if plane.rows > plane.columns >= 0:
            matrix = matrix.T
        self._matrix = matrix.reshape(self.shape) if matrix.ndim < 2 else matrix

    def read(self, rows: range, columns: range) -> Array:
        """Return the values of a piece."""
        return self._matrix[rows.start : rows.stop, columns.start : columns.stop]


class FilePlane:
    """A plane of a tensor whose elements lie plainly in a file; see `is_plain`.

    Raises
    ------
    ValueError
        The tensor has no such plane.
    """

    def __init__(self, files: Files, place: TensorPlace, plane: Plane) -> None:
        self._files = files
        self.shape = plane.shape(place.shape)
        axes = (plane.rows, plane.columns)
        strides = place.stride
        fixed = sum(plane.at[axis] * step for axis, step in enumerate(strides) if axis not in axes)
        self._steps = tuple(strides[axis] if axis >= 0 else 0 for axis in axes)
        self._place, self._first = place, place.offset + fixed

    def read(self, rows: range, columns: range) -> Array:
        """Return the values of a piece.

        Raises
        ------
        CheckpointError
            The file is cut short, or the tensor does not fit its storage.
        """
        first = self._first + rows.start * self._steps[0] + columns.start * self._steps[1]
        return self._window((len(rows), len(columns)), self._steps, first)

    def _window(self, shape: tuple[int, ...], steps: tuple[int, ...], first: int) -> Array:
        if _is_cheaper_apart(shape, steps, ITEM_SIZES[self._place.dtype]):
            along = _widest(shape, steps)
            rest = (shape[:along] + shape[along + 1 :], steps[:along] + steps[along + 1 :])
            parts = [self._window(*rest, first + index * steps[along]) for index in range(shape[along])]
            return np.stack(parts, axis=along)
        return read_window(self._files, replace(self._place, shape=shape, stride=steps, offset=first))


def _widest(shape: tuple[int, ...], steps: tuple[int, ...]) -> int:
    return max(range(len(shape)), key=lambda axis: (shape[axis] - 1) * steps[axis])


def _cost(shape: tuple[int, ...], steps: tuple[int, ...], size: int) -> int:
    """Return what reading costs, in bytes copied."""
    whole = span(shape, steps) * size
    apart = _cost_apart(shape, steps, size)
    return _COST_OF_READ + whole if whole <= _MOST_AT_ONCE and whole <= apart else apart


def _cost_apart(shape: tuple[int, ...], steps: tuple[int, ...], size: int) -> int:
    along = _widest(shape, steps)
    rest = (shape[:along] + shape[along + 1 :], steps[:along] + steps[along + 1 :])
    return shape[along] * (_cost(*rest, size) if rest[0] else _COST_OF_READ)


def _is_cheaper_apart(shape: tuple[int, ...], steps: tuple[int, ...], size: int) -> bool:
    """Tell whether to read one index after the other along the widest axis: a piece may be a narrow strip."""
    whole = span(shape, steps) * size
    if not shape or whole <= _COST_OF_READ or max(shape) == 1:
        return False
    return whole > _MOST_AT_ONCE or _cost_apart(shape, steps, size) < whole


def is_plain(files: Files, place: TensorPlace) -> bool:
    """Tell whether any part of a tensor can be read by itself: it is strided, and neither packed nor quantized."""
    if place.layout != "strided" or place.quantization is not None or place.dtype == "float4_e2m1fn_x2":
        return False
    return place.dtype not in PACKED and (not numel_of(place.shape) or bytes_range(files, place.location)[1])


def numbers(values: Array) -> Numbers:
    """Return values as float32 where that holds all values of their dtype, else as float64; complex as magnitudes.

    64-bit integers beyond 2^53 are rounded.
    """
    if is_complex(values.dtype):
        magnitudes: Numbers = np.abs(values.astype(np.complex64) if values.dtype.itemsize < 8 else values)
        return magnitudes
    kind, size = values.dtype.kind, values.dtype.itemsize
    is_wide = (kind in "iu" and size > 2) or (kind == "f" and size > 4)
    return values.astype(np.float64 if is_wide else np.float32, copy=False)
