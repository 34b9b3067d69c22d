"""The weights of quantized and of prepacked layers, which TorchScript pickles as the states of opaque objects.

The forms are those of torch's ``__getstate__`` functions: ``aten/src/ATen/native/quantized/cpu/conv_serialization.h``
(versions 1 to 3), ``qlinear_prepack``, ``qembeddingbag_prepack``, the prepacked contexts of
``aten/src/ATen/native/xnnpack/OpContext.h``, and the quantized modules of ``torch/ao/nn/quantized``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from inspector.checkpoint.values import TensorValue, Value

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


def _flatten(state: tuple[Value, ...]) -> list[Value]:
    """Return the values of a state and of the lists in it, one level down, as far as a packed layer goes."""
    values: list[Value] = []
    for item in state[:_MAX_VALUES]:
        values += item[: _MAX_VALUES + 1] if isinstance(item, list | tuple) else (item,)
    return values[: _MAX_VALUES + 1]
