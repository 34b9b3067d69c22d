"""What a clean copy of one state_dict holds, as data that can travel: made by the reader, carried out by a worker.

Keys are the file's own here, not the escaped ones that are shown. An entry's value is written as a list: a tag and
what belongs to it; see `Plan`. The standard library alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from inspector.checkpoint.dtypes import ITEM_SIZES
from inspector.checkpoint.embedded import Embedded, kept_texts
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.found import FoundTensor
from inspector.checkpoint.insides import dotted_entries, is_module, is_state_dict, wrapper_of
from inspector.checkpoint.limits import MAX_DEPTH, MAX_SHOWN_INT_BITS, MAX_TREE_ROWS
from inspector.checkpoint.opening import Checkpoint
from inspector.checkpoint.packed_parameters import is_script_object, unpack_module
from inspector.checkpoint.source import InspectedFile
from inspector.checkpoint.tensors import Tensor
from inspector.checkpoint.text import clean_name, value_text
from inspector.checkpoint.values import Global, PickledDict, PickledSet, TensorValue, Value, listed
from inspector.export.errors import NothingToCopyError

#: Where a clean copy keeps what a checkpoint says of itself, in both formats.
TABLE = "inspector"


@dataclass(frozen=True, slots=True)
class Plan:
    """One state_dict, ready to be written.

    Attributes
    ----------
    name
        What to call the checkpoint in a sentence.
    files
        The files it is made of, as they were inspected.
    entries
        Pairs of key and value in the file's order, the wrapper stripped. A value is ``["tensor", place]``,
        ``["plain", value]``, ``["dtype", name]``, ``["tuple", values]``, or what can't be copied: ``["other", words]``.
    versions
        The versions of its modules by their names, as ``state_dict()._metadata`` has them; None where there are none.
    table
        What the checkpoint says of itself, by the keys of ``docs/embedded-keys.md``.
    metadata
        A safetensors file's own texts.
    """

    name: str
    files: list[list[Any]]
    entries: list[list[Any]]
    versions: dict[str, dict[str, Any]] | None
    table: dict[str, Any]
    metadata: dict[str, str]

    def to_bytes(self) -> bytes:
        """Return the plan as bytes of JSON; every character outside of ASCII escaped, so that any key survives."""
        fields = (self.name, self.files, self.entries, self.versions, self.table, self.metadata)
        return json.dumps(fields, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes | bytearray) -> Plan:
        """Read what `to_bytes` wrote."""
        return cls(*json.loads(data))

    def inspected(self) -> list[InspectedFile]:
        """Return the files, each to be opened and proven to be the inspected one."""
        return [InspectedFile.from_json(file) for file in self.files]


def make_plan(checkpoint: Checkpoint, index: int) -> Plan:
    """Return what a clean copy of a state_dict holds.

    Parameters
    ----------
    index
        Which of the checkpoint's state_dicts.

    Raises
    ------
    NothingToCopyError
        It is no model's, or was not read whole.
    """
    name = clean_name(checkpoint.path.name)
    if not 0 <= index < len(checkpoint.state_dicts):
        raise NothingToCopyError(f"{name} no longer holds that state_dict.", "Open it again.")
    chosen, value = checkpoint.state_dicts[index], checkpoint.survey.state_dicts[index].value
    if chosen.role == "optimizer":
        raise NothingToCopyError(
            f"{chosen.path or name} is an optimizer's state, which no clean copy is made of.", "Choose a model's."
        )
    if not checkpoint.complete:
        raise NothingToCopyError(
            f"{name} could only be read in part, so a copy would not be whole.", "Download or copy it again."
        )
    raw = dict(_entries(value, name))
    wrapper = wrapper_of(raw) or ""
    return Plan(
        name,
        [InspectedFile(source.path, source.identity).to_json() for source in checkpoint.files],
        [[key[len(wrapper) :], _described(checkpoint, key, item)] for key, item in raw.items()],
        _versions(value, wrapper),
        _table(checkpoint.embedded),
        _texts(checkpoint),
    )


def _entries(value: Value, name: str) -> Iterable[tuple[str, Value]]:
    if is_module(value):
        return _module_entries(value, name)
    assert isinstance(value, PickledDict)
    return value.named().items() if is_state_dict(value) else dotted_entries(value)


def _module_entries(root: Value, name: str) -> Iterator[tuple[str, Value]]:
    """Yield what ``state_dict()`` of a pickled module holds: buffers that it calls not persistent are left out."""
    stack, left = [(root, "", 0)], MAX_TREE_ROWS
    while stack:
        module, prefix, depth = stack.pop()
        if unpack_module(module) is not None or any(map(is_script_object, module.attributes().values())):
            yield f"{prefix}*", module  # quantized layers, whose state_dict is made by torch's own classes
            continue
        attributes = module.attributes()
        passing = attributes.get("_non_persistent_buffers_set")
        transient = {key for key in passing.items if type(key) is str} if isinstance(passing, PickledSet) else set()
        for group in ("_parameters", "_buffers"):
            held = attributes.get(group)
            for key, item in held.named().items() if isinstance(held, PickledDict) else ():
                if isinstance(item, TensorValue) and not (group == "_buffers" and key in transient):
                    left -= 1
                    yield prefix + key, item
        children = [
            (child, f"{prefix}{key}.", depth + 1)
            for key, child in attributes["_modules"].named().items()
            if is_module(child)
        ]
        left -= len(children)
        if left < 0 or depth > MAX_DEPTH:
            raise NothingToCopyError(f"{name} nests more modules than can be copied.")
        stack += reversed(children)


def _described(checkpoint: Checkpoint, key: str, held: Value) -> list[Any]:
    value = listed(held)
    if isinstance(value, TensorValue):
        shown = clean_name(key)
        tensor = Tensor(checkpoint, FoundTensor(shown, shown, value, "other", -1))
        try:
            return ["tensor", tensor.place().to_json()]
        except TensorReadError:
            return ["other", tensor.problem]
    if isinstance(value, tuple):
        return ["tuple", [_described(checkpoint, key, item) for item in value]]
    if isinstance(value, Global) and value.module == "torch" and value.name in ITEM_SIZES:
        return ["dtype", value.name]
    return ["plain", value] if _is_plain(value) else ["other", f"it is no tensor but {value_text(value)}"]


def _is_plain(value: Value) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= MAX_SHOWN_INT_BITS
    return value is None or isinstance(value, float | str)


def _versions(value: Value, wrapper: str) -> dict[str, dict[str, Any]] | None:
    """Return ``_metadata`` of a state_dict, its modules called as without the wrapper."""
    attributes = value.attributes if isinstance(value, PickledDict) else None
    held = attributes.get("_metadata") if isinstance(attributes, PickledDict) else None
    if not isinstance(held, PickledDict):
        return None
    found: dict[str, dict[str, Any]] = {}
    for module, table in held.named().items():
        if isinstance(table, PickledDict) and f"{module}.".startswith(wrapper):
            plain = {key: item for key, item in table.named().items() if _is_plain(item)}
            found[f"{module}."[len(wrapper) : -1] if wrapper else module] = plain
    return found


def _texts(checkpoint: Checkpoint) -> dict[str, str]:
    """Return the texts of a safetensors file, or of the parts of a sharded checkpoint."""
    own = checkpoint.contents.metadata if checkpoint.container in ("safetensors", "sharded") else {}
    texts = {key: text for key, text in own.items() if isinstance(text, str) and key != TABLE}
    return texts | kept_texts(checkpoint.contents.root)


def _table(embedded: Embedded) -> dict[str, Any]:
    """Return what a checkpoint says of itself by the keys it is looked for under."""
    table: dict[str, Any] = {
        "architecture": embedded.architecture,
        "num_classes": embedded.num_classes,
        "class_names": list(embedded.class_names),
        "preprocessing": embedded.preprocessing,
        "description": embedded.description,
    }
    return {key: value for key, value in table.items() if value}
