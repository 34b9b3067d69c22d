"""What a root value is: its kind, where state_dicts and modules sit in it, and what role each plays."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Literal

from inspector.checkpoint.dtypes import FLOATING, UNKNOWN
from inspector.checkpoint.packed_parameters import script_tensors, unpack_module
from inspector.checkpoint.values import Global, PickledDict, PickledObject, TensorValue, Value, listed

Kind = Literal[
    "state_dict",
    "pickled_model",
    "training_checkpoint",
    "torchscript_model",
    "exported_program",
    "tensor",
    "object",
]
TensorRole = Literal["parameter", "buffer", "optimizer", "other"]
StateDictRole = Literal["model", "ema", "optimizer", "other"]

#: Buffers that torch's and torchvision's modules register; a state_dict does not tell them from parameters.
BUFFER_NAMES = frozenset(
    "running_mean running_var num_batches_tracked relative_position_index relative_coords_table attn_mask "
    "position_ids anchor_grid anchors rank inv_freq scale zero_point eps min_val max_val observer_enabled "
    "fake_quant_enabled _min_val _max_val".split()
)

#: Buffers of quantized modules and their observers only in company; alone they are parameters of many other modules.
_COMPANIONS = {
    "scale": "zero_point", "zero_point": "scale", "min_val": "max_val", "max_val": "min_val", "eps": "min_val",
}  # fmt: skip

#: The class of what ``numpy.load`` gives for an archive of arrays.
NUMPY_ARCHIVE = "numpy.lib.npyio.NpzFile"

_PERHAPS_FLOATING = FLOATING | {UNKNOWN}

#: Wrappers that prefix every key: DistributedDataParallel's, torch.compile's, and the usual attribute's.
WRAPPERS = ("module.", "_orig_mod.", "model.")

#: Entries of a quantized module's packed parameters at the most.
_MAX_PACKED = 16

#: Dicts within dicts that a state_dict is nested in at the most.
_MAX_NESTING = 32

_STATE_DICT_WORDS = (
    "state_dict model net weights params ema shadow module generator discriminator encoder decoder backbone "
    "student teacher".split()
)
_MODEL_NAMES = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "weights",
    "params",
)


def is_module(value: Value) -> bool:
    """Tell whether ``value`` is a pickled ``torch.nn.Module``, of any class."""
    if not isinstance(value, PickledObject):
        return False
    if isinstance(value.state, tuple) and unpack_module(value) is not None:
        return True
    attributes = value.attributes()
    return isinstance(attributes.get("_modules"), PickledDict) and isinstance(
        attributes.get("_parameters"), PickledDict
    )


def is_state_dict(value: Value, name: str | None = None) -> bool:
    """Tell whether ``value`` maps names to tensors as a module's ``state_dict()`` does.

    One nested under ``name`` must also look the part, by that name or by dotted keys: in a table of layers,
    ``{"layer1": {"weight": ..., "bias": ...}}``, no layer is a state_dict of its own. So must numpy's archive.
    """
    if not isinstance(value, PickledDict) or not value.flat:
        return False
    tensors = foreign = 0
    if name is None:
        looks_it = value.class_name != NUMPY_ARCHIVE
    else:
        looks_it = any(word in name.lower() for word in _STATE_DICT_WORDS)
    for key, item in value.pairs():
        if type(key) is not str:
            return False
        if isinstance(listed(item), TensorValue) or _is_packed(item):
            tensors += 1
            looks_it = looks_it or "." in key
        elif not (isinstance(item, Global) or key.endswith("_extra_state") or item is None):
            foreign += 1
    return tensors > 0 and looks_it and foreign * 10 <= len(value)


def is_nested_state_dict(value: Value) -> bool:
    """Tell whether ``value`` is a state_dict that is nested by modules: ``{"layer1": {"weight": ..., "bias": ...}}``.

    That is dicts in dicts with tensors for leaves, no dict twice, no dot in a key, and none of the dicts a state_dict
    of its own.
    """
    if not isinstance(value, PickledDict) or not any(isinstance(item, PickledDict) for _, item in value.pairs()):
        return False
    seen, stack, tensors = {id(value)}, [(value, 1)], 0
    while stack:
        table, depth = stack.pop()
        for key, item in table.pairs():
            if type(key) is not str or "." in key:
                return False
            if isinstance(item, PickledDict):
                if id(item) in seen or depth >= _MAX_NESTING or is_state_dict(item, key):
                    return False
                seen.add(id(item))
                stack.append((item, depth + 1))
            elif isinstance(listed(item), TensorValue):
                tensors += 1
            elif item is not None:
                return False
    return tensors > 0


def dotted_entries(value: PickledDict, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Yield the entries of a state_dict, those of dicts in it under dotted names, in the file's order."""
    for key, item in value.named().items():
        if isinstance(item, PickledDict):
            yield from dotted_entries(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def _is_packed(value: Value) -> bool:
    """Tell a quantized module's packed parameters: a tuple of tensors, with None for a missing bias, or an object."""
    return bool(script_tensors(value)) or (
        isinstance(value, tuple) and len(value) <= _MAX_PACKED and any(isinstance(item, TensorValue) for item in value)
    )


def optimizer_table(value: Value, path: str = "") -> tuple[PickledDict, list[Value]] | None:
    """Return the ``state`` and ``param_groups`` of an optimizer, or of its state_dict; None where it is none.

    One whose ``path`` calls it an optimizer may have its groups left out.
    """
    held = value.state if isinstance(value, PickledObject) else value
    if not isinstance(held, PickledDict):
        return None
    state, groups = held.get("state"), held.get("param_groups")
    if groups is None and path and role_of_path(path) == "optimizer":
        groups = []
    return (state, groups) if isinstance(state, PickledDict) and isinstance(groups, list) else None


def role_of_path(path: str) -> StateDictRole:
    """Return the role a state_dict plays in a training checkpoint, from the names that lead to it."""
    words = path.lower()
    if "optim" in words:
        return "optimizer"
    apart = words.replace(".", "_").split("_")
    if "ema" in apart or "swa" in apart or "shadow" in words or "averaged" in words:
        return "ema"
    return "other" if "sched" in words or "scaler" in words else "model"


def rank_of_path(path: str) -> int:
    """Return how likely the state_dict at ``path`` is *the* model's: lower is likelier."""
    name = path.rpartition(".")[2].lower()
    return _MODEL_NAMES.index(name) if name in _MODEL_NAMES else len(_MODEL_NAMES)


def wrapper_of(keys: Iterable[str]) -> str | None:
    """Return the wrapper that prefixes every key, such as ``"module."`` or ``"module._orig_mod."``, or None."""
    remaining = list(keys)
    wrapper = ""
    while remaining:
        found = next((prefix for prefix in WRAPPERS if all(key.startswith(prefix) for key in remaining)), None)
        if found is None:
            break
        wrapper += found
        remaining = [key[len(found) :] for key in remaining]
    return wrapper or None


def role_in_state_dict(key: str, tensor: TensorValue, keys: Container[str]) -> TensorRole:
    """Return whether the entry ``key`` of a model's state_dict, with these ``keys``, is a parameter or a buffer.

    Integers and booleans can't require a gradient, so they are buffers whatever they are called; as numpy's arrays they
    may be anything.
    """
    module, _, name = key.rpartition(".")
    if tensor.is_parameter or tensor.requires_grad:
        return "parameter"
    if name in BUFFER_NAMES:
        companion = _COMPANIONS.get(name)
        if companion is None or (f"{module}.{companion}" if module else companion) in keys:
            return "buffer"
    if tensor.is_array:
        return "parameter" if tensor.dtype in FLOATING else "other"
    return "parameter" if tensor.dtype in _PERHAPS_FLOATING or tensor.layout == "quantized" else "buffer"
