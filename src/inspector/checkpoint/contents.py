"""What a container yields, the same for all: the inert root value, and where each storage's bytes lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from inspector.checkpoint.source import Source
from inspector.checkpoint.values import EmbeddedSource, Value

Container = Literal[
    "zip",
    "legacy",
    "tar",
    "safetensors",
    "torchscript",
    "exported_program",
    "sharded",
    "distributed",
    "pickle",
    "numpy",
]


class StorageLocation(NamedTuple):
    """Where a storage's bytes lie. A tuple, for there are hundreds of thousands of them in large files.

    Attributes
    ----------
    offset
        Of the first byte; for an entry of a zip archive, of its local header.
    nbytes
        Bytes of the storage, unpacked.
    packed
        Bytes it takes in the file, with ``skip``; equal to ``nbytes + skip`` where it is stored as it is.
    entry
        Name of the zip entry, empty for plain bytes.
    file
        Which of the checkpoint's files: 0 is the one that was opened, the others are its ``companions``.
    skip
        Bytes of the unpacked entry before the storage's first, such as an array's header.
    big_endian
        Byte order of its elements.
    is_text
        It is written as text in UTF-8, a character for each byte, as pickles of protocol 2 hold bytes.
    """

    offset: int
    nbytes: int
    packed: int
    entry: str = ""
    file: int = 0
    skip: int = 0
    big_endian: bool = False
    is_text: bool = False


#: For a tensor without bytes of its own: it is put together from its parts.
NOWHERE = StorageLocation(0, 0, 0)


@dataclass(slots=True)
class Contents:
    """What a container's reader found.

    ``complete`` is False when reading stopped at an error. ``globals_complete`` is False when that was in the walk of
    a pickle: then ``globals`` are "at least these", and the file can't be called safe. ``companions`` are the other
    files that belong to the checkpoint, open: `StorageLocation.file` counts them from 1. ``whole`` is the file beside
    it that leads the checkpoint of which it is just a part. ``native_code`` names the files in it of machine code.
    ``unplaced`` says of storages whose bytes can't be read where they lie why that is, as a part of a sentence.
    """

    container: Container
    root: Value
    storages: dict[str, StorageLocation]
    globals: list[str]
    index_bytes: int
    mutates_a_global: bool = False
    misuses: list[str] = field(default_factory=list)
    complete: bool = True
    globals_complete: bool = True
    warnings: list[str] = field(default_factory=list)
    sources: list[EmbeddedSource] = field(default_factory=list)
    metadata: dict[str, Value] = field(default_factory=dict)
    companions: list[Source] = field(default_factory=list)
    whole: str | None = None
    native_code: list[str] = field(default_factory=list)
    unplaced: dict[str, str] = field(default_factory=dict)
