"""A zip archive as torch lays it out, one folder with its records in it, and the pickles among them."""

from __future__ import annotations

import re

from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.errors import AmbiguousArchiveError, BrokenCheckpointError, NotACheckpointError
from inspector.checkpoint.machine import Machine
from inspector.checkpoint.nesting import Nesting
from inspector.checkpoint.persistent import PersistentIds
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import quoted
from inspector.checkpoint.values import Value
from inspector.checkpoint.walking import place, walk
from inspector.checkpoint.zip_index import DEFLATED, STORED, ZipEntry, locate, read_entry

#: Format versions that torch 2.15 reads (``caffe2/serialize/versions.h``), and how it reads one: as C's ``strtoull``.
_OLDEST_VERSION, _NEWEST_VERSION = 1, 10
_LONGEST_VERSION = 1_000
_VERSION = re.compile(rb"\s*([+-]?\d+)")


class ZipArchive:
    """The records of an archive by their names within its folder.

    Parameters
    ----------
    source
        The file.
    entries
        The archive's entries by their full names.
    root
        The folder that everything lies in; empty where the records lie at the top.
    offset
        Where in the checkpoint's file ``source`` begins, which is not 0 for an archive in another.
    """

    def __init__(self, source: Source, entries: dict[str, ZipEntry], root: str, offset: int = 0) -> None:
        self.source = source
        self._offset = offset
        self._prefix = f"{root}/" if root else ""
        self.records: dict[str, ZipEntry] = {name[len(self._prefix) :]: entry for name, entry in entries.items()}

    def __contains__(self, record: str) -> bool:
        return record in self.records

    def read(self, record: str) -> bytes:
        """Return a record's content, checked against its CRC.

        Raises
        ------
        BrokenCheckpointError
            There is no such record, or it is damaged.
        """
        entry = self.records.get(record)
        if entry is None:
            raise BrokenCheckpointError(f"{self.source.name} is damaged: its {quoted(record)} is missing.")
        return read_entry(self.source, entry)

    def is_big_endian(self) -> bool:
        """Tell the byte order of the storages, written down since torch 2.0, as exactly one of two words.

        Raises
        ------
        BrokenCheckpointError
            It is another word.
        """
        entry = self.records.get("byteorder")
        if entry is None:
            return False
        order = read_entry(self.source, entry) if entry.size <= len(b"little") else b""
        if order not in (b"little", b"big"):
            raise BrokenCheckpointError(
                f"{self.source.name} is damaged: its byte order is neither little nor big, so its numbers can't be "
                "read.",
                "Download or copy it again.",
            )
        return order == b"big"

    def version_warning(self) -> str:
        """Return why torch would refuse the archive for its format version, or "".

        The rule is that of ``caffe2/serialize/inline_container.cc``: one of two records holds a number, such as 3.
        """
        entry = self.records.get(".data/version") or self.records.get("version")
        if entry is None:
            return "It lacks the format version, so torch refuses it. Inspector reads it all the same."
        text = read_entry(self.source, entry) if entry.size <= _LONGEST_VERSION else b""
        found = _VERSION.match(text)
        if found is not None and _OLDEST_VERSION <= int(found[1]) <= _NEWEST_VERSION:
            return ""
        told = f"{int(found[1])}" if found is not None else "that is no number"
        known = f"torch knows {_OLDEST_VERSION} to {_NEWEST_VERSION}"
        return f"It has a format version {told}, and {known}, so torch refuses it. Inspector reads it all the same."

    def storages(self, folder: str, key_prefix: str = "") -> dict[str, StorageLocation]:
        """Return where the records below ``folder`` lie, each by its name there behind ``key_prefix``."""
        big_endian = self.is_big_endian()
        return {
            key_prefix + name[len(folder) :]: StorageLocation(
                entry.header_offset, entry.size, entry.compressed, entry.name, big_endian=big_endian
            )
            for name, entry in self.records.items()
            if name.startswith(folder) and entry.method in (STORED, DEFLATED)
        }

    def walk_pickle(
        self, contents: Contents, record: str, key_prefix: str = "", nesting: Nesting | None = None
    ) -> Value:
        """Walk the pickle that is a record; the keys of the storages it names get ``key_prefix``.

        ``nesting`` is what the files inside of it may cost, where the archive itself is one inside a pickle.

        Raises
        ------
        BrokenCheckpointError
            Nothing of it could be read.
        """
        data = self.read(record)
        ids = PersistentIds()
        machine = Machine(data, 0, ids.load, f"{key_prefix}{record}", nesting)
        value = walk(contents, machine, self.source.name)
        if machine.position < len(data) and contents.complete:
            contents.warnings.append(f"{len(data) - machine.position:,} bytes follow the end of its pickle.")
        if machine.arrays or machine.nested:
            start, method = locate(self.source, self.records[record])
            place(contents, machine, self._offset + start if method == STORED else None)
        if key_prefix:
            for reference in ids.storages.values():
                reference.key = key_prefix + reference.key
        return value


def root_folder(source: Source, entries: dict[str, ZipEntry]) -> str:
    """Return the one folder that everything lies in, as torch's own reader demands.

    Raises
    ------
    CheckpointError
        It is no archive that torch.save or torch.jit.save wrote.
    """
    roots = {entry.partition("/")[0] for entry in entries if "/" in entry}
    pickles = [entry for entry in entries if entry.rpartition("/")[2].casefold() == "data.pkl"]
    root = next(iter(roots), "")
    if not pickles:
        raise NotACheckpointError(
            f"{source.name} is a zip archive without a PyTorch checkpoint in it.", "Unpack it and look inside."
        )
    if len(roots) != 1 or pickles != [f"{root}/data.pkl"] or any("/" not in entry for entry in entries):
        raise not_as_torch(source, "one folder with one data.pkl")
    return root


def not_as_torch(source: Source, layout: str) -> AmbiguousArchiveError:
    """Return the error for an archive that two programs could read differently."""
    return AmbiguousArchiveError(
        f"{source.name} is refused: it is not laid out as torch writes it ({layout}), so two "
        "programs could read different things out of it.",
        "Ask for a fresh copy, saved by torch.",
    )
