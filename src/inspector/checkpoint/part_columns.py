"""The columns of what tensors are put together from, and of how stored integers stand for numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

from inspector.checkpoint.contents import StorageLocation
from inspector.checkpoint.decoding import running_sum
from inspector.checkpoint.dtypes import DTYPE_NAMES
from inspector.checkpoint.tensor_bytes import PlacePart, TensorPlace, nbytes_of
from inspector.checkpoint.values import Quantization

#: What a part can be: see `inspector.checkpoint.values.TensorPart`.
PART_ROLES = (
    "chunk", "indices", "values", "crow_indices", "col_indices", "ccol_indices", "row_indices", "sizes", "strides",
    "offsets", "scales", "zero_points",
    "lengths",
)  # fmt: skip


class PartColumns:
    """Parts by their owner, a tensor's index: ordered by owner, so that they are found by bisection."""

    NAMES = frozenset(
        "part_owners part_roles part_dtypes part_ndims part_shapes part_strides part_starts part_offsets part_storages "
        "quantized scales zero_points axes".split()
    )

    def __init__(self, columns: dict[str, Any]) -> None:
        self.owners: array[int] = columns["part_owners"]
        self.roles: array[int] = columns["part_roles"]
        self.dtypes: array[int] = columns["part_dtypes"]
        self.ndims: array[int] = columns["part_ndims"]
        self.shapes: array[int] = columns["part_shapes"]
        self.strides: array[int] = columns["part_strides"]
        self.starts: array[int] = columns["part_starts"]
        self.offsets: array[int] = columns["part_offsets"]
        self.storages: array[int] = columns["part_storages"]
        self.quantized: array[int] = columns["quantized"]
        self.scales: array[float] = columns["scales"]
        self.zero_points: array[int] = columns["zero_points"]
        self.axes: array[int] = columns["axes"]
        self._first_sizes = running_sum(self.ndims)

    def columns(self) -> dict[str, Any]:
        """Return the columns by the names that they were given under."""
        prefixed = ("owners", "roles", "dtypes", "ndims", "shapes", "strides", "starts", "offsets", "storages")
        plain = ("quantized", "scales", "zero_points", "axes")
        return {f"part_{name}": getattr(self, name) for name in prefixed} | {
            name: getattr(self, name) for name in plain
        }

    def is_consistent(self, tensors: int, storages: int) -> bool:
        """Tell whether every index points inside, for so many tensors and storages."""
        count = len(self.owners)
        return (
            count == len(self.roles) == len(self.dtypes) == len(self.ndims) == len(self.offsets) == len(self.storages)
            and len(self.shapes) == len(self.strides) == len(self.starts) == self._first_sizes[-1]
            and len(self.quantized) == len(self.scales) == len(self.zero_points) == len(self.axes)
            and _is_ascending(self.owners, tensors)
            and _is_ascending(self.quantized, tensors)
            and max(self.roles, default=0) < len(PART_ROLES)
            and max(self.dtypes, default=0) < len(DTYPE_NAMES)
            and max(self.storages, default=-1) < storages
            and all(
                min(column, default=0) >= 0
                for column in (self.shapes, self.strides, self.starts, self.offsets, self.storages)
            )
        )

    def of(self, tensor: int, location: Callable[[int], StorageLocation]) -> tuple[PlacePart, ...]:
        """Return a tensor's parts; ``location`` tells where a storage's bytes lie."""
        first, end = bisect_left(self.owners, tensor), bisect_right(self.owners, tensor)
        return tuple(self._part(part, location) for part in range(first, end))

    def forms(self, tensor: int) -> list[tuple[str, tuple[int, ...]]]:
        """Return the role and the shape of each of a tensor's parts."""
        first, end = bisect_left(self.owners, tensor), bisect_right(self.owners, tensor)
        starts = self._first_sizes
        return [
            (PART_ROLES[self.roles[part]], tuple(self.shapes[starts[part] : starts[part + 1]]))
            for part in range(first, end)
        ]

    def dtype(self, tensor: int, role: str) -> str | None:
        """Return the dtype of a tensor's part, None where it has no such part."""
        first, end = bisect_left(self.owners, tensor), bisect_right(self.owners, tensor)
        found = (part for part in range(first, end) if PART_ROLES[self.roles[part]] == role)
        return next((DTYPE_NAMES[self.dtypes[part]] for part in found), None)

    def nbytes(self, tensor: int) -> int:
        """Return the bytes of a tensor's parts together."""
        first, end = bisect_left(self.owners, tensor), bisect_right(self.owners, tensor)
        total = 0
        for part in range(first, end):
            sizes = self.shapes[self._first_sizes[part] : self._first_sizes[part + 1]]
            total += nbytes_of(sizes, DTYPE_NAMES[self.dtypes[part]])
        return total

    def _part(self, part: int, location: Callable[[int], StorageLocation]) -> PlacePart:
        sizes = slice(self._first_sizes[part], self._first_sizes[part + 1])
        place = TensorPlace(
            location(self.storages[part]),
            DTYPE_NAMES[self.dtypes[part]],
            tuple(self.shapes[sizes]),
            tuple(self.strides[sizes]),
            self.offsets[part],
        )
        role = PART_ROLES[self.roles[part]]
        return PlacePart(role, tuple(self.starts[sizes]) if role == "chunk" else (), place)

    def quantization(self, tensor: int) -> Quantization | None:
        """Return how a tensor's integers stand for numbers, None where they are no such."""
        at = bisect_left(self.quantized, tensor)
        if at == len(self.quantized) or self.quantized[at] != tensor:
            return None
        return Quantization(self.scales[at], self.zero_points[at], self.axes[at])


def _is_ascending(owners: array[int], count: int) -> bool:
    return list(owners) == sorted(owners) and min(owners, default=0) >= 0 and max(owners, default=-1) < count
