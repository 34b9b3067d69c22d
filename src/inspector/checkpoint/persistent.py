"""torch's persistent ids: storages, and in legacy files the sources of pickled classes."""

from __future__ import annotations

from inspector.checkpoint.dtypes import storage_dtype
from inspector.checkpoint.errors import BrokenCheckpointError
from inspector.checkpoint.limits import MAX_ELEMENTS, MAX_VALUE_CHARACTERS
from inspector.checkpoint.values import EmbeddedSource, Global, StorageReference, Value


def storage_key(value: Value) -> str | None:
    """Return a storage's key as text; None where it is none that torch writes."""
    if type(value) is int and value.bit_length() <= 64:
        return str(value)
    return value if type(value) is str else None


def _is_count(value: Value) -> bool:
    return type(value) is int and 0 <= value < MAX_ELEMENTS


class PersistentIds:
    """Turns persistent ids into inert values, one object per storage.

    The ids are ``("storage", class, key, location, numel)``, with a sixth field of view metadata
    ``(key, offset, numel)`` or None in legacy files, and there also ``("module", class, file, source)``
    (``torch/serialization.py``, ``persistent_load``).
    """

    def __init__(self) -> None:
        self.storages: dict[tuple[str, str], StorageReference] = {}
        self.sources: list[EmbeddedSource] = []
        self._dtypes: dict[Global, str | None] = {}
        self._with_source: set[str] = set()

    def load(self, persistent_id: Value) -> Value:
        """Return what ``persistent_id`` stands for.

        Raises
        ------
        BrokenCheckpointError
            It is none of torch's forms.
        """
        if isinstance(persistent_id, tuple) and persistent_id:
            if persistent_id[0] == "storage" and len(persistent_id) >= 5:
                return self._storage(persistent_id)
            if persistent_id[0] == "module" and len(persistent_id) >= 4:
                return self._module(persistent_id)
        raise BrokenCheckpointError("The pickle in it refers to something that is no storage of torch.")

    def _storage(self, fields: tuple[Value, ...]) -> StorageReference:
        _, kind, key, device, numel, *more = fields
        dtype = self._dtype(kind)
        name = key if type(key) is str else storage_key(key)
        if dtype is None or name is None or type(numel) is not int or not 0 <= numel < MAX_ELEMENTS:
            raise BrokenCheckpointError("The pickle in it describes a storage in a way that torch does not.")
        reference = self.storages.get((name, dtype)) or self._intern(name, dtype, numel, device)
        view = more[0] if more else None
        if view is None:
            return reference
        part_name = storage_key(view[0]) if isinstance(view, tuple) and len(view) == 3 else None
        if part_name is None or not (_is_count(view[1]) and _is_count(view[2])):
            raise BrokenCheckpointError("The pickle in it describes a view of a storage in a way that torch does not.")
        part = self._intern(part_name, dtype, view[2], device)
        part.base, part.base_offset = reference, view[1]
        return part

    def _dtype(self, kind: Value) -> str | None:
        """Return the dtype of a storage class; by identity, as there is one object per name."""
        if type(kind) is not Global:
            return None
        if kind not in self._dtypes:
            self._dtypes[kind] = storage_dtype(kind.module, kind.name)
        return self._dtypes[kind]

    def _intern(self, key: str, dtype: str, numel: int, device: Value) -> StorageReference:
        known = self.storages.get((key, dtype))
        if known is None:
            where = device[:MAX_VALUE_CHARACTERS] if isinstance(device, str) else "?"
            known = self.storages[key, dtype] = StorageReference(key, dtype, numel, where)
        return known

    def _module(self, fields: tuple[Value, ...]) -> Value:
        cls, file, text = fields[1:4]
        if isinstance(cls, Global) and isinstance(text, str) and cls.dotted not in self._with_source:
            self._with_source.add(cls.dotted)
            self.sources.append(EmbeddedSource(cls.dotted, file if isinstance(file, str) else "?", text))
        return cls
