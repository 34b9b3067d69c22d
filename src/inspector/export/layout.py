"""How the tensors of a copy lie on storages: those that share elements stay together, each other gets its own.

A storage of the original may hold far more than the state_dict needs, such as one slice of a large tensor; the copy
holds what its tensors reach and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inspector.checkpoint.contents import StorageLocation
from inspector.checkpoint.dtypes import ITEM_SIZES
from inspector.checkpoint.source import Files
from inspector.checkpoint.tensor_bytes import TensorPlace, contiguous, numel_of, span
from inspector.export.tensor_stream import Piece, storage_pieces, tensor_pieces


@dataclass(slots=True)
class StorageSlot:
    """One storage of the copy.

    Attributes
    ----------
    number
        Its name in the archive.
    dtype, numel
        Of its elements.
    place
        The tensor whose elements are written one after another; None where a range is copied as it is.
    location, start
        The range's storage in the original and its first byte there.
    """

    number: int
    dtype: str
    numel: int
    place: TensorPlace | None = None
    location: StorageLocation | None = None
    start: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the storage."""
        return self.numel * ITEM_SIZES[self.dtype]

    def pieces(self, files: Files) -> Iterator[Piece]:
        """Yield its bytes."""
        if self.place is not None:
            return tensor_pieces(files, self.place)
        assert self.location is not None
        return storage_pieces(files, self.location, self.dtype, self.start, self.nbytes)


@dataclass(frozen=True, slots=True)
class Window:
    """A tensor of the copy: how it lies in its storage; ``parts`` are a quantized one's scales and zero points."""

    place: TensorPlace
    slot: StorageSlot
    offset: int
    stride: tuple[int, ...]
    parts: tuple[Window, ...] = ()


class Layout:
    """The storages of a copy, numbered in the order in which the tensors first need them.

    Parameters
    ----------
    places
        Every tensor that will be asked for, those of quantized ones' parts included.
    """

    def __init__(self, places: list[TensorPlace]) -> None:
        self.slots: list[StorageSlot] = []
        self._clusters = _clusters(places)
        self._shared: dict[tuple[StorageLocation, str, int], StorageSlot] = {}

    def window(self, place: TensorPlace) -> Window:
        """Return how a tensor lies in the copy."""
        parts = tuple(self.window(part.place) for part in place.parts) if place.layout == "quantized" else ()
        cluster = self._clusters.get(_extent(place)) if _is_window(place) else None
        if cluster is None:
            slot = self._slot(StorageSlot(0, place.dtype, numel_of(place.shape), place))
            return Window(place, slot, 0, contiguous(place.shape), parts)
        key = (place.location, place.dtype, cluster[0])
        slot = self._shared.get(key) or self._slot(
            StorageSlot(0, place.dtype, cluster[1] - cluster[0], None, place.location, cluster[0] * _size(place))
        )
        self._shared[key] = slot
        return Window(place, slot, place.offset - cluster[0], place.stride, parts)

    def _slot(self, slot: StorageSlot) -> StorageSlot:
        slot.number = len(self.slots)
        self.slots.append(slot)
        return slot


_Extent = tuple[StorageLocation, str, int, int]


def _size(place: TensorPlace) -> int:
    return ITEM_SIZES[place.dtype]


def _is_window(place: TensorPlace) -> bool:
    return place.layout in ("strided", "quantized") and numel_of(place.shape) > 0


def _extent(place: TensorPlace) -> _Extent:
    return place.location, place.dtype, place.offset, place.offset + span(place.shape, place.stride)


def _clusters(places: list[TensorPlace]) -> dict[_Extent, tuple[int, int]]:
    """Return the elements of the original storage that go into one of the copy's, by the tensors' own extents.

    Tensors of one dtype whose extents overlap go together, with their strides. Torch gives a storage one dtype, so
    those that look at the same bytes as another dtype get a copy. One that is alone, and reaches over more elements
    than it has, is not among them: it is written without the gaps.
    """
    by_storage: dict[tuple[StorageLocation, str], list[TensorPlace]] = {}
    for place in filter(_is_window, places):
        by_storage.setdefault((place.location, place.dtype), []).append(place)
    found: dict[_Extent, tuple[int, int]] = {}
    for together in by_storage.values():
        group: list[TensorPlace] = []
        begin = end = 0
        for place in sorted(together, key=lambda place: place.offset):
            stop = place.offset + span(place.shape, place.stride)
            if group and place.offset < end:
                end = max(end, stop)
            else:
                _close(found, group, begin, end)
                group, begin, end = [], place.offset, stop
            group.append(place)
        _close(found, group, begin, end)
    return found


def _close(found: dict[_Extent, tuple[int, int]], group: list[TensorPlace], begin: int, end: int) -> None:
    if len(group) > 1 or (group and end - begin <= numel_of(group[0].shape)):
        found.update((_extent(place), (begin, end)) for place in group)
