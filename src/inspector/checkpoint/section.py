"""A range of a file, read as if it were a file of its own: distributed checkpoints hold archives one after another."""

from __future__ import annotations

from inspector.checkpoint.errors import BrokenCheckpointError
from inspector.checkpoint.source import Source

#: Bytes at either end of a section that are read at once: an archive's index lies there, and is asked for in bits.
_END_BYTES = 4_096


class Section(Source):
    """A range of an open file.

    Parameters
    ----------
    whole
        The file; it stays its owner's to close.
    start, length
        The range, in bytes.

    Raises
    ------
    BrokenCheckpointError
        The file ends before.
    """

    def __init__(self, whole: Source, start: int, length: int) -> None:
        self.path = whole.path
        self.name = whole.name
        self.identity = whole.identity
        self.start = start
        self._whole = whole
        self._length = length
        head = min(_END_BYTES, length)
        self._head = whole.read(start, head)
        self._tail_at = max(head, length - _END_BYTES)
        self._tail = whole.read(start + self._tail_at, length - self._tail_at)

    @property
    def size(self) -> int:
        """Bytes of the section."""
        return self._length

    def read(self, offset: int, length: int) -> bytes:
        """Read exactly ``length`` bytes from ``offset`` within the section; see `Source.read`."""
        if offset < 0 or length < 0 or offset + length > self._length:
            missing = offset + length - self._length
            raise BrokenCheckpointError(f"{self.name} is damaged: {missing:,} bytes of an archive in it are missing.")
        if offset + length <= len(self._head):
            return self._head[offset : offset + length]
        if offset >= self._tail_at:
            return self._tail[offset - self._tail_at : offset - self._tail_at + length]
        return self._whole.read(self.start + offset, length)

    def check_unchanged(self) -> None:
        """Raise FileChangedError when the file is no longer the one that was opened."""
        self._whole.check_unchanged()

    def rest(self) -> None:
        """Do nothing: the file is its owner's."""

    def close(self) -> None:
        """Do nothing: the file is its owner's."""
