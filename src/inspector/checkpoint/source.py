"""The open file of a checkpoint: bounded reads, and proof that it is still the file that was inspected."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from inspector.checkpoint.errors import (
    BrokenCheckpointError,
    CheckpointError,
    FileChangedError,
    NotACheckpointError,
)
from inspector.checkpoint.text import clean_name

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What tells one state of a file from another: device, inode, size in bytes, modification time in ns."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, file: int | Path) -> FileIdentity:
        """Take the identity of a file, by its descriptor or its path."""
        status = os.stat(file)
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Source:
    """A checkpoint file, open for reading.

    Attributes
    ----------
    path
        Absolute path of the file.
    name
        The file's name, fit for a sentence.
    identity
        The file's identity when it was opened.
    unpacked
        What was inflated last, with its place, where it is shared by many tensors; None as soon as the file rests.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = clean_name(path.name)
        self._closed = False
        self.unpacked: tuple[object, bytes] | None = None
        file = _open(path)
        self._file: BinaryIO | None = file
        self.identity = FileIdentity.of(file.fileno())

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return self.identity.size

    def read(self, offset: int, length: int) -> bytes:
        """Read exactly ``length`` bytes from ``offset``.

        Raises
        ------
        BrokenCheckpointError
            The file ends before.
        FileChangedError
            It ends before only now.
        CheckpointError
            The disk or the network fails.
        """
        self.require(offset, length)
        file = self._awake()
        try:
            file.seek(offset)
            data = file.read(length)
            while len(data) < length and (more := file.read(length - len(data))):
                data += more  # one call reads 2 GiB at the most on Linux
        except OSError as error:
            raise self._unreadable(error) from None
        if len(data) != length:
            raise self._shorter()
        return data

    def read_into(self, offset: int, room: memoryview) -> None:
        """Fill ``room``, of bytes, from ``offset``. Raises as `read` does."""
        self.require(offset, len(room))
        file: Any = self._awake()
        filled = 0
        try:
            file.seek(offset)
            while filled < len(room) and (count := file.readinto(room[filled:])):
                filled += count
        except OSError as error:
            raise self._unreadable(error) from None
        if filled != len(room):
            raise self._shorter()

    def require(self, offset: int, length: int) -> None:
        """Raise BrokenCheckpointError where the file ends before ``offset + length``."""
        if offset < 0 or length < 0 or offset + length > self.size:
            missing = offset + length - self.size
            raise BrokenCheckpointError(
                f"{self.name} is cut short: {missing:,} bytes are missing.", "Download or copy it again."
            )

    def _unreadable(self, error: OSError) -> CheckpointError:
        return CheckpointError(f"{self.name} can't be read: {error.strerror}.")

    def _shorter(self) -> FileChangedError:
        return FileChangedError(f"{self.name} became shorter while it was read.", "Open it again.")

    def check_unchanged(self) -> None:
        """Raise FileChangedError when the file on disk is no longer the one that was opened."""
        if FileIdentity.of(self._awake().fileno()) != self.identity:
            raise _changed(self.name)

    def rest(self) -> None:
        """Let go of the file until it is read again, when it must still be the same: a process has few to hold."""
        self.unpacked = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _awake(self) -> BinaryIO:
        if self._closed:
            raise ValueError(f"{self.name} is closed")
        if self._file is None:
            file = _open(self.path)
            if FileIdentity.of(file.fileno()) != self.identity:
                file.close()
                raise _changed(self.name)
            self._file = file
        return self._file

    def close(self) -> None:
        """Close the file for good."""
        self.rest()
        self._closed = True


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """One file of a checkpoint, and the state of it that was inspected."""

    path: Path
    identity: FileIdentity

    def open(self) -> Source:
        """Open the file again and make sure that it still is the one that was inspected.

        Raises
        ------
        FileChangedError
            It was overwritten or replaced.
        CheckpointError
            It can't be opened any more.
        """
        source = Source(self.path)
        if source.identity != self.identity:
            source.close()
            raise _changed(source.name)
        return source

    def to_json(self) -> list[Any]:
        """Return the file as plain JSON values."""
        found = self.identity
        return [str(self.path), found.device, found.inode, found.size, found.modified_ns]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> InspectedFile:
        """Read what `to_json` wrote."""
        path, *identity = data
        return cls(Path(str(path)), FileIdentity(*map(int, identity)))


class Files(Protocol):
    """The files of a checkpoint, by `StorageLocation.file`."""

    def __getitem__(self, index: int, /) -> Source:
        """Return one of them, open."""


#: Files of a checkpoint that are held open at once: a system may allow a process as few as 256.
_MOST_HELD = 16


class InspectedFiles:
    """Inspected files, each opened again at its first use and proven to be the inspected one. A context manager."""

    def __init__(self, files: Sequence[InspectedFile]) -> None:
        self._files = files
        self._open: dict[int, Source] = {}
        self._held: deque[int] = deque()

    def __getitem__(self, index: int) -> Source:
        if index not in self._open:
            self._open[index] = self._files[index].open()
        if index not in self._held:
            self._held.append(index)
            if len(self._held) > _MOST_HELD:
                self._open[self._held.popleft()].rest()
        return self._open[index]

    def check_unchanged(self) -> None:
        """Raise FileChangedError when a file that was read is no longer the inspected one."""
        for index in self._open:
            self[index].check_unchanged()

    def __enter__(self) -> InspectedFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for source in self._open.values():
            source.close()


def _open(path: Path) -> BinaryIO:
    name = clean_name(path.name or str(path))
    try:
        # O_NONBLOCK: a pipe dropped on the window must not hang the reader.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise CheckpointError(f"There is no file {name}.", "It may have been moved or deleted.") from None
    except PermissionError:
        if path.is_dir():  # Windows refuses to open folders
            raise _folder(name) from None
        raise CheckpointError(f"You have no permission to read {name}.", "Ask its owner, or copy it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointError(f"{name} can't be opened: {reason}.") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise _folder(name)
        raise NotACheckpointError(f"{name} is not an ordinary file.", "Open a checkpoint file.")
    return os.fdopen(descriptor, "rb", buffering=0)


def _changed(name: str) -> FileChangedError:
    return FileChangedError(f"{name} has changed since it was opened.", "Open it again.")


def _folder(name: str) -> NotACheckpointError:
    return NotACheckpointError(f"{name} is a folder.", "Open a checkpoint file in it.")
