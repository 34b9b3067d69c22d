"""What a container yields, the same for all: the inert root value, and where each storage's bytes lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class StorageLocation:
    """Where a storage's bytes lie in the file.

    Attributes
    ----------
    offset
        Of the first byte; for an entry of a zip archive, of its local header.
    nbytes
        Bytes of the storage, unpacked.
    packed
        Bytes it takes in the file; equal to ``nbytes`` where it is stored as it is.
    entry
        Name of the zip entry, empty for plain bytes.
    """

    offset: int
    nbytes: int
    packed: int
    entry: str = ""


@dataclass(slots=True)
class Contents:
    """What a container's reader found.

    ``complete`` is False when reading stopped at an error. ``globals_complete`` is False when that was in the walk of
    a pickle: then ``globals`` are "at least these", and the file can't be called safe.
    """

    container: Container
    root: Value
    storages: dict[str, StorageLocation]
    globals: list[str]
    index_bytes: int
    big_endian: bool = False
    mutates_a_global: bool = False
    complete: bool = True
    globals_complete: bool = True
    warnings: list[str] = field(default_factory=list)
    sources: list[EmbeddedSource] = field(default_factory=list)
    metadata: dict[str, Value] = field(default_factory=dict)
