"""What a pickled ``torch.nn.Module`` is made of, by its attributes alone: its class is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from inspector.checkpoint.insides import TensorRole
from inspector.checkpoint.packed_parameters import is_script_object, script_tensors, unpack_module
from inspector.checkpoint.text import clean_name, value_text
from inspector.checkpoint.values import PickledDict, PickledObject, TensorValue, Value

#: Attributes of a module shown in its row.
_MAX_SHOWN = 16

#: Attributes that every module has, or that say nothing of how it was constructed.
_SILENT = frozenset(("training", "dump_patches", "call_super_init"))


@dataclass(frozen=True, slots=True)
class ModuleParts:
    """What a pickled module is made of: the text of its row, its own tensors, its children."""

    detail: str
    tensors: list[tuple[str, TensorValue, TensorRole]]
    children: list[tuple[str, Value]]


def take_apart(value: PickledObject) -> ModuleParts:
    """Return what a pickled module is made of; `inspector.checkpoint.insides.is_module` told that it is one."""
    tensors: list[tuple[str, TensorValue, TensorRole]] = []
    packed = unpack_module(value)
    if packed is not None:
        tensors += [(name, item, "parameter") for name, item in packed.parameters if isinstance(item, TensorValue)]
        return ModuleParts(_detail(value, dict(packed.plain)), tensors, packed.other)
    attributes = value.attributes()
    groups: tuple[tuple[str, TensorRole], ...] = (("_parameters", "parameter"), ("_buffers", "buffer"))
    for group, role in groups:
        held = attributes.get(group)
        if isinstance(held, PickledDict):
            tensors += [
                (clean_name(name), item, role) for name, item in held.named().items() if isinstance(item, TensorValue)
            ]
    children = [(name, item) for name, item in attributes["_modules"].named().items() if item is not None]
    for name, item in attributes.items():
        if is_script_object(item):
            held = script_tensors(item)
            tensors += [(".".join(filter(None, (clean_name(name), own))), tensor, "parameter") for own, tensor in held]
            children += [] if held else [(name, item)]
    return ModuleParts(_detail(value, attributes), tensors, children)


def _detail(value: PickledObject, attributes: dict[str, Value]) -> str:
    """Return the class and what it was constructed with, as ``repr(module)`` tells it."""
    shown = (
        f"{clean_name(name)} {value_text(item)}"
        for name, item in attributes.items()
        if not name.startswith("_") and name not in _SILENT and _is_plain(item)
    )
    return " · ".join(filter(None, [clean_name(value.class_name), *islice(shown, _MAX_SHOWN)]))


def _is_plain(value: Value) -> bool:
    if isinstance(value, tuple):
        return 0 < len(value) <= 4 and all(type(item) is int for item in value)
    return isinstance(value, bool | int | float | str) and value != ""
