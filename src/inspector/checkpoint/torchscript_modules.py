"""TorchScript's pickled objects laid out as modules: parameters, buffers and submodules told apart, as torch does.

In the pickle a module is an object with one table of attributes; which of them are parameters and which are buffers
is declared by its class, in the archive's code. Names come out as ``module.state_dict()`` of the loaded model gives
them; what else a module holds (tensors that are attributes, packed weights, lists, tables) stands beside that.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from inspector.checkpoint.insides import role_in_state_dict
from inspector.checkpoint.packed_parameters import PACKED_CLASS, unpack
from inspector.checkpoint.torchscript_code import ScriptClass, readable
from inspector.checkpoint.values import Global, PickledDict, PickledObject, PickledSet, TensorValue, Value

#: Told first of a module, in this order; ``repr(module)`` does much the same.
_FIRST_SHOWN = (
    "in_channels out_channels in_features out_features num_features num_embeddings embedding_dim input_size "
    "hidden_size normalized_shape kernel_size stride padding dilation groups p eps momentum".split()
)
_QUIET = frozenset(("training", "_is_full_backward_hook"))


def shape_modules(root: Value, classes: Mapping[str, ScriptClass], *, as_constants: bool = False) -> None:
    """Lay out every TorchScript object that ``root`` leads to, in place.

    Parameters
    ----------
    root
        The value of ``data.pkl`` or ``constants.pkl``.
    classes
        What the archive's code declares, by qualified name.
    as_constants
        Packed weights among the program's constants belong to no module, and are laid out as plain objects.
    """
    stack, seen = [root], set[int]()
    names: dict[str, Global] = {}
    while stack:
        value = stack.pop()
        if id(value) in seen or not isinstance(value, list | tuple | PickledDict | PickledObject | PickledSet):
            continue
        seen.add(id(value))
        if isinstance(value, PickledObject):
            stack += (value.args, value.state)
            _shape(value, classes, names, as_constants)
        elif isinstance(value, PickledSet):
            stack += value.items
        else:
            stack += value.flat if isinstance(value, PickledDict) else value


def _shape(
    value: PickledObject, classes: Mapping[str, ScriptClass], names: dict[str, Global], as_constants: bool
) -> None:
    function = value.function
    if not isinstance(function, Global) or function.module.partition(".")[0] != "__torch__":
        return
    qualified = function.dotted
    if qualified not in names:
        names[qualified] = Global(*readable(qualified).rsplit(".", 1))
    value.function = names[qualified]
    declared = classes.get(qualified)
    is_module = declared.parameters is not None if declared is not None else isinstance(value.state, PickledDict)
    unpacked = unpack(value.class_name, value.state)
    if unpacked is not None and (as_constants or not (is_module or PACKED_CLASS.search(qualified))):
        value.state = PickledDict("dict", [item for pair in unpacked.named.items() for item in pair])
    elif unpacked is not None:
        value.state = _module_state(unpacked.plain, unpacked.parameters, [], unpacked.other)
    elif is_module and isinstance(value.state, PickledDict):
        value.state = _module_of(value.state, declared)


def _module_of(state: PickledDict, declared: ScriptClass | None) -> PickledDict:
    """Return a module's attributes sorted into what `inspector.checkpoint.survey` lays out."""
    plain: list[tuple[str, Value]] = list(declared.constants.items()) if declared is not None else []
    parameters: list[tuple[str, Value]] = []
    buffers: list[tuple[str, Value]] = []
    children: list[tuple[str, Value]] = []
    own: set[int] = set()
    named = state.named()
    groups = {"parameter": parameters, "buffer": buffers}
    for name, item in named.items():
        if isinstance(item, TensorValue):
            role = _role(name, item, declared, named)
            groups.get(role, children).append((name, item))
            own.add(id(item))
        elif isinstance(item, list | tuple | PickledDict | PickledSet | PickledObject):
            children.append((name, item))
        elif item is not None and name not in _QUIET:
            plain.append((name, item))
    children = [(name, item) for name, item in children if not _says_nothing_new(name, item, own)]
    order = {name: place for place, name in enumerate(_FIRST_SHOWN)}
    plain.sort(key=lambda pair: order.get(pair[0], len(order)))
    return _module_state(plain, parameters, buffers, children)


def _module_state(
    plain: list[tuple[str, Value]],
    parameters: list[tuple[str, Value]],
    buffers: list[tuple[str, Value]],
    children: list[tuple[str, Value]],
) -> PickledDict:
    state = PickledDict("dict", [item for pair in plain for item in pair])
    for name, pairs in (("_parameters", parameters), ("_buffers", buffers), ("_modules", children)):
        state.flat += (name, PickledDict("dict", [item for pair in pairs for item in pair]))
    return state


def _role(name: str, tensor: TensorValue, declared: ScriptClass | None, beside: Container[str]) -> str:
    if declared is None or declared.parameters is None:
        return role_in_state_dict(name, tensor, beside)
    if name in declared.parameters:
        return "parameter"
    if declared.buffers is not None:
        return "buffer" if name in declared.buffers else "other"
    # Before torch 1.5 buffers were not listed: every attribute declared as a tensor was one.
    return "buffer" if declared.types.get(name) == "Tensor" else "other"


def _says_nothing_new(name: str, item: Value, own: set[int]) -> bool:
    """Tell a list that repeats the module's own tensors (``_flat_weights``), and private lists of plain values."""
    if name.startswith("__") and name.endswith("__"):  # such as __constants__ and __overloads__, torch's own lists
        return not isinstance(item, PickledObject)
    if not isinstance(item, list | tuple):
        return False
    if not item:
        return True
    leaves = [leaf for part in item for leaf in (part if isinstance(part, list | tuple) else (part,))]
    if all(isinstance(leaf, TensorValue) and id(leaf) in own for leaf in leaves):
        return True
    return name.startswith("_") and all(isinstance(leaf, bool | int | float | str | None) for leaf in leaves)
