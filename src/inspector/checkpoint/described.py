"""What a rebuild call's arguments say of a tensor: checked before anything is made of them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from inspector.checkpoint.dtypes import ITEM_SIZES, UNKNOWN
from inspector.checkpoint.limits import MAX_DIMENSIONS, MAX_ELEMENTS
from inspector.checkpoint.values import Global, PickledObject, StorageReference, TensorValue, UnusualTensor, Value

#: numpy's codes of the kinds and sizes that torch knows too.
_DTYPES = {
    "f8": "float64", "f4": "float32", "f2": "float16", "c16": "complex128", "c8": "complex64",
    "i8": "int64", "i4": "int32", "i2": "int16", "i1": "int8",
    "u8": "uint64", "u4": "uint32", "u2": "uint16", "u1": "uint8", "b1": "bool",
}  # fmt: skip

_NONSENSE = "its description makes no sense (offset, shape or stride)"

_NO_STORAGE = "what it was packed into could not be read, so its type and numbers are unknown"


def is_sizes(value: Value) -> bool:
    """Tell whether ``value`` is a tuple of sizes or strides that a tensor can have."""
    return (
        isinstance(value, tuple)
        and len(value) <= MAX_DIMENSIONS
        and all(type(size) is int and 0 <= size < MAX_ELEMENTS for size in value)
    )


def is_shape(value: Value) -> bool:
    """Tell whether ``value`` is a tuple of sizes with a number of elements that a tensor can have."""
    return is_sizes(value) and math.prod(value) < MAX_ELEMENTS


def dtype_name(value: Value) -> str | None:
    """Return the name of one of torch's dtypes, None where it is none that is known."""
    if isinstance(value, Global) and value.module == "torch" and value.name in ITEM_SIZES:
        return value.name
    return None


class NumpyType(NamedTuple):
    """A numpy dtype: torch's name (``""`` where it has none), numpy's code such as ``"<U2"``, its byte order."""

    name: str
    code: str
    big_endian: bool


def numpy_type_of(value: Value) -> NumpyType | None:
    """Return what ``numpy.dtype(code, False, True)`` with its state ``(3, byte order, ...)`` stands for."""
    if not isinstance(value, PickledObject) or value.class_name != "numpy.dtype":
        return None
    code = value.args[0] if isinstance(value.args, tuple) and value.args else None
    order = value.state[1] if isinstance(value.state, tuple) and len(value.state) > 1 else "|"
    if type(code) is not str or len(code) > 16 or order not in ("<", ">", "|", "="):
        return None
    return NumpyType(_DTYPES.get(code, ""), order + code if order in "<>" else code, order == ">")


def window(storage: Value, offset: Value, shape: Value, stride: Value, dtype: str | None) -> TensorValue:
    """Return a window on a storage, of its dtype where none is given; one with a problem where it makes no sense."""
    usable = (
        is_shape(shape)
        and isinstance(storage, StorageReference)
        and type(offset) is int
        and 0 <= offset < MAX_ELEMENTS
        and is_sizes(stride)
        and len(stride) == len(shape)
    )
    if not usable:
        known = dtype or (storage.dtype if isinstance(storage, StorageReference) else UNKNOWN)
        is_unread = isinstance(storage, PickledObject) and is_shape(shape)
        return without_bytes("strided", shape, known, _NO_STORAGE if is_unread else _NONSENSE)
    return TensorValue(storage, offset, shape, stride, dtype or storage.dtype)


def without_bytes(layout: str, shape: Value, dtype: str, problem: str = "") -> UnusualTensor:
    """Return a tensor that has no bytes of its own; of no dimension where ``shape`` is none."""
    if not is_shape(shape):
        return UnusualTensor(None, 0, (), (), dtype, layout=layout, problem=problem or _NONSENSE)
    return UnusualTensor(None, 0, shape, contiguous(shape), dtype, layout=layout, problem=problem)


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a tensor whose elements lie one after another, the last dimension's the closest."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    # Of an empty tensor the product of the other sizes has no bound; its strides mean nothing.
    return tuple(reversed(strides)) if step < MAX_ELEMENTS else (0,) * len(shape)


def like(tensor: TensorValue, **differences: Any) -> UnusualTensor:
    """Return the same tensor with something more to say of it."""
    own: dict[str, Any] = {
        "requires_grad": tensor.requires_grad,
        "layout": tensor.layout,
        "problem": tensor.problem,
        "is_parameter": tensor.is_parameter,
        "parts": tensor.parts,
        "quantization": tensor.quantization,
    }
    return UnusualTensor(
        tensor.storage, tensor.offset, tensor.shape, tensor.stride, tensor.dtype, **(own | differences)
    )


def is_plain(value: Value) -> bool:
    """Tell whether ``value`` is a tensor that is a window on a storage and nothing else, fit to be a part."""
    return (
        isinstance(value, TensorValue)
        and value.storage is not None
        and value.layout == "strided"
        and not value.parts
        and not value.problem
    )
