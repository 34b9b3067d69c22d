"""A private copy of an inspected file, hashed while it is made: what a trusted file is run from.

Its folder is for the person alone (0700, the file 0600) and goes with the process that runs the copy. Where Inspector
itself was ended before it could clear up, the next start does: the folder's lock file tells whether anybody still
uses it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from inspector.checkpoint.source import InspectedFile
from inspector.checkpoint.text import clean_name
from inspector.errors import InspectorError

_PREFIX = "inspector-trusted-copy-"
_LOCK = "in-use"
_PIECE = 4 << 20


class PrivateCopyError(InspectorError):
    """A private copy of a file can't be made."""


@dataclass(frozen=True, slots=True)
class PrivateCopy:
    """A copy that nobody else can read or change.

    Attributes
    ----------
    path, sha256
        The copy, and the hash of the bytes that were written to it, in hexadecimal.
    """

    path: Path
    sha256: str
    _lock: BinaryIO

    def remove(self) -> None:
        """Delete the copy and its folder."""
        self._lock.close()
        shutil.rmtree(self.path.parent, ignore_errors=True)


def copy_privately(file: InspectedFile, told: Callable[[float], bool]) -> PrivateCopy:
    """Copy a file that was inspected, if it still is the inspected one.

    Parameters
    ----------
    told
        Called with the share that is copied, 0 to 1; the copy is given up where it returns False.

    Raises
    ------
    FileChangedError
        The file was overwritten or replaced since it was inspected, or while it was copied.
    PrivateCopyError
        There is no room for it, or it was given up.
    CheckpointError
        It can't be read any more.
    """
    name = clean_name(file.path.name)
    folder: Path | None = None
    lock: BinaryIO | None = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # 0700
        lock = _locked(folder)
        path = folder / "copy"
        return PrivateCopy(path, _copy(file, path, name, told), lock)
    except BaseException as error:  # whatever it is, no copy of a person's file stays behind
        if lock is not None:
            lock.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        raise PrivateCopyError(
            f"A private copy of {name} can't be made: {error.strerror or error}.",
            f"It needs {file.identity.size / 1e6:,.0f} MB in the folder of temporary files.",
        ) from None


def _copy(file: InspectedFile, path: Path, name: str, told: Callable[[float], bool]) -> str:
    digest, size = hashlib.sha256(), file.identity.size
    source = file.open()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as out:
            for start in range(0, size, _PIECE):
                piece = source.read(start, min(_PIECE, size - start))
                digest.update(piece)
                out.write(piece)
                if not told(min(1.0, (start + _PIECE) / size)):
                    raise PrivateCopyError(f"{name} is not copied any more.")
        source.check_unchanged()
    finally:
        source.close()
    return digest.hexdigest()


# -- what a crash left behind ------------------------------------------------------------------------------------


def remove_abandoned(root: Path | None = None) -> None:
    """Delete the copies whose owner is gone.

    Parameters
    ----------
    root
        Where to look; the folder of temporary files where None.
    """
    for folder in (root or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*"):
        if _is_ours(folder) and not _is_in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return not hasattr(os, "getuid") or status.st_uid == os.getuid()


def _locked(folder: Path) -> BinaryIO:
    """Open the folder's lock file and hold it: for as long as this process lives, and no longer."""
    lock = (folder / _LOCK).open("wb")
    try:
        import fcntl
    except ImportError:  # Windows deletes no file that is open, which tells as much
        return lock
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def _is_in_use(folder: Path) -> bool:
    try:
        import fcntl
    except ImportError:
        try:
            (folder / _LOCK).unlink(missing_ok=True)
        except OSError:
            return True
        return False
    try:
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:  # it was ended between two lines of ours
        return False
    except OSError:
        return True
    return False
