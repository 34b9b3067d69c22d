"""What torch.save wrote into a record of another archive, as exported programs hold their inputs and odd tensors."""

from __future__ import annotations

from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError
from inspector.checkpoint.machine import Machine
from inspector.checkpoint.persistent import PersistentIds
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import quoted
from inspector.checkpoint.values import Value
from inspector.checkpoint.walking import walk
from inspector.checkpoint.zip_archive import ZipArchive, root_folder
from inspector.checkpoint.zip_index import STORED, locate, read_entry, read_zip_index


class _Window(Source):
    """The bytes of a stored record, as a file of its own that lies within the archive's."""

    def __init__(self, whole: Source, offset: int, size: int) -> None:
        self.path = whole.path
        self.name = whole.name
        self.identity = whole.identity
        self.offset = offset
        self._whole = whole
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self._size:
            raise BrokenCheckpointError(f"{self.name} is damaged: an archive inside it is cut short.")
        return self._whole.read(self.offset + offset, length)

    def close(self) -> None:
        """Leave the file to the archive that it belongs to."""


def read_nested(archive: ZipArchive, contents: Contents, record: str) -> Value:
    """Walk the pickle in the record, with or without an archive around it; None where it can't be read.

    The storages in it are added to those in ``contents``, their keys behind the record's name. Where it is damaged
    the rest is shown all the same, and a warning says so.
    """
    try:
        return _read(archive, contents, record)
    except CheckpointError as error:
        contents.complete = contents.globals_complete = False
        contents.warnings.append(f"Its {quoted(record)} can't be read. {error.message}")
        return None


def _read(archive: ZipArchive, contents: Contents, record: str) -> Value:
    entry = archive.records[record]
    if entry.method != STORED:
        return _walk(contents, read_entry(archive.source, entry), archive.source.name)
    start, _ = locate(archive.source, entry)
    window = _Window(archive.source, start, entry.size)
    if window.read(0, min(4, window.size)) != b"PK\x03\x04":
        return _walk(contents, read_entry(archive.source, entry), archive.source.name)
    entries = {found.name: found for found in read_zip_index(window)}
    inner = ZipArchive(window, entries, root_folder(window, entries), window.offset)
    prefix = f"{record}/"
    contents.index_bytes += inner.records["data.pkl"].size
    value = inner.walk_pickle(contents, "data.pkl", prefix)
    contents.storages |= _storages(inner, window, prefix)
    return value


def _walk(contents: Contents, data: bytes, file_name: str) -> Value:
    """Walk a bare pickle; a storage in it has no bytes here."""
    contents.index_bytes += len(data)
    return walk(contents, Machine(data, 0, PersistentIds().load), file_name)


def _storages(inner: ZipArchive, window: _Window, prefix: str) -> dict[str, StorageLocation]:
    """Return where the inner archive's storages lie in the outer file; torch stores them, never packs them."""
    big_endian = inner.is_big_endian()
    found: dict[str, StorageLocation] = {}
    for name, entry in inner.records.items():
        if name.startswith("data/") and entry.method == STORED:
            offset = window.offset + locate(window, entry)[0]
            found[prefix + name[len("data/") :]] = StorageLocation(
                offset, entry.size, entry.size, big_endian=big_endian
            )
    return found
