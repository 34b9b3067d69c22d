"""A tensor's bytes, read from where the index says they lie: the only module here that needs numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.contents import StorageLocation
from inspector.checkpoint.dtypes import ITEM_SIZES
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.limits import FREE_INFLATED_STORAGE_BYTES
from inspector.checkpoint.source import FileIdentity, Source, open_identified
from inspector.checkpoint.text import quoted
from inspector.checkpoint.zip_index import DEFLATED, STORED, ZipEntry, inflate, locate

if TYPE_CHECKING:
    import numpy

#: torch's names of dtypes that numpy knows under another name.
_NUMPY_NAMES = {"qint8": "int8", "quint8": "uint8", "qint32": "int32", "float4_e2m1fn_x2": "uint8"}


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Where a tensor lies and how to look at it: all that a process needs to read it.

    Attributes
    ----------
    location
        Its storage's bytes.
    dtype
        torch's dtype name.
    shape, stride
        In elements.
    offset
        First element within the storage.
    big_endian
        Byte order of the file.
    """

    location: StorageLocation
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    big_endian: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the place as plain JSON values."""
        where = self.location
        return {
            "storage": [where.offset, where.nbytes, where.packed, where.entry],
            "dtype": self.dtype,
            "shape": list(self.shape),
            "stride": list(self.stride),
            "offset": self.offset,
            "big_endian": self.big_endian,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TensorPlace:
        """Read what `to_json` wrote."""
        offset, nbytes, packed, entry = data["storage"]
        return cls(
            StorageLocation(int(offset), int(nbytes), int(packed), str(entry)),
            str(data["dtype"]),
            tuple(map(int, data["shape"])),
            tuple(map(int, data["stride"])),
            int(data["offset"]),
            bool(data["big_endian"]),
        )


def numel_of(shape: Sequence[int]) -> int:
    """Return the number of elements of a shape."""
    numel = 1
    for size in shape:
        numel *= size
    return numel


def span(shape: tuple[int, ...], stride: tuple[int, ...]) -> int:
    """Return the elements from a strided tensor's first to its last, 0 when it is empty."""
    reach = 1
    for size, step in zip(shape, stride, strict=True):
        if size == 0:
            return 0
        reach += (size - 1) * step
    return reach


def bytes_range(source: Source, location: StorageLocation) -> tuple[int, bool]:
    """Return (offset of the first byte in the file, stored as it is) of a storage.

    Raises
    ------
    CheckpointError
        The archive's local header contradicts its directory.
    """
    if not location.entry:
        return location.offset, True
    entry = ZipEntry(location.entry, STORED, 0, location.packed, location.nbytes, location.offset)
    start, method = locate(source, entry)
    if method not in (STORED, DEFLATED) or (method == STORED and location.packed != location.nbytes):
        raise TensorReadError(f"{quoted(location.entry)} in {source.name} is packed in a way that torch does not use.")
    return start, method == STORED


def read_storage(source: Source, location: StorageLocation, start: int, length: int) -> bytes:
    """Return ``length`` bytes of a storage from its byte ``start``.

    Raises
    ------
    CheckpointError
        The file is cut short or the record is damaged.
    """
    offset, stored = bytes_range(source, location)
    if stored:
        return source.read(offset + start, length)
    packed = source.read(offset, location.packed)
    content = inflate(packed, location.nbytes, location.entry, source.name, FREE_INFLATED_STORAGE_BYTES)
    if len(content) != location.nbytes:
        raise TensorReadError(f"{quoted(location.entry)} in {source.name} does not have its announced size.")
    return content[start : start + length]


def numpy_dtype(name: str) -> numpy.dtype[Any]:
    """Return the numpy dtype of torch's dtype ``name``; bfloat16 and the float8s come from ml_dtypes.

    Raises
    ------
    TensorReadError
        numpy has none (the packed quantized ones).
    """
    import numpy as np

    name = _NUMPY_NAMES.get(name, name)
    if name.startswith(("bfloat16", "float8", "complex32")):
        import ml_dtypes

        name = getattr(ml_dtypes, name, name)  # it has known complex32 since 0.5.4
    try:
        found: numpy.dtype[Any] = np.dtype(name)
        return found
    except TypeError:
        raise TensorReadError(f"Values of dtype {name} can't be shown: numpy has no such type.") from None


def read_tensor(source: Source, place: TensorPlace) -> numpy.ndarray[Any, Any]:
    """Read a tensor's bytes as a read-only numpy array of its shape. Nothing is allocated by its element count.

    Raises
    ------
    CheckpointError
        The tensor does not fit its storage, or the file is cut short.
    """
    import numpy as np

    dtype = numpy_dtype(place.dtype)
    reach = span(place.shape, place.stride)
    size = ITEM_SIZES[place.dtype]
    start, length = place.offset * size, reach * size
    if reach and (start < 0 or start + length > place.location.nbytes):
        raise TensorReadError("The tensor reaches beyond its storage.")
    raw = read_storage(source, place.location, start, length) if reach else b""
    flat = np.frombuffer(raw, dtype) if not place.big_endian else _swapped(raw, dtype)
    # A dimension of one element, or of an empty tensor, may have any stride, also one that no address space holds.
    steps = (step if count > 1 and reach else 0 for count, step in zip(place.shape, place.stride, strict=True))
    try:
        found = np.ndarray(place.shape, dtype, flat, 0, tuple(step * dtype.itemsize for step in steps))
    except ValueError:
        raise TensorReadError(f"numpy can't hold a tensor of {len(place.shape)} such dimensions.") from None
    found.flags.writeable = False
    return found


def _swapped(raw: bytes, dtype: numpy.dtype[Any]) -> numpy.ndarray[Any, Any]:
    """Return big-endian values in the machine's own order; ml_dtypes' types know no order of their own."""
    import numpy as np

    width = dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize
    return np.frombuffer(raw, np.uint8).reshape(-1, width)[:, ::-1].copy().reshape(-1).view(dtype)


def read_tensor_of_file(path: Path, identity: FileIdentity, place: TensorPlace) -> numpy.ndarray[Any, Any]:
    """Open ``path`` once more, make sure it is the inspected file, and read one tensor."""
    source = open_identified(path, identity)
    try:
        return read_tensor(source, place)
    finally:
        source.close()
