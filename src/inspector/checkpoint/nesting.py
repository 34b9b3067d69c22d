"""What a file that is packed into a pickle leaves behind: its contents, and where in the pickle its bytes lie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.limits import MAX_NESTED_FILES_DEEP, NESTED_PER_PICKLE_BYTE

#: Opcodes between a file's last byte and the end of the call that gets it, in bytes: with PUTs of any width, the
#: coding's name where bytes are written as text, and the beginning of a frame.
_BEHIND_CONTENT = 80

_MAX_TOLD = 5

_NOT_PLAIN = "its bytes are packed into the pickle in a way that Inspector can't read"
_CUT = "its bytes are missing: the file that it was packed as is cut short"


class Nesting:
    """What the files inside a pickle may cost, with those inside of them.

    Attributes
    ----------
    usual_head
        The first three pickles of a legacy file, which name nothing and are the same in all that one program wrote.
    """

    __slots__ = ("_deep", "_left", "usual_head")

    def __init__(self, length: int) -> None:
        self.usual_head = b""
        self._deep = 0
        self._left = NESTED_PER_PICKLE_BYTE * length

    def enter(self, length: int) -> bool:
        """Take a file of so many bytes from the budget, until `leave`; False where there is none left for it."""
        if self._deep >= MAX_NESTED_FILES_DEEP or length > self._left:
            return False
        self._deep += 1
        self._left -= length
        return True

    def leave(self) -> None:
        """End what `enter` began."""
        self._deep -= 1


@dataclass(slots=True)
class NestedFile:
    """A file that a pickle holds as bytes.

    Attributes
    ----------
    contents
        What was found in it; the keys of its storages are told apart from all others of the checkpoint.
    content
        Its bytes.
    end
        Offset in the pickle behind the call that was given them.
    """

    contents: Contents
    content: bytes
    end: int


def note_nested(contents: Contents, nested: Iterable[NestedFile]) -> None:
    """Add to ``contents`` what the files inside a pickle name, the sources they carry and what is wrong with them."""
    known, told = dict.fromkeys(contents.globals), dict[str, None]()
    for file in nested:
        known.update(dict.fromkeys(file.contents.globals))
        contents.mutates_a_global |= file.contents.mutates_a_global
        contents.misuses += file.contents.misuses
        contents.complete &= file.contents.complete
        contents.globals_complete &= file.contents.globals_complete
        contents.sources += file.contents.sources
        told.update(dict.fromkeys(file.contents.warnings))
    contents.globals = list(known)
    warnings = [warning for warning in told if warning not in contents.warnings[:_MAX_TOLD]]
    contents.warnings += warnings[:_MAX_TOLD]
    if len(warnings) > _MAX_TOLD:
        contents.warnings.append(f"{len(warnings) - _MAX_TOLD:,} more things like these are wrong with its storages.")


def place_nested(contents: Contents, nested: Iterable[NestedFile], data: bytes, start: int | None) -> None:
    """Note in ``contents`` where in the checkpoint's file the storages of the files inside a pickle lie.

    Parameters
    ----------
    data
        The bytes that hold the pickle.
    start
        Offset of ``data`` in the file, None where it does not lie there as it is (a packed entry).
    """
    for file in nested:
        found = _find(data, file) if start is not None else None
        lengths = _Lengths(file.content)
        for key, location in sorted(file.contents.storages.items(), key=lambda pair: pair[1].offset):
            moved = _moved(location, lengths, *found) if found is not None else _NOT_PLAIN
            if isinstance(moved, str) or start is None:
                contents.unplaced[key] = str(moved)
            else:
                contents.storages[key] = moved._replace(offset=start + moved.offset)
        contents.unplaced.update(file.contents.unplaced)
        file.content = b""


class _Lengths:
    """How long a file's bytes are as text in UTF-8, a character for each; asked for from its beginning to its end."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._at = self._length = 0

    def upto(self, offset: int) -> int:
        """Return the length of the bytes before ``offset``."""
        if offset < self._at:
            self._at = self._length = 0
        self._length += len(self.content[self._at : offset].decode("latin-1").encode("utf-8"))
        self._at = offset
        return self._length


def _find(data: bytes, file: NestedFile) -> tuple[int, bool] | None:
    """Return where the file's bytes lie in the pickle, and whether as text in UTF-8, as protocol 2 writes bytes."""
    for as_text in (False, True):
        written = file.content.decode("latin-1").encode("utf-8") if as_text else file.content
        position = data.find(written, max(0, file.end - len(written) - _BEHIND_CONTENT), file.end)
        if position >= 0:
            return position, as_text
    return None


def _moved(location: StorageLocation, lengths: _Lengths, position: int, as_text: bool) -> StorageLocation | str:
    """Return the location as one in the pickle; or why there is none."""
    end = location.offset + location.packed
    if end > len(lengths.content):
        return _CUT
    if not as_text:
        return location._replace(offset=position + location.offset)
    if location.entry or location.is_text:
        return _NOT_PLAIN
    before = lengths.upto(location.offset)
    packed = lengths.upto(end) - before
    return location._replace(offset=position + before, packed=packed, is_text=packed != location.nbytes)
