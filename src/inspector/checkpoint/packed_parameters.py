"""The weights of quantized and of prepacked layers, which are pickled as the states of opaque objects.

TorchScript pickles the objects by their class; Python as ``torch.ScriptObject`` with the state ``(state, class)``. The
forms are those of torch's ``__getstate__`` functions: ``aten/src/ATen/native/quantized/cpu/conv_serialization.h``
(versions 1 to 3), ``qlinear_prepack``, ``qembeddingbag_prepack``, the cells of ``aten/src/ATen/native/RNN.cpp``, the
prepacked contexts of ``aten/src/ATen/native/xnnpack/OpContext.h``, and the modules of ``torch/ao/nn/quantized``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from inspector.checkpoint.values import PickledObject, TensorValue, Value

#: Objects of torch itself that hold a layer's weight and bias in a form of their own.
PACKED_CLASS = re.compile(
    r"torch\.classes\.(?:quantized\.(?:Linear|Conv[23]d|Embedding)PackedParamsBase|"
    r"sparse\.LinearPackedParamsBase|xnnpack\.(?:Linear|Conv2d|TransposeConv2d)OpContext)$"
)

#: Modules of torch whose ``__getstate__`` gives a tuple with the weight and the bias in it.
_PACKED_MODULE = re.compile(
    r"torch\.(?:ao\.)?nn\.(?:intrinsic\.)?(?:quantized|sparse)\.(?:\w+\.)*(?:Conv\w*|Linear\w*|Embedding\w*)$"
)
_CONVOLUTION_STATE = (
    "in_channels out_channels kernel_size stride padding dilation transposed output_padding groups padding_mode "
    "weight bias scale zero_point".split()
)

#: Tensors of one packed layer at the most: weight, bias, and the settings of convolutions of version 2.
_MAX_TENSORS = 8
_MAX_VALUES = 64


_SCRIPT_OBJECTS = ("torch.ScriptObject", "torch._C.ScriptObject")
_TORCHSCRIPT = "__torch__."
_MAX_DEPTH = 4


@dataclass(slots=True)
class Unpacked:
    """What a packed layer holds: its parameters, plain values told of it, and other values."""

    parameters: list[tuple[str, Value]] = field(default_factory=list)
    plain: list[tuple[str, Value]] = field(default_factory=list)
    other: list[tuple[str, Value]] = field(default_factory=list)

    @property
    def named(self) -> dict[str, Value]:
        """All of it in one table."""
        return dict(self.plain + self.parameters + self.other)


def unpack(class_name: str, state: Value) -> Unpacked | None:
    """Return what the packed layer of this class holds; None where it is none, or in a form that torch has not.

    Parameters
    ----------
    class_name
        Readable, as `inspector.checkpoint.torchscript_code.readable` gives it.
    state
        As pickled.
    """
    if not isinstance(state, tuple) or not (PACKED_CLASS.search(class_name) or _PACKED_MODULE.match(class_name)):
        return None
    values = _flatten(state)
    tensors = [value for value in values if isinstance(value, TensorValue)]
    if not 0 < len(tensors) <= _MAX_TENSORS or len(values) > _MAX_VALUES:
        return None
    found = Unpacked()
    if len(state) == 3 and state[0] == "2" and tensors[0].dtype == "int16":
        found.other.append(("settings", tensors.pop(0)))
    for tensor in tensors:
        name = ("weight", "bias")[len(found.parameters)] if len(found.parameters) < 2 else ""
        if name and (name == "weight" or len(tensor.shape) <= 1):
            found.parameters.append((name, tensor))
        else:
            found.other.append((f"tensor {len(found.other)}", tensor))
    if len(state) == len(_CONVOLUTION_STATE) + 1 and state[10] is tensors[0]:
        named = zip(_CONVOLUTION_STATE, state, strict=False)
        found.plain += [(name, value) for name, value in named if not isinstance(value, TensorValue | None)]
    return found


def unpack_module(value: Value) -> Unpacked | None:
    """Return what a pickled quantized module holds that packs all of its state; None where it is no such module."""
    packs_all = isinstance(value, PickledObject) and isinstance(value.state, tuple)
    return unpack(value.class_name, value.state) if packs_all and _PACKED_MODULE.match(value.class_name) else None


def is_script_object(value: Value) -> bool:
    """Tell whether Python pickled an object of a class of torch's own, such as a layer's packed weights."""
    return isinstance(value, PickledObject) and value.class_name in _SCRIPT_OBJECTS


def script_tensors(value: Value, depth: int = 0) -> list[tuple[str, TensorValue]]:
    """Return the tensors in an object of a class of torch's own, each by its name in it; none where it is too large.

    They are named as a module's ``state_dict`` names them, which has the state itself in place of the object: the
    weight and bias of a linear layer are ``"0"`` and ``"1"``, and an embedding's weight has no name of its own.
    """
    state = value.state if is_script_object(value) else None
    if not isinstance(state, tuple) or len(state) != 2 or not isinstance(state[1], str) or depth > _MAX_DEPTH:
        return []
    held, class_name = state[0], state[1].removeprefix(_TORCHSCRIPT)
    kind = class_name.rpartition(".")[2]
    if kind == "CellParamsBase" and isinstance(held, tuple) and len(held) == 5:
        return _of_cell(held, depth)
    found = unpack(class_name, held) if kind.startswith(("Conv", "Embedding")) else None
    if found is not None and kind.startswith("Embedding"):
        return [("", tensor) for _, tensor in found.parameters[:1]]
    if found is not None:
        return [(name, tensor) for name, tensor in found.parameters + found.other]
    return _by_place(held, depth)


def _of_cell(state: tuple[Value, ...], depth: int) -> list[tuple[str, TensorValue]]:
    """Return the tensors of a recurrent cell: ``(type, tensors, reals, integers, packed weights)``."""
    _, biases, _, _, weights = state
    named: list[Value] = []
    for word, group in (("bias", biases), ("weight", weights)):
        if isinstance(group, list | tuple):
            names = (
                (f"{word}_ih", f"{word}_hh") if len(group) == 2 else tuple(f"{word}_{at}" for at in range(len(group)))
            )
            named += zip(names, group, strict=True)
    return _by_name(named, depth)


def _by_place(value: Value, depth: int) -> list[tuple[str, TensorValue]]:
    items = value[: _MAX_VALUES + 1] if isinstance(value, list | tuple) else (value,)
    return _by_name([(str(place), item) for place, item in enumerate(items)], depth)


def _by_name(items: list[tuple[str, Value]], depth: int) -> list[tuple[str, TensorValue]]:
    """Return the tensors among the items, and those in lists and in objects of torch's own among them."""
    found: list[tuple[str, TensorValue]] = []
    for name, item in items:
        if isinstance(item, TensorValue):
            found.append((name, item))
        elif is_script_object(item) or (isinstance(item, list | tuple) and depth < _MAX_DEPTH):
            inner = script_tensors(item, depth + 1) if is_script_object(item) else _by_place(item, depth + 1)
            found += [(f"{name}.{own}" if own else name, tensor) for own, tensor in inner]
        if len(found) > _MAX_VALUES:
            return []
    return found


def _flatten(state: tuple[Value, ...]) -> list[Value]:
    """Return the values of a state and of the lists in it, one level down, as far as a packed layer goes."""
    values: list[Value] = []
    for item in state[:_MAX_VALUES]:
        values += item[: _MAX_VALUES + 1] if isinstance(item, list | tuple) else (item,)
    return values[: _MAX_VALUES + 1]
