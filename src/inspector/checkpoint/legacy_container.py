"""torch's legacy container (0.1.10 to 1.5): five pickles in a row, then each storage's length and bytes.

Lengths and elements are little-endian, whatever machine wrote them (``torch/csrc/serialization.cpp``,
``THPStorage_writeFileRaw``); the byte order in the third pickle tells of that machine alone, and torch ignores it.
"""

from __future__ import annotations

import struct

from inspector.checkpoint.arrays import PickledArray
from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.dtypes import ITEM_SIZES
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError, CutShortError
from inspector.checkpoint.limits import MAX_ELEMENTS, MAX_INDEX_BYTES
from inspector.checkpoint.machine import Machine, describe_failure
from inspector.checkpoint.nesting import NestedFile, Nesting
from inspector.checkpoint.persistent import PersistentIds, storage_key
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import quoted
from inspector.checkpoint.values import Value
from inspector.checkpoint.walking import note, place

#: The first pickle of every legacy file (``torch/serialization.py``, ``MAGIC_NUMBER``).
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C

_NUMEL = struct.Struct("<q")

#: Bytes of the file that are tried first: most pickles fit.
_FIRST_WINDOW = 1 << 20


def is_legacy(head: bytes) -> bool:
    """Tell whether ``head``, the first bytes of a file, is a legacy container's."""
    try:
        return bool(Machine(head, 0, lambda _: None).run() == MAGIC_NUMBER)
    except CheckpointError:
        return False


def read_legacy(source: Source, key_prefix: str = "", nesting: Nesting | None = None) -> Contents:
    """Walk the five pickles and the storages' lengths. No storage's bytes are read.

    Parameters
    ----------
    source
        The file.
    key_prefix, nesting
        Of a file that lies in a pickle: what its storages' keys begin with, and what files inside of it may cost.

    Raises
    ------
    BrokenCheckpointError
        Nothing usable could be read.
    """
    limit = min(source.size, MAX_INDEX_BYTES)
    length = min(_FIRST_WINDOW, limit)
    pickles = _Pickles(source.read(0, length), key_prefix, nesting)
    # The pickles' length is written nowhere: try a larger beginning of the file while they reach out of it.
    while isinstance(pickles.failure, CutShortError) and length < limit:
        length = min(length * 8, limit)
        pickles = _Pickles(source.read(0, length), key_prefix, nesting)
    contents = Contents("legacy", pickles.root, {}, [], pickles.position)
    note(contents, pickles)
    contents.sources += pickles.ids.sources
    if pickles.failure is not None:
        if contents.root is None and not contents.globals:
            raise BrokenCheckpointError(
                f"{source.name} can't be read. {pickles.failure.message}", "Download or copy it again."
            )
        contents.complete = contents.globals_complete = False
        contents.warnings.append(describe_failure(pickles.failure))
    else:
        _locate_storages(source, contents, pickles, key_prefix)
    place(contents, pickles, 0)
    for reference in pickles.ids.storages.values() if key_prefix else ():
        reference.key = key_prefix + reference.key
    return contents


class _Pickles:
    """The five pickles at the beginning of the file, walked one after the other as far as they go.

    Attributes
    ----------
    arrays, nested
        The numpy arrays in them, and the files that they hold as bytes.
    root, keys
        The object, or what was read of it, and the keys of the storages in the file's order.
    position
        Offset behind the last pickle.
    failure
        Why reading stopped, None where it did not.
    """

    def __init__(self, data: bytes, key_prefix: str, nesting: Nesting | None) -> None:
        self.data = data
        self.name = key_prefix or "the pickle"
        self.position = 0
        self.nested: list[NestedFile] = []
        self._nesting = Nesting(len(data)) if nesting is None else nesting
        self.ids = PersistentIds()
        self.globals: dict[str, None] = {}
        self.arrays: list[PickledArray] = []
        self.mutates_a_global = False
        self.misuses: dict[str, None] = {}
        self.root: Value = None
        self.keys: list[str] = []
        self.failure: CheckpointError | None = None
        try:
            self._skip_head()
            self.root = self._next(keep_partial=True)
            listed = self._next()
        except CheckpointError as error:
            self.failure = error
        else:
            keys = map(storage_key, listed if isinstance(listed, list) else [])
            self.keys = [key for key in keys if key is not None]

    def _skip_head(self) -> None:
        """Walk the magic number, the protocol and the system that wrote it, once for all files in one pickle."""
        known = self._nesting.usual_head
        if known and self.data.startswith(known):
            self.position = len(known)
            return
        magic_number = self._next()
        self._next()
        self._next()
        if magic_number == MAGIC_NUMBER and not self.globals:
            self._nesting.usual_head = self.data[: self.position]

    def _next(self, *, keep_partial: bool = False) -> Value:
        machine = Machine(self.data, self.position, self.ids.load, self.name, self._nesting)
        try:
            return machine.run()
        except CheckpointError:
            if keep_partial:
                self.root = machine.partial()
            raise
        finally:
            self.position = machine.position
            self.globals.update(dict.fromkeys(machine.globals))
            self.arrays += machine.arrays
            self.nested += machine.nested
            self.mutates_a_global |= machine.mutates_a_global
            self.misuses.update(machine.misuses)


def _locate_storages(source: Source, contents: Contents, pickles: _Pickles, key_prefix: str) -> None:
    """Note where each storage lies; the file gives each one's length just before its bytes."""
    known = {key: reference for (key, _), reference in reversed(pickles.ids.storages.items())}
    position = pickles.position
    for key in pickles.keys:
        reference = known.get(key)
        if reference is None:
            _stop(contents, f"It lists a storage {quoted(key)} that nothing refers to, so its size is unknown.")
            return
        numel = reference.numel  # as the pickle says, where the file has ended already
        if position + _NUMEL.size <= source.size:
            (numel,) = _NUMEL.unpack(source.read(position, _NUMEL.size))
        if not 0 <= numel < MAX_ELEMENTS:
            _stop(contents, f"Its storage {quoted(key)} has an impossible length.")
            return
        if numel != reference.numel and contents.complete:  # torch refuses the file; the first such storage is told
            says = f"the object says {reference.numel:,} elements, the file {numel:,}"
            _stop(contents, f"Its storage {quoted(key)} has two lengths ({says}), so its numbers may be wrong.")
        nbytes = numel * ITEM_SIZES[reference.dtype]
        start = min(position + _NUMEL.size, source.size)
        contents.storages[key_prefix + key] = StorageLocation(start, nbytes, nbytes)
        position += _NUMEL.size + nbytes
    if position > source.size:
        _stop(contents, f"The file is cut short: {position - source.size:,} bytes are missing.")


def _stop(contents: Contents, why: str) -> None:
    contents.complete = False
    contents.warnings.append(why)
