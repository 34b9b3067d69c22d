"""The tensors of an exported program laid out as the modules they came from, constants and inputs beside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from inspector.checkpoint.insides import TensorRole
from inspector.checkpoint.limits import MAX_DEPTH
from inspector.checkpoint.values import Global, PickledDict, PickledObject, PickledSet, TensorValue, Value

_GROUPS: dict[TensorRole, str] = {"parameter": "_parameters", "buffer": "_buffers"}

_TRANSIENT = "_non_persistent_buffers_set"


def lay_out_program(
    named: Mapping[str, Value],
    roles: Mapping[str, TensorRole],
    transient: Collection[str],
    classes: Mapping[str, str],
    inputs: Value,
) -> Value:
    """Return the program's model as `inspector.checkpoint.survey` lays out modules.

    Parameters
    ----------
    named
        Tensors and objects by their dotted names.
    roles
        What each is; ``"other"`` are constants.
    transient
        Buffers that are in no ``state_dict()``.
    classes
        The modules' classes by dotted name, as far as known.
    inputs
        The inputs that the program was made with, None where there are none.
    """
    modules: dict[str, PickledObject] = {"": _module(classes.get("", ""))}
    constants: list[Value] = []
    for name, value in named.items():
        role = roles.get(name, "other")
        if role not in _GROUPS or not isinstance(value, TensorValue):
            constants += (name, value)
            continue
        owner, _, label = name.rpartition(".")
        module = _module_at(modules, owner, classes)
        _part(module, _GROUPS[role]).flat += (label, value)
        if name in transient:
            _leave_out(module, label)
    beside = _part(modules[""], "_modules")
    taken = {key for key, _ in beside.pairs()}
    for name, value in (("constants", PickledDict("dict", constants) if constants else None), ("inputs", inputs)):
        if value is not None:
            beside.flat += (name if name not in taken else name.upper(), value)
    return modules[""]


def _module(class_name: str) -> PickledObject:
    """Return a module; of those that no node of the graph came from the class is not known."""
    module, _, name = class_name.rpartition(".")
    known = Global(module, name)
    known.dotted = class_name
    made = PickledObject(known, ())
    made.state = PickledDict(
        "dict", [part for group in ("_parameters", "_buffers", "_modules") for part in (group, PickledDict())]
    )
    return made


def _part(module: PickledObject, group: str) -> PickledDict:
    found = module.attributes()[group]
    assert isinstance(found, PickledDict)
    return found


def _leave_out(module: PickledObject, buffer: str) -> None:
    """Mark a buffer as a module does that keeps it out of its ``state_dict()``."""
    names = module.attributes().get(_TRANSIENT)
    if isinstance(names, PickledSet):
        names.items.append(buffer)
    else:
        module.state.flat += (_TRANSIENT, PickledSet("set", [buffer]))


def _module_at(modules: dict[str, PickledObject], dotted: str, classes: Mapping[str, str]) -> PickledObject:
    if dotted in modules:
        return modules[dotted]
    parts = dotted.split(".", MAX_DEPTH - 8)
    at = ""
    for label in parts:
        outer, at = modules[at], f"{at}.{label}" if at else label
        if at not in modules:
            modules[at] = _module(classes.get(at, ""))
            _part(outer, "_modules").flat += (label, modules[at])
    modules[dotted] = modules[at]
    return modules[at]
