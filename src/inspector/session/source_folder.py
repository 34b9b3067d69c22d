"""A folder of source code as one hash: a choice that was remembered holds for just that code."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from inspector.errors import InspectorError

#: Left out: Python's compiled files, which are not read there, and git's history, which changes with every look.
_LEFT_OUT = frozenset(("__pycache__", ".git"))
_MAX_FILES = 20_000
_MAX_BYTES = 256 << 20
_PIECE = 1 << 20


class SourceFolderError(InspectorError):
    """A folder of source code can't be used, or not be remembered."""


def hash_of_folder(folder: Path) -> str:
    """Return the SHA-256 of every file's relative path and contents in a folder, in hexadecimal.

    Raises
    ------
    SourceFolderError
        It is not there, can't be read, is far larger than code is, or leads elsewhere by a link.
    """
    digest, left = hashlib.sha256(), _MAX_BYTES
    try:
        for path in _files(folder):
            status = path.stat()
            left -= status.st_size
            if left < 0:
                raise _too_large(folder)
            name = os.fsencode(path.relative_to(folder).as_posix())
            digest.update(f"{len(name)} {status.st_size}\n".encode())
            digest.update(name)
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
    except OSError as error:
        raise SourceFolderError(f"The folder {folder} can't be read: {error.strerror or error}.") from None
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    count = 0
    for place, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        linked = [name for name in folders if os.path.islink(os.path.join(place, name))]
        if linked:
            raise SourceFolderError(
                f"The folder {folder} leads elsewhere by the link {linked[0]}, so it can't be remembered.",
                "Choose a folder without such a link, or don't have it remembered.",
            )
        count += len(files)
        if count > _MAX_FILES:
            raise _too_large(folder)
        for name in sorted(files):
            path = Path(place, name)
            if path.is_file():
                yield path


def _too_large(folder: Path) -> SourceFolderError:
    return SourceFolderError(
        f"The folder {folder} holds far more than code, so it can't be remembered.",
        "Choose the folder of just the code, or don't have it remembered.",
    )
