"""torch's zip archives: which of its kinds one is, and the plain container (torch >= 1.6).

The plain one holds ``<root>/data.pkl`` and one record ``<root>/data/<key>`` per storage.
"""

from __future__ import annotations

from inspector.checkpoint.contents import Contents
from inspector.checkpoint.exported_container import exported_root, read_exported_program
from inspector.checkpoint.nesting import Nesting
from inspector.checkpoint.numpy_container import is_npz, read_npz
from inspector.checkpoint.source import Source
from inspector.checkpoint.torchscript_container import read_torchscript
from inspector.checkpoint.zip_archive import ZipArchive, root_folder
from inspector.checkpoint.zip_index import read_zip_index


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
    program = exported_root(source, entries)
    if program is not None:
        return read_exported_program(ZipArchive(source, entries, program))
    archive = ZipArchive(source, entries, root_folder(source, entries))
    contents = read_torchscript(archive) if "constants.pkl" in archive else read_plain_zip(archive)  # as torch.load
    contents.warnings += filter(None, [archive.version_warning()])
    return contents


def read_plain_zip(archive: ZipArchive, key_prefix: str = "", nesting: Nesting | None = None) -> Contents:
    """Read an archive that torch.save wrote; see `ZipArchive.walk_pickle` for the parameters."""
    contents = Contents("zip", None, {}, [], archive.records["data.pkl"].size)
    contents.root = archive.walk_pickle(contents, "data.pkl", key_prefix, nesting)
    contents.storages = archive.storages("data/", key_prefix) | contents.storages
    return contents
