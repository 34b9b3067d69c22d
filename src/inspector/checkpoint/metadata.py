"""The plain values beside a checkpoint's tensors: epoch, metrics, settings, an optimizer's groups, as JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from inspector.checkpoint.found import FoundStateDict
from inspector.checkpoint.limits import MAX_LIST_BYTES, MAX_SHOWN_INT_BITS
from inspector.checkpoint.plain import plain_text, table_of
from inspector.checkpoint.text import clean_name, json_size, value_text
from inspector.checkpoint.values import PickledDict, PickledObject, PickledSet, TensorValue, Value, listed

#: Entries of one table or list, levels of them within each other, and values looked at in all.
_MAX_ENTRIES = 500
_MAX_LEVELS = 6
_MAX_VALUES = 5_000

#: Stands for what holds tensors and nothing else.
_NOTHING = object()


def plain_metadata(root: Value, metadata: dict[str, Any], state_dicts: Iterable[FoundStateDict]) -> dict[str, Any]:
    """Return the plain values as JSON values, bounded; NaN and infinity, which JSON lacks, as they are.

    Tensors are left out, and tables and lists that hold nothing else: state_dicts, and what an optimizer knows of each
    parameter. A root that is itself one plain value, ``torch.save(5, path)``, is called ``value``.

    Parameters
    ----------
    root
        The checkpoint's root.
    metadata
        What its container says beside it.
    state_dicts
        Those found in the root.
    """
    plain, left = _Plain(state_dicts), MAX_LIST_BYTES
    found: dict[str, Any] = {}
    for key, value in islice(metadata.items(), _MAX_ENTRIES):
        found[clean_name(key)] = plain.of(value, "", 0)
    for name, value in plain.entries(root):
        shown = plain.of(value, name, 0)
        if shown is not _NOTHING:
            found[name] = shown
    kept: dict[str, Any] = {}
    for name, shown in found.items():
        left -= json_size(name) + json_size(shown)
        if left < 0:
            break
        kept[name] = shown
    return kept


def _is_long(value: Value) -> bool:
    if isinstance(value, list | tuple):
        return len(value) > _MAX_ENTRIES
    table = table_of(value)
    return table is not None and len(list(islice(table, _MAX_ENTRIES + 1))) > _MAX_ENTRIES


def _holds_tensors(value: Value) -> bool:
    """Tell a state_dict or module from what merely comes to have its path, by a dot in a key."""
    if not isinstance(value, PickledDict):
        return isinstance(value, PickledObject)
    return any(isinstance(item, TensorValue | tuple) for _, item in value.pairs())


class _Plain:
    """Turns values into JSON values, a bounded number of them: a few bytes can nest lists into billions."""

    def __init__(self, state_dicts: Iterable[FoundStateDict]) -> None:
        self._left = _MAX_VALUES
        self._optimizers = {found.path for found in state_dicts if found.role == "optimizer"}
        #: Paths of what holds tensors and is shown as such.
        self._apart = {found.path for found in state_dicts if found.path and found.role != "optimizer"}
        self._apart |= {f"{path}.state" if path else "state" for path in self._optimizers}

    def entries(self, root: Value) -> Iterator[tuple[str, Value]]:
        """Return the root's own entries by their names as shown, those that are tensors or objects left out."""
        root = listed(root)
        if isinstance(root, PickledDict):
            entries = ((clean_name(key), listed(value)) for key, value in islice(root.pairs(), _MAX_ENTRIES))
        elif isinstance(root, PickledObject):
            entries = ((name, value) for name, value in self._groups(root, ""))
        else:
            entries = (("value", value) for value in (root,) if not isinstance(value, TensorValue))
        return ((name, value) for name, value in entries if self._is_shown(value, name))

    def _is_shown(self, value: Value, name: str) -> bool:
        if isinstance(value, PickledObject):
            return plain_text(value) is not None or self._table(value, name) is not None
        return not (isinstance(value, TensorValue) or _is_long(value))

    def of(self, value: Value, path: str, level: int) -> Any:
        """Return a value, found at ``path`` below the root, as JSON has it; `_NOTHING` where all in it are tensors."""
        self._left -= 1
        value = value.items if isinstance(value, PickledSet) else listed(value)
        if isinstance(value, TensorValue) or (path in self._apart and _holds_tensors(value)):
            return _NOTHING
        is_open = level < _MAX_LEVELS and self._left >= 0 and not _is_long(value)
        if is_open and isinstance(value, list | tuple):
            return self._list(value, path, level)
        table = self._table(value, path) if is_open else None
        if table is None:
            return _scalar(value)
        shown = {name: self.of(item, f"{path}.{name}", level + 1) for name, item in table}
        kept = {name: item for name, item in shown.items() if item is not _NOTHING}
        return kept if kept or not shown else _NOTHING

    def _list(self, value: list[Value] | tuple[Value, ...], path: str, level: int) -> Any:
        items = [self.of(item, f"{path}.{place}", level + 1) for place, item in enumerate(value)]
        if items and all(item is _NOTHING for item in items):
            return _NOTHING
        return [value_text(held) if item is _NOTHING else item for held, item in zip(value, items, strict=True)]

    def _table(self, value: Value, path: str) -> list[tuple[str, Value]] | None:
        if isinstance(value, PickledObject) and path in self._optimizers:
            return self._groups(value, path)
        table = table_of(value)
        return None if table is None else [(clean_name(key), item) for key, item in table]

    def _groups(self, optimizer: PickledObject, path: str) -> list[tuple[str, Value]]:
        """Return the groups of an optimizer that was pickled whole; the rest of it is of no use to a person."""
        groups = optimizer.attributes().get("param_groups") if path in self._optimizers else None
        return [("param_groups", groups)] if isinstance(groups, list) else []


def _scalar(value: Value) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= MAX_SHOWN_INT_BITS else value_text(value)
    if isinstance(value, float):
        return value
    return clean_name(value) if isinstance(value, str) else value_text(value)
