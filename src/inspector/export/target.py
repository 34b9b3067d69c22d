"""Putting a file in place whole or not at all, over nothing that the person did not offer.

On Linux the unfinished file has no name, so not even a killed process leaves one behind. Elsewhere it is a hidden
file beside the target, which whoever asked for it removes when the writing process dies; see `part_path`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from inspector.checkpoint.source import FileIdentity
from inspector.checkpoint.text import clean_name
from inspector.export.errors import TargetError, TargetExistsError

#: What a copy's name may end in.
SUFFIXES = (".safetensors", ".pth", ".pt")

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CHOOSE = "Choose another place."


def part_path(out: Path, token: str) -> Path:
    """Return where the unfinished file lies where it needs a name."""
    return out.parent / f".inspector-{token}.part"


class Target:
    """A file that is being written: a context manager, within which `commit` puts it in place.

    Parameters
    ----------
    out
        Absolute path of the file.
    token
        A name of this attempt, unlike any other's.
    force
        Replace a file that is there. What a link points to is replaced, not the link.
    own
        Files that must never be written over: the checkpoint's own.

    Attributes
    ----------
    file
        Open for writing.

    Raises
    ------
    TargetError
        It can't be written there.
    """

    def __init__(self, out: Path, token: str, *, force: bool, own: Sequence[FileIdentity]) -> None:
        self._name = clean_name(out.name)
        self._force = force
        self._check(out, own)
        self._out = Path(os.path.realpath(out)) if force else out
        self._part = part_path(self._out, token)
        self._is_named = False
        self._committed = False
        with self._told():
            self.file: BinaryIO = self._open()

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # what is still to be flushed no longer matters
            self.file.close()
        if self._is_named and not self._committed:
            with contextlib.suppress(OSError):
                self._part.unlink()
        if isinstance(error, OSError):
            raise self._error(error) from None

    def reserve(self, nbytes: int) -> None:
        """Make sure that so many bytes fit on the disk.

        Raises
        ------
        TargetError
            They don't.
        """
        with self._told():
            if hasattr(os, "fstatvfs"):
                room = os.fstatvfs(self.file.fileno())
                if nbytes > room.f_bavail * room.f_frsize:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def commit(self) -> None:
        """Put the file in place, safe on the disk.

        Raises
        ------
        TargetExistsError
            A file appeared there meanwhile. It is left as it is.
        TargetError
            The disk is full, or the system refuses.
        """
        with self._told():
            self.file.flush()
            os.fsync(self.file.fileno())
            if self._force:
                self._replace()
            else:
                self._place()
            self._committed = True
            _sync_folder(self._out.parent)

    def _check(self, out: Path, own: Sequence[FileIdentity]) -> None:
        if not os.path.lexists(out):
            return
        try:
            status = out.stat()
        except OSError:
            status = None
        if status is not None and (status.st_dev, status.st_ino) in {(file.device, file.inode) for file in own}:
            raise TargetError(f"{self._name} is the checkpoint itself, which is never written over.", _CHOOSE)
        if not self._force:
            raise TargetExistsError(f"{self._name} is there already.", "Choose another name, or allow replacing it.")
        if status is not None and not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "no ordinary file"
            raise TargetError(f"{self._name} is {what}.", "Choose another name.")

    def _open(self) -> BinaryIO:
        flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        if hasattr(os, "O_TMPFILE"):
            with contextlib.suppress(OSError):  # not every file system has files without a name
                descriptor = os.open(self._out.parent, flags | os.O_TMPFILE, 0o666)
                if os.path.exists(_nameless(descriptor)):
                    return os.fdopen(descriptor, "wb")
                os.close(descriptor)
        descriptor = os.open(self._part, flags | os.O_CREAT | os.O_EXCL, 0o666)
        self._is_named = True
        return os.fdopen(descriptor, "wb")

    def _replace(self) -> None:
        if not self._is_named:
            _link(self.file.fileno(), self._part)
            self._is_named = True
        else:
            self.file.close()  # Windows moves no open file
        os.replace(self._part, self._out)

    def _place(self) -> None:
        """Give the file its name, unless that is taken by now."""
        if not self._is_named:
            _link(self.file.fileno(), self._out)
        elif os.name == "nt":
            self.file.close()
            os.rename(self._part, self._out)  # refuses to replace there
        else:
            try:
                os.link(self._part, self._out)
            except FileExistsError:
                raise
            except OSError:  # a file system without links: take the name first
                os.close(os.open(self._out, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
                os.replace(self._part, self._out)
            else:
                self._part.unlink()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(error) from None

    def _error(self, error: OSError) -> TargetError:
        if isinstance(error, FileExistsError):
            return TargetExistsError(f"{self._name} appeared meanwhile, and was left as it is.", "Choose another name.")
        if error.errno in _FULL:
            return TargetError(
                f"There is not enough room for {self._name} on its disk.", "Free some, or " + _CHOOSE.lower()
            )
        if isinstance(error, FileNotFoundError):
            return TargetError(f"There is no folder {clean_name(str(self._out.parent))}.", "Make it first.")
        return TargetError(f"{self._name} can't be written: {error.strerror or error}.", _CHOOSE)


def _nameless(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _link(descriptor: int, path: Path) -> None:
    """Give a file without a name one that is not taken; given a folder, Python follows the link as it must here."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.link(_nameless(descriptor), path.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def _sync_folder(folder: Path) -> None:
    """Make the name itself last; a system that can't sync folders does so by itself."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
