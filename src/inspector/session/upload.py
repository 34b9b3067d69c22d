"""What of a checkpoint is sent to the engine: which storages, and how tensors lie in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from inspector.checkpoint.contents import StorageLocation
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import TensorPlace


class UploadPlan:
    """The tensors as the engine builds them, and the storages to send, each once.

    Parameters
    ----------
    summary
        The checkpoint.
    targets
        The architecture's key for each tensor that is attached.
    reshaped
        The architecture's shape of the keys whose tensors have the same values, in order, in another shape.

    Raises
    ------
    TensorReadError
        One of them can't be sent.

    Attributes
    ----------
    tensors
        Rows of (key, dtype, shape, stride, offset, index of the storage).
    chunked
        Rows of (key, dtype, shape, chunks), a chunk being (where it begins, a row as above).
    quantized
        Rows of (a row as above, scale, zero point, axis, rows of the scales and the zero points by channel or None).
    """

    def __init__(
        self, summary: CheckpointSummary, targets: Mapping[int, str], reshaped: Mapping[str, Sequence[int]]
    ) -> None:
        self.tensors: list[list[Any]] = []
        self.chunked: list[list[Any]] = []
        self.quantized: list[list[Any]] = []
        self._places: dict[StorageLocation, int] = {}
        for tensor, target in targets.items():
            place = summary.place(tensor)
            self._add(target, place if target not in reshaped else _reshaped(target, place, reshaped[target]))

    @property
    def storages(self) -> list[StorageLocation]:
        """The storages to send, in the order of their indices."""
        return list(self._places)

    @property
    def big_endian(self) -> list[int]:
        """Indices of the storages whose bytes are to be turned around."""
        return [place for location, place in self._places.items() if location.big_endian]

    def _add(self, target: str, place: TensorPlace) -> None:
        if place.layout == "chunked":
            chunks = [[list(part.start), self._row(target, part.place)] for part in place.parts]
            self.chunked.append([target, place.dtype, list(place.shape), chunks])
        elif place.layout == "strided":
            self.tensors.append(self._row(target, place))
        elif place.layout == "quantized" and place.quantization is not None:
            scale, zero_point, axis = place.quantization
            by_role = {part.role: self._row(target, part.place) for part in place.parts}
            channels = [by_role.get("scales"), by_role.get("zero_points")]
            self.quantized.append([self._row(target, place), scale, zero_point, axis, *channels])
        else:
            raise TensorReadError(f"{target} is {place.layout}, and can't be attached as it is.")

    def _row(self, target: str, place: TensorPlace) -> list[Any]:
        storage = self._places.setdefault(place.location, len(self._places))
        return [target, place.dtype, list(place.shape), list(place.stride), place.offset, storage]


def _reshaped(target: str, place: TensorPlace, shape: Sequence[int]) -> TensorPlace:
    """Return the place of the same values in another shape, which takes them to lie in order, without gaps."""
    steps = zip(place.shape, place.stride, _in_order(place.shape), strict=True)
    if place.layout != "strided" or any(size > 1 and step != plain for size, step, plain in steps):
        raise TensorReadError(
            f"{target} has another shape in the file, {' × '.join(map(str, place.shape))}, and isn't contiguous there.",
            "Save it again after .contiguous().",
        )
    return replace(place, shape=tuple(shape), stride=_in_order(shape))


def _in_order(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
