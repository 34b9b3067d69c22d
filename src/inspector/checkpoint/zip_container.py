"""torch's zip container (torch >= 1.6): ``<root>/data.pkl`` and one record ``<root>/data/<key>`` per storage."""

from __future__ import annotations

from inspector.checkpoint.arrays import place_arrays
from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.errors import (
    AmbiguousArchiveError,
    BrokenCheckpointError,
    NotACheckpointError,
)
from inspector.checkpoint.machine import Machine
from inspector.checkpoint.numpy_container import is_npz, read_npz
from inspector.checkpoint.persistent import PersistentIds
from inspector.checkpoint.source import Source
from inspector.checkpoint.walking import walk
from inspector.checkpoint.zip_index import DEFLATED, STORED, ZipEntry, locate, read_entry, read_zip_index


def read_zip(source: Source) -> Contents:
    """Read the archive's directory and walk its pickle. No storage is touched.

    Raises
    ------
    CheckpointError
        It is another kind of archive, damaged, or could be read in two ways.
    """
    entries = {entry.name: entry for entry in read_zip_index(source)}
    if is_npz(entries):
        return read_npz(source, entries)
    root = _root_folder(source, entries)
    pickle_entry = entries[f"{root}/data.pkl"]
    data = read_entry(source, pickle_entry)
    ids = PersistentIds()
    machine = Machine(data, 0, ids.load)
    contents = Contents("zip", None, {}, [], pickle_entry.size)
    contents.root = walk(contents, machine, source.name)
    if machine.position < len(data) and contents.complete:
        contents.warnings.append(f"{len(data) - machine.position:,} bytes follow the end of its pickle.")
    contents.storages = _storages(entries, f"{root}/data/", _is_big_endian(source, entries, root))
    if machine.arrays:
        start, method = locate(source, pickle_entry)
        place_arrays(contents, machine.arrays, data, start if method == STORED else None)
    return contents


def _root_folder(source: Source, entries: dict[str, ZipEntry]) -> str:
    """Return the one folder that everything lies in, as torch's own reader demands."""
    name = source.name
    roots = {entry.partition("/")[0] for entry in entries if "/" in entry}
    pickles = [entry for entry in entries if entry.rpartition("/")[2].casefold() == "data.pkl"]
    root = next(iter(roots), "")
    if len(roots) == 1 and f"{root}/constants.pkl" in entries:
        raise NotACheckpointError(
            f"{name} is a TorchScript program, which Inspector can't read yet.",
            "Open its state_dict instead.",
        )
    if len(roots) == 1 and f"{root}/archive_format" in entries:
        raise NotACheckpointError(
            f"{name} is an exported program, which Inspector can't read yet.", "Open its state_dict instead."
        )
    if not pickles:
        raise NotACheckpointError(
            f"{name} is a zip archive without a PyTorch checkpoint in it.", "Unpack it and look inside."
        )
    if len(roots) != 1 or pickles != [f"{root}/data.pkl"] or any("/" not in entry for entry in entries):
        raise AmbiguousArchiveError(
            f"{name} is refused: it is not laid out as torch writes it (one folder with one data.pkl), so two "
            "programs could read different things out of it.",
            "Ask for a fresh copy, saved by torch.",
        )
    return root


def _is_big_endian(source: Source, entries: dict[str, ZipEntry], root: str) -> bool:
    """Tell the byte order of the storages, written down since torch 2.0, as exactly one of two words."""
    entry = entries.get(f"{root}/byteorder")
    if entry is None:
        return False
    order = read_entry(source, entry) if entry.size <= len(b"little") else b""
    if order not in (b"little", b"big"):
        raise BrokenCheckpointError(
            f"{source.name} is damaged: its byte order is neither little nor big, so its numbers can't be read.",
            "Download or copy it again.",
        )
    return order == b"big"


def _storages(entries: dict[str, ZipEntry], prefix: str, big_endian: bool) -> dict[str, StorageLocation]:
    return {
        name[len(prefix) :]: StorageLocation(
            entry.header_offset, entry.size, entry.compressed, name, big_endian=big_endian
        )
        for name, entry in entries.items()
        if name.startswith(prefix) and entry.method in (STORED, DEFLATED)
    }
