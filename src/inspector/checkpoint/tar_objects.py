"""The storages and tensors of torch's tar container, from its members of those names.

``storages`` is a count, then per storage a pickle ``(key, location, class)``, its length as int64 and its bytes; then
a pickled list of views ``(key, root, offset, length)``. ``tensors`` is a count, then per tensor a pickle ``(key,
storage, class)``, its number of dimensions as int32 with four bytes of padding, its sizes, strides and offset as
int64. All are little-endian, whatever machine wrote them (``torch/serialization.py``, ``legacy_load``;
``torch/csrc/serialization.cpp``).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from inspector.checkpoint import rebuild
from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.dtypes import ITEM_SIZES, UNKNOWN, storage_dtype
from inspector.checkpoint.errors import BEWARE, BrokenCheckpointError, CutShortError, LimitError
from inspector.checkpoint.limits import (
    MAX_DIMENSIONS,
    MAX_ELEMENTS,
    MAX_GLOBALS,
    MAX_INDEX_BYTES,
    MAX_VALUE_CHARACTERS,
)
from inspector.checkpoint.machine import Machine
from inspector.checkpoint.nesting import note_nested
from inspector.checkpoint.persistent import PersistentIds, storage_key
from inspector.checkpoint.source import Source
from inspector.checkpoint.tar_index import TarMember
from inspector.checkpoint.tensor_bytes import span
from inspector.checkpoint.text import quoted
from inspector.checkpoint.values import Global, StorageReference, TensorValue, UnusualTensor, Value

_INT64 = struct.Struct("<q")
_DIMENSIONS = struct.Struct("<i4x")
_REBUILD_TENSOR = Global("torch._utils", "_rebuild_tensor")

#: Storages, views and tensors at the most: the largest models of 2017 had a few thousand.
_MAX_OBJECTS = 50_000

#: Bytes that are tried first for a pickle of unknown length, and at the most: for one that tells of a storage, and for
#: the list of views, some 40 bytes each.
_FIRST_WINDOW, _MAX_DESCRIPTION, _MAX_VIEWS_BYTES = 256, 1 << 16, 40 * _MAX_OBJECTS


def read_index(source: Source, member: TarMember) -> bytes:
    """Return a member's bytes.

    Raises
    ------
    LimitError
        It is too large to be an index.
    """
    if member.size > MAX_INDEX_BYTES:
        raise LimitError(f"{quoted(member.name)} in {source.name} is too large to be an index.", BEWARE)
    return source.read(member.offset, member.size)


class TarObjects:
    """What the archive's object refers to by keys; each member is read by one call, the object's pickle by another.

    Attributes
    ----------
    ids
        Where the sources of pickled classes are gathered.
    """

    def __init__(self, source: Source, contents: Contents, has_tensors: bool) -> None:
        self.ids = PersistentIds()
        self._source = source
        self._contents = contents
        self._has_tensors = has_tensors
        self._objects: dict[str, StorageReference | TensorValue] = {}
        self._missing: set[str] = set()
        self._names: dict[str, None] = {}

    def read_system(self, member: TarMember) -> None:
        """Walk the pickle about the machine that wrote the file: only the names in it matter."""
        self._run(Machine(read_index(self._source, member), 0, _no_persistent_ids))

    def read_storages(self, member: TarMember) -> None:
        """Note each storage and view, skipping the bytes."""
        count, position = self._pickle(member, member.offset, _MAX_DESCRIPTION)
        for _ in range(_checked_count(count)):
            fields, position = self._pickle(member, position, _MAX_DESCRIPTION)
            position = self._storage(member, fields, position)
        if position == member.end and not self._has_tensors:
            return  # programs that leave out the tensors leave out the views too
        views, _ = self._pickle(member, position, _MAX_VIEWS_BYTES)
        if not isinstance(views, list) or len(views) > _MAX_OBJECTS:
            raise _senseless("views")
        for view in views:
            self._view(view)

    def _storage(self, member: TarMember, fields: Value, position: int) -> int:
        """Note one storage, its length at ``position``; return the offset behind its bytes."""
        name, device, kind = fields if isinstance(fields, tuple) and len(fields) == 3 else (None, None, None)
        key = storage_key(name)
        dtype = storage_dtype(kind.module, kind.name) if isinstance(kind, Global) else None
        if key is None or dtype is None:
            raise _senseless("storage")
        (numel,) = _INT64.unpack(self._read(member, position, _INT64.size))
        if not 0 <= numel < MAX_ELEMENTS:
            raise _senseless("storage")
        start, nbytes = position + _INT64.size, numel * ITEM_SIZES[dtype]
        if start + nbytes > member.end:
            raise _senseless("storage")
        where = device[:MAX_VALUE_CHARACTERS] if isinstance(device, str) else "?"
        self._add(key, StorageReference(key, dtype, numel, where))
        self._contents.storages[key] = StorageLocation(start, nbytes, nbytes)
        return int(start + nbytes)

    def _view(self, fields: Value) -> None:
        name, root_name, offset, numel = fields if isinstance(fields, tuple) and len(fields) == 4 else (None,) * 4
        key, root = storage_key(name), self._objects.get(storage_key(root_name) or "")
        if key is None or not isinstance(root, StorageReference) or type(offset) is not int or type(numel) is not int:
            raise _senseless("view")
        if not 0 <= offset <= offset + numel <= root.numel:
            raise _senseless("view")
        view = StorageReference(key, root.dtype, numel, root.device)
        view.base, view.base_offset = root.base or root, root.base_offset + offset
        self._add(key, view)

    def read_tensors(self, member: TarMember) -> None:
        """Note each tensor."""
        data = read_index(self._source, member)
        self._contents.index_bytes += len(data)
        machine = Machine(data, 0, _no_persistent_ids)
        count = _checked_count(self._run(machine))
        for _ in range(count):
            machine = Machine(data, machine.position, _no_persistent_ids, nesting=machine.nesting)
            fields = self._run(machine)
            name, storage, kind = fields if isinstance(fields, tuple) and len(fields) == 3 else (None, None, None)
            key = storage_key(name)
            if key is None:
                raise _senseless("tensor")
            sizes, strides, offset, machine.position = _geometry(data, machine.position)
            self._add(key, self._tensor(self._storage_of(storage, kind), offset, sizes, strides))

    def _tensor(
        self, storage: StorageReference | None, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
    ) -> TensorValue:
        made: TensorValue = rebuild.call(_REBUILD_TENSOR, (storage, offset, shape, stride))
        if made.problem or storage is None:
            return made
        reach = made.offset + span(made.shape, made.stride)
        if storage.base is not None and reach > storage.numel:
            return UnusualTensor(
                None, 0, made.shape, made.stride, made.dtype, problem="its shape reaches beyond its storage"
            )
        if storage.key in self._missing:  # it lies behind the file's end, and is as large as it has to be
            known = self._contents.storages[storage.key]
            nbytes = max(known.nbytes, reach * ITEM_SIZES[storage.dtype])
            self._contents.storages[storage.key] = known._replace(nbytes=nbytes, packed=nbytes)
        return made

    def _storage_of(self, name: Value, kind: Value) -> StorageReference | None:
        """Return a tensor's storage; in a file cut short one in place of those that were not reached."""
        key = storage_key(name) if name is not None else ""  # torch wrote None for a tensor without elements
        found = self._objects.get(key) if key is not None else None
        if isinstance(found, StorageReference) or key is None:
            return found if isinstance(found, StorageReference) else None
        dtype = storage_dtype(kind.module, kind.name.replace("Tensor", "Storage")) if isinstance(kind, Global) else None
        if found is not None or dtype is None or (key and self._contents.complete):
            return None
        made = self._objects[key] = StorageReference(key, dtype, 0, "?")
        self._contents.storages[key] = StorageLocation(self._source.size, 0, 0)
        if key:
            self._missing.add(key)
        return made

    @property
    def names(self) -> list[str]:
        """The globals that the pickles of the members name."""
        return list(self._names)

    def machine(self, data: bytes) -> Machine:
        """Return the machine for the object's pickle."""
        return Machine(data, 0, self._load) if self._has_tensors else _MachineOfPlainIds(data, self._plain)

    def _load(self, persistent_id: Value) -> Value:
        """Return what a persistent id stands for: a key as text, or a class with its file and source."""
        if isinstance(persistent_id, tuple) and len(persistent_id) == 3:
            return self.ids.load(("module", *persistent_id))
        found = self._objects.get(persistent_id) if type(persistent_id) is str else None
        return found if found is not None else UnusualTensor(None, 0, (), (), UNKNOWN, problem=_UNDESCRIBED)

    def _plain(self, fields: tuple[Value, ...]) -> StorageReference | None:
        key = storage_key(fields[2])
        found = self._objects.get(key) if key is not None else None
        dtype = storage_dtype(fields[1].module, fields[1].name) if isinstance(fields[1], Global) else None
        return found if isinstance(found, StorageReference) and found.dtype == dtype else None

    def _add(self, key: str, made: StorageReference | TensorValue) -> None:
        if key in self._objects:
            raise BrokenCheckpointError(f"Two things in it have the key {quoted(key)}.")
        self._objects[key] = made

    def _pickle(self, member: TarMember, position: int, largest: int) -> tuple[Value, int]:
        """Walk the pickle at ``position``, whose length is written nowhere; return its value and its end."""
        limit = min(largest, min(member.end, self._source.size) - position)
        length = _FIRST_WINDOW
        while True:
            machine = Machine(self._source.read(position, max(min(length, limit), 0)), 0, _no_persistent_ids)
            try:
                value = self._run(machine)
            except CutShortError:
                if length >= limit:
                    raise
                length *= 16
                continue
            self._contents.index_bytes += machine.position
            return value, position + machine.position

    def _run(self, machine: Machine) -> Value:
        try:
            return machine.run()
        finally:
            self._names.update(dict.fromkeys(machine.globals))
            self._contents.mutates_a_global |= machine.mutates_a_global
            self._contents.misuses += machine.misuses
            note_nested(self._contents, machine.nested)
            if len(self._names) > MAX_GLOBALS:
                raise LimitError(f"The pickles in it name more than {MAX_GLOBALS:,} functions and classes.")

    def _read(self, member: TarMember, position: int, length: int) -> bytes:
        if position + length > member.end:
            raise CutShortError(f"{quoted(member.name)} in it ends too early.")
        return self._source.read(position, length)


_UNDESCRIBED = "its description is missing from the file"


class _MachineOfPlainIds(Machine):
    """For archives without ``tensors``, whose pickle rebuilds tensors itself, from storages' ids as plain tuples."""

    def __init__(self, data: bytes, storage_of: Callable[[tuple[Value, ...]], StorageReference | None]) -> None:
        super().__init__(data, 0, _no_persistent_ids)
        self._storage_of = storage_of

    def _call(self, function: Value, args: Value) -> Value:
        first = args[0] if isinstance(args, tuple) and args else None
        if isinstance(first, tuple) and len(first) == 5 and type(first[0]) is str and first[0] == "storage":
            args = (self._storage_of(first), *args[1:])
        return super()._call(function, args)


def _no_persistent_ids(_: Value) -> Value:
    raise BrokenCheckpointError("The pickle in it refers to something where nothing can be referred to.")


def _checked_count(value: Value) -> int:
    if type(value) is not int or value < 0:
        raise _senseless("count")
    if value > _MAX_OBJECTS:
        raise LimitError(f"It announces {value:,} tensors or storages, too many to be honest.")
    return value


def _geometry(data: bytes, position: int) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
    """Return (sizes, strides, offset, position behind them) of a tensor."""
    try:
        (dimensions,) = _DIMENSIONS.unpack_from(data, position)
        if not 0 <= dimensions <= MAX_DIMENSIONS:
            raise _senseless("tensor")
        numbers = struct.unpack_from(f"<{2 * dimensions + 1}q", data, position + _DIMENSIONS.size)
    except struct.error:
        raise CutShortError("The description of a tensor in it ends too early.") from None
    end = position + _DIMENSIONS.size + 8 * len(numbers)
    return numbers[:dimensions], numbers[dimensions:-1], numbers[-1], end


def _senseless(what: str) -> BrokenCheckpointError:
    return BrokenCheckpointError(f"The description of a {what} in it makes no sense.")
