"""numpy's ``.npy`` and ``.npz``: arrays as tensors, and the pickles of object arrays walked, never loaded."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping

from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.dtypes import UNKNOWN
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError, LimitError
from inspector.checkpoint.insides import NUMPY_ARCHIVE
from inspector.checkpoint.limits import MAX_INDEX_BYTES
from inspector.checkpoint.machine import Machine
from inspector.checkpoint.numpy_header import MAX_HEADER_BYTES, NpyHeader, parse_npy_header
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import quoted
from inspector.checkpoint.values import ArrayValue, PickledDict, StorageReference, TensorValue, UnreadableArray, Value
from inspector.checkpoint.walking import place, walk
from inspector.checkpoint.zip_index import DEFLATED, STORED, ZipEntry, locate, read_entry

_SUFFIX = ".npy"


def is_npz(names: Mapping[str, object]) -> bool:
    """Tell whether an archive with these entries is numpy's: it holds arrays and nothing else."""
    return bool(names) and all(name.endswith(_SUFFIX) for name in names)


def read_npy(source: Source) -> Contents:
    """Read an array's header. Its elements are not touched; a pickle of objects is walked.

    Raises
    ------
    BrokenCheckpointError
        Its header makes no sense.
    LimitError
        Its objects' pickle is too large.
    """
    try:
        header = parse_npy_header(source.read(0, min(source.size, MAX_HEADER_BYTES)))
    except BrokenCheckpointError as error:
        raise BrokenCheckpointError(f"{source.name} is damaged. {error.message}") from None
    contents = Contents("numpy", None, {}, [], header.length)
    end = header.length
    if header.holds_objects:
        if source.size > MAX_INDEX_BYTES:
            raise LimitError(f"The pickle in {source.name} is too large to be walked.")
        machine = _machine(source.read(end, source.size - end), _SUFFIX)
        contents.root = walk(contents, machine, source.name)
        place(contents, machine, end)
        contents.index_bytes += machine.position
        end += machine.position
    else:
        contents.root = _tensor(header, _SUFFIX)
        nbytes = _nbytes(header)
        end += nbytes
        contents.storages[_SUFFIX] = StorageLocation(header.length, nbytes, nbytes, big_endian=header.big_endian)
    if end > source.size:
        contents.complete = False
        contents.warnings.append(f"The file is cut short: {end - source.size:,} bytes are missing.")
    elif end < source.size and contents.complete:
        contents.warnings.append(f"{source.size - end:,} bytes follow its end.")
    return contents


def read_npz(source: Source, entries: Mapping[str, ZipEntry]) -> Contents:
    """Read the header of each array in an archive. An array that can't be read is shown with the reason.

    Raises
    ------
    CheckpointError
        None of its arrays can be read.
    """
    root = PickledDict(NUMPY_ARCHIVE)
    contents = Contents("numpy", root, {}, [], 0)
    failures: list[CheckpointError] = []
    for name, entry in entries.items():
        key = name.removesuffix(_SUFFIX)
        try:
            array = _read_array(source, contents, entry)
        except CheckpointError as error:
            failures.append(error)
            contents.complete = contents.globals_complete = False  # it may have held objects
            contents.warnings.append(f"{quoted(key)} in it can't be read. {error.message}")
        else:
            root.flat += (key, array)
    if failures and len(failures) == len(entries):
        raise failures[0]
    return contents


def _read_array(source: Source, contents: Contents, entry: ZipEntry) -> Value:
    head = _head(source, entry)
    header = parse_npy_header(head)
    contents.index_bytes += header.length + len(entry.name)
    if header.holds_objects:
        data = read_entry(source, entry)
        contents.index_bytes += len(data)
        machine = _machine(data[header.length :], entry.name)
        found = walk(contents, machine, source.name)
        start, method = locate(source, entry)
        place(contents, machine, start + header.length if method == STORED else None)
        return found
    nbytes = entry.size - header.length
    if _nbytes(header) > nbytes:
        raise BrokenCheckpointError(f"{_nbytes(header) - nbytes:,} bytes of it are missing.")
    contents.storages[entry.name] = StorageLocation(
        *(entry.header_offset, nbytes, entry.compressed, entry.name), skip=header.length, big_endian=header.big_endian
    )
    return _tensor(header, entry.name)


def _head(source: Source, entry: ZipEntry) -> bytes:
    """Return the first bytes of an entry, unpacked no further than the longest header."""
    start, method = locate(source, entry)
    packed = source.read(start, min(entry.compressed, MAX_HEADER_BYTES))
    if method != entry.method or method not in (STORED, DEFLATED):
        raise BrokenCheckpointError("It is packed by a method that NumPy does not use.")
    if method == STORED:
        return packed
    try:
        return zlib.decompressobj(-15).decompress(packed, MAX_HEADER_BYTES)
    except zlib.error:
        raise BrokenCheckpointError("It can't be unpacked.") from None


def _machine(data: bytes, name: str) -> Machine:
    return Machine(data, 0, _no_persistent_ids, name)


def _no_persistent_ids(_: Value) -> Value:
    raise BrokenCheckpointError("The pickle in it refers to something outside of it.")


def _tensor(header: NpyHeader, key: str) -> TensorValue:
    storage = StorageReference(key, header.dtype or UNKNOWN, math.prod(header.shape), "cpu")
    if header.dtype:
        return ArrayValue(storage, 0, header.shape, header.stride, header.dtype)
    why = f"its elements are {header.what}"
    return UnreadableArray(storage, 0, header.shape, header.stride, UNKNOWN, problem=why)


def _nbytes(header: NpyHeader) -> int:
    """Return the bytes of the elements."""
    return header.item_size * math.prod(header.shape)
