"""Files of torch's inside a pickle: how Python's own ``pickle.dump`` writes the storage of each tensor.

``torch.storage.TypedStorage.__reduce__`` gives ``_load_from_bytes(content)``, where the content is what ``torch.save``
wrote of the storage, in the legacy container; loading the pickle makes torch unpickle it with all that it names. So it
is walked here as any file is, and what it names counts as named by the pickle itself. The function is on no allow-list
all the same: by other opcodes than REDUCE, or with bytes that are changed before the call, it loads what was not
walked.
"""

from __future__ import annotations

from pathlib import Path

from inspector.checkpoint.contents import Contents
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError
from inspector.checkpoint.legacy_container import is_legacy, read_legacy
from inspector.checkpoint.nesting import NestedFile, Nesting
from inspector.checkpoint.source import FileIdentity, Source
from inspector.checkpoint.values import Value

_NAME = "A storage in its pickle"

_ZIP, _PROTOCOL = b"PK\x03\x04", "\x80"

#: Bytes that hold a legacy file's first pickle, the magic number.
_HEAD_BYTES = 64


class _BytesSource(Source):
    """Bytes that are a file of their own."""

    def __init__(self, content: bytes) -> None:
        self.path = Path()
        self.name = _NAME
        self.identity = FileIdentity(0, 0, len(content), 0)
        self._content = content

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > len(self._content):
            raise BrokenCheckpointError(f"{_NAME} is cut short.")
        return self._content[offset : offset + length]

    def close(self) -> None:
        """Do nothing: the bytes are the pickle's."""


def read_nested(args: Value, key_prefix: str, end: int, nesting: Nesting) -> NestedFile:
    """Read the file that ``_load_from_bytes`` is given, as ``torch.load`` tells what it is; no error is raised.

    Where it can't be read whole its contents say so: then it may name more than they list.

    Parameters
    ----------
    args
        The call's arguments.
    key_prefix
        What the keys of its storages are to begin with.
    end
        Offset in the pickle behind the call.
    nesting
        What it may cost.
    """
    given = args[0] if isinstance(args, tuple) and len(args) == 1 else None
    content = _raw(given) if isinstance(given, str) else given
    if not isinstance(content, bytes):
        return NestedFile(_unread("It rebuilds a storage from something that is no file of torch's."), b"", end)
    if not nesting.enter(len(content)):
        return NestedFile(_unread("It packs more files into its pickle than an honest one holds."), b"", end)
    try:
        contents = _read(content, key_prefix, nesting)
    except CheckpointError as error:
        contents = _unread(error.message)
    finally:
        nesting.leave()
    if isinstance(given, str) and not given.isascii() and not given.startswith(_PROTOCOL):
        contents.complete = contents.globals_complete = False
        contents.warnings.append("Which bytes a storage is packed into can't be told: they are written as text.")
    return NestedFile(contents, content, end)


def _read(content: bytes, key_prefix: str, nesting: Nesting) -> Contents:
    source = _BytesSource(content)
    if content.startswith(_ZIP):  # torch writes none there, and a small one may hold very much
        return _unread("It packs a zip archive into its pickle, which loading it would unpack and run.")
    contents = read_legacy(source, key_prefix, nesting)
    head = nesting.usual_head
    if not (head and content.startswith(head)) and not is_legacy(content[:_HEAD_BYTES]):
        contents.root = None  # torch refuses it, but has run its first pickle by then
        _stop(contents, "It packs a pickle into its pickle that is no file of torch's, and that loading it would run.")
    return contents


def _raw(text: str) -> bytes:
    """Return the bytes that Python 2 wrote, which were read as text: as UTF-8 where they happened to be some."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _unread(why: str) -> Contents:
    contents = Contents("pickle", None, {}, [], 0)
    _stop(contents, why)
    return contents


def _stop(contents: Contents, why: str) -> None:
    contents.complete = contents.globals_complete = False
    contents.warnings = [why]
