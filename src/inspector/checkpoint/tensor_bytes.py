"""A tensor's bytes, read from where the index says they lie: the only module here that needs numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from inspector.checkpoint.contents import StorageLocation
from inspector.checkpoint.dtypes import ITEM_SIZES, PACKED
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.limits import FREE_INFLATED_STORAGE_BYTES
from inspector.checkpoint.source import Files, Source
from inspector.checkpoint.text import quoted
from inspector.checkpoint.values import Quantization
from inspector.checkpoint.zip_index import DEFLATED, STORED, ZipEntry, inflate, locate

if TYPE_CHECKING:
    import numpy

#: torch's names of dtypes that numpy knows under another name.
_NUMPY_NAMES = {
    "qint8": "int8", "quint8": "uint8", "qint32": "int32", "float4_e2m1fn_x2": "uint8",
    "bits8": "uint8", "bits16": "uint16", "bits1x8": "uint8", "bits2x4": "uint8", "bits4x2": "uint8",
}  # fmt: skip


class PlacePart(NamedTuple):
    """A part of a tensor that is put together: see `inspector.checkpoint.values.TensorPart`."""

    role: str
    start: tuple[int, ...]
    place: TensorPlace


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
    layout
        As in `inspector.checkpoint.values.TensorValue`.
    parts
        What it is put together from; then ``location`` may be nowhere.
    quantization
        How stored integers stand for numbers, None where they are no such.
    """

    location: StorageLocation
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    layout: str = "strided"
    parts: tuple[PlacePart, ...] = ()
    quantization: Quantization | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the place as plain JSON values."""
        return {
            "storage": list(self.location),
            "dtype": self.dtype,
            "shape": list(self.shape),
            "stride": list(self.stride),
            "offset": self.offset,
            "layout": self.layout,
            "parts": [[part.role, list(part.start), part.place.to_json()] for part in self.parts],
            "quantization": list(self.quantization) if self.quantization is not None else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TensorPlace:
        """Read what `to_json` wrote."""
        offset, nbytes, packed, entry, file, skip, big_endian, is_text = data["storage"]
        quantization = data["quantization"]
        return cls(
            StorageLocation(
                int(offset), int(nbytes), int(packed), str(entry), int(file), int(skip), bool(big_endian), bool(is_text)
            ),
            str(data["dtype"]),
            tuple(map(int, data["shape"])),
            tuple(map(int, data["stride"])),
            int(data["offset"]),
            str(data["layout"]),
            tuple(
                PlacePart(str(role), tuple(map(int, start)), cls.from_json(place))
                for role, start, place in data["parts"]
            ),
            Quantization(*quantization) if quantization is not None else None,
        )


def numel_of(shape: Sequence[int]) -> int:
    """Return the number of elements of a shape."""
    numel = 1
    for size in shape:
        numel *= size
    return numel


def nbytes_of(shape: Sequence[int], dtype: str) -> int:
    """Return the bytes that elements of a dtype take, one after another; 0 where that is unknown."""
    return -(-numel_of(shape) // PACKED.get(dtype, 1)) * ITEM_SIZES.get(dtype, 0)


def span(shape: tuple[int, ...], stride: tuple[int, ...]) -> int:
    """Return the elements from a strided tensor's first to its last, 0 when it is empty."""
    reach = 1
    for size, step in zip(shape, stride, strict=True):
        if size == 0:
            return 0
        reach += (size - 1) * step
    return reach


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the stride of a tensor whose elements lie one after the other, the last dimension first."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def bytes_range(files: Files, location: StorageLocation) -> tuple[int, bool]:
    """Return (offset of the entry's first byte in the file, stored as it is) of a storage.

    Raises
    ------
    CheckpointError
        The archive's local header contradicts its directory.
    """
    if not location.entry:
        return location.offset, not location.is_text
    source, unpacked = files[location.file], location.nbytes + location.skip
    entry = ZipEntry(location.entry, STORED, 0, location.packed, unpacked, location.offset)
    start, method = locate(source, entry)
    if method not in (STORED, DEFLATED) or (method == STORED and location.packed != unpacked):
        raise TensorReadError(f"{quoted(location.entry)} in {source.name} is packed in a way that torch does not use.")
    return start, method == STORED


def read_storage(files: Files, location: StorageLocation, start: int, length: int) -> bytes:
    """Return ``length`` bytes of a storage from its byte ``start``.

    Raises
    ------
    CheckpointError
        The file is cut short or the record is damaged.
    """
    source = files[location.file]
    offset, stored = bytes_range(files, location)
    if stored:
        return source.read(offset + location.skip + start, length)
    if source.unpacked is not None and source.unpacked[0] == location:
        content = source.unpacked[1]
    else:
        source.unpacked = None
        content = _unpacked(source, offset, location)
        if length < location.nbytes:  # of a storage that is shared, the next tensor will ask
            source.unpacked = (location, content)
    first = start if location.is_text else location.skip + start
    return content[first : first + length]


def _unpacked(source: Source, offset: int, location: StorageLocation) -> bytes:
    packed, unpacked = source.read(offset, location.packed), location.nbytes + location.skip
    if location.is_text:
        return _from_text(packed, location.nbytes)
    content = inflate(packed, unpacked, location.entry, source.name, FREE_INFLATED_STORAGE_BYTES)
    if len(content) != unpacked:
        raise TensorReadError(f"{quoted(location.entry)} in {source.name} does not have its announced size.")
    return content


def _from_text(written: bytes, nbytes: int) -> bytes:
    """Return bytes that a pickle of protocol 2 holds as text: ``_codecs.encode(text, "latin1")``."""
    try:
        content = written.decode("utf-8").encode("latin-1")
    except UnicodeError:
        content = b""
    if len(content) != nbytes:
        raise TensorReadError("The array's bytes in the pickle are damaged.")
    return content


def numpy_dtype(name: str) -> numpy.dtype[Any]:
    """Return the numpy dtype of torch's dtype ``name``; bfloat16 and the float8s come from ml_dtypes.

    Raises
    ------
    TensorReadError
        numpy has none (the packed quantized ones).
    """
    import numpy as np

    name = _NUMPY_NAMES.get(name, name)
    if name.startswith(("bfloat16", "float8", "complex32", "bcomplex32")):
        import ml_dtypes

        name = getattr(ml_dtypes, name, name)  # it has known complex32 since 0.5.4
    try:
        found: numpy.dtype[Any] = np.dtype(name)
        return found
    except TypeError:
        raise TensorReadError(f"Values of dtype {name} can't be shown: numpy has no such type.") from None


def read_tensor(files: Files, place: TensorPlace) -> numpy.ndarray[Any, Any]:
    """Read a tensor's values as a read-only numpy array.

    Of its shape and dtype; of a quantized one the stored integers, of a sparse one the dense array, of a nested one
    the buffer that holds its tensors one after another, and of ``float4_e2m1fn_x2`` the bytes, two numbers in each.

    Raises
    ------
    CheckpointError
        The tensor does not fit its storage, the file is cut short, or a sparse one would be far larger than the file.
    """
    if place.layout in ("strided", "nested"):
        found = read_window(files, place)
    else:
        from inspector.checkpoint.unusual_bytes import READERS  # it builds on this module; few tensors need it

        reader = READERS.get(place.layout)
        if reader is None:
            raise TensorReadError(f"The tensor is {place.layout} and has no bytes of its own.")
        found = reader(files, place)
    found.flags.writeable = False
    return found


def read_window(files: Files, place: TensorPlace) -> numpy.ndarray[Any, Any]:
    """Read a window on a storage, whatever the tensor's layout. Nothing is allocated by its element count.

    Raises
    ------
    CheckpointError
        It does not fit the storage, or the file is cut short.
    """
    import numpy as np

    dtype = numpy_dtype(place.dtype)
    reach = span(place.shape, place.stride)
    size = ITEM_SIZES[place.dtype]
    start, length = place.offset * size, reach * size
    if reach and (start < 0 or start + length > place.location.nbytes):
        raise TensorReadError("The tensor reaches beyond its storage.")
    raw = _read_bytes(files, place.location, start, length) if reach else np.empty(0, np.uint8)
    flat = raw.view(dtype) if not place.location.big_endian else _swapped(raw, dtype)
    return view(flat, place.shape, place.stride)


def _read_bytes(files: Files, location: StorageLocation, start: int, length: int) -> numpy.ndarray[Any, Any]:
    """Return what `read_storage` does as a read-only array.

    numpy asks the system for large pages, so that filling its memory takes a third of the time of new ``bytes``.
    """
    import numpy as np

    offset, stored = bytes_range(files, location)
    if not stored:
        return np.frombuffer(read_storage(files, location, start, length), np.uint8)
    source, first = files[location.file], offset + location.skip + start
    source.require(first, length)  # before anything is allocated
    raw = np.empty(length, np.uint8)
    source.read_into(first, raw.data)
    raw.flags.writeable = False
    return raw


def view(flat: numpy.ndarray[Any, Any], shape: tuple[int, ...], stride: tuple[int, ...]) -> numpy.ndarray[Any, Any]:
    """Return the elements as an array of a shape, with strides in elements.

    Raises
    ------
    TensorReadError
        numpy can't hold so many dimensions.
    """
    import numpy as np

    # A dimension of one element, or of an empty tensor, may have any stride, also one that no address space holds.
    steps = (step if count > 1 and flat.size else 0 for count, step in zip(shape, stride, strict=True))
    try:
        return np.ndarray(shape, flat.dtype, flat, 0, tuple(step * flat.itemsize for step in steps))
    except ValueError:
        raise TensorReadError(f"numpy can't hold a tensor of {len(shape)} such dimensions.") from None


def _swapped(raw: numpy.ndarray[Any, Any], dtype: numpy.dtype[Any]) -> numpy.ndarray[Any, Any]:
    """Return big-endian values in the machine's own order; ml_dtypes' types know no order of their own."""
    width = dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize
    return raw.reshape(-1, width)[:, ::-1].copy().reshape(-1).view(dtype)
