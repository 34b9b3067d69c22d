"""What torch's rebuild calls mean: tensors, parameters and plain collections, made from inert values.

The signatures are those of ``torch/_utils.py`` and ``torch/_tensor.py`` (torch 2.15). A call whose arguments make
no sense gives a `TensorValue` with a ``problem``, never an error: one bad tensor must not hide the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from inspector.checkpoint.dtypes import ITEM_SIZES
from inspector.checkpoint.limits import MAX_DIMENSIONS, MAX_ELEMENTS
from inspector.checkpoint.values import (
    Global,
    PickledDict,
    PickledObject,
    PickledSet,
    StorageReference,
    TensorValue,
    UnusualTensor,
    Value,
)


def call(function: Value, args: Value) -> Value:
    """Return what calling ``function`` with ``args`` would have made, without calling anything."""
    if isinstance(function, Global) and isinstance(args, tuple):
        maker = _MAKERS.get(function.dotted)
        if maker is not None:
            made = maker(args)
            if made is not None:
                return made
    return PickledObject(function, args)


def _is_sizes(value: Value) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) <= MAX_DIMENSIONS
        and all(type(size) is int and 0 <= size < MAX_ELEMENTS for size in value)
    )


def _is_shape(value: Value) -> bool:
    return _is_sizes(value) and math.prod(value) < MAX_ELEMENTS


def _dtype_name(value: Value) -> str | None:
    if isinstance(value, Global) and value.module == "torch" and value.name in ITEM_SIZES:
        return value.name
    return None


def _tensor(storage: Value, offset: Value, shape: Value, stride: Value, dtype: str | None) -> TensorValue:
    usable = (
        _is_shape(shape)
        and isinstance(storage, StorageReference)
        and type(offset) is int
        and 0 <= offset < MAX_ELEMENTS
        and _is_sizes(stride)
        and len(stride) == len(shape)
    )
    if not usable:
        why = "its description makes no sense (offset, shape or stride)"
        return UnusualTensor(None, 0, shape if _is_shape(shape) else (), (), dtype or "float32", problem=why)
    return TensorValue(storage, offset, shape, stride, dtype or storage.dtype)


def _tensor_v1(args: tuple[Value, ...]) -> TensorValue | None:
    return _tensor(args[0], args[1], args[2], args[3], None) if len(args) >= 4 else None


def _tensor_v2(args: tuple[Value, ...]) -> TensorValue | None:
    made = _tensor_v1(args)
    if made is not None and len(args) > 4:
        made.requires_grad = args[4] is True
    return made


def _tensor_v3(args: tuple[Value, ...]) -> TensorValue | None:
    if len(args) < 7:
        return None
    made = _tensor(args[0], args[1], args[2], args[3], _dtype_name(args[6]))
    made.requires_grad = args[4] is True
    return made


def _quantized(args: tuple[Value, ...]) -> TensorValue | None:
    made = _tensor_v1(args)
    return _like(made, layout="quantized") if made is not None and not made.problem else made


def _like(tensor: TensorValue, **differences: Any) -> UnusualTensor:
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


def _parameter(args: tuple[Value, ...]) -> TensorValue | None:
    if not args or not isinstance(args[0], TensorValue):
        return None
    return _like(args[0], requires_grad=len(args) > 1 and args[1] is True, is_parameter=True)


def _parameter_class(args: tuple[Value, ...]) -> TensorValue | None:
    """``torch.nn.parameter.Parameter(data, requires_grad)``, as torch before 0.4 pickled parameters.

    Before 0.1.7 it was made of nothing, and a state given to it: see `set_state`.
    """
    if args:
        return _parameter(args)
    return UnusualTensor(None, 0, (), (), "float32", is_parameter=True, problem="its values are missing from the file")


def set_state(tensor: TensorValue, state: Value) -> None:
    """Do what ``torch.Tensor.__setstate__`` does with the state of torch before 0.1.7.

    That is ``(data, gradient, hooks, requires_grad, volatile)``; anything else changes nothing that is shown.
    """
    data = state[0] if isinstance(state, tuple) and len(state) == 5 else None
    if isinstance(tensor, UnusualTensor) and tensor.problem and isinstance(data, TensorValue):
        tensor.storage, tensor.offset, tensor.shape, tensor.stride = data.storage, data.offset, data.shape, data.stride
        tensor.dtype, tensor.layout, tensor.problem, tensor.parts = data.dtype, data.layout, data.problem, data.parts
        tensor.requires_grad, tensor.quantization = state[3] is True, data.quantization


def _without_bytes(layout: str, shape: Value, dtype: str) -> TensorValue | None:
    if not _is_shape(shape):
        return None
    return UnusualTensor(None, 0, shape, (), dtype, layout=layout)


def _meta(args: tuple[Value, ...]) -> TensorValue | None:
    return _without_bytes("meta", args[1], _dtype_name(args[0]) or "float32") if len(args) >= 2 else None


def _sparse(args: tuple[Value, ...]) -> TensorValue | None:
    data = args[1] if len(args) >= 2 else None
    if not isinstance(data, tuple) or len(data) < 3:
        return None
    values = [item for item in data if isinstance(item, TensorValue)]
    shape = next((item for item in data if item and _is_shape(item)), None)
    return _without_bytes("sparse", shape, values[-1].dtype) if values and shape is not None else None


def _from_type(args: tuple[Value, ...]) -> Value:
    """``torch._tensor._rebuild_from_type(_v2)(func, type, args, state)``: a subclass around a plain tensor."""
    inner = args[0] if len(args) >= 3 else None
    # One level only: honest files never nest these, and a file must not choose how deep we recurse.
    if not isinstance(inner, Global) or inner.name.startswith("_rebuild_from_type"):
        return None
    return call(inner, args[2])


def _ordered_dict(args: tuple[Value, ...]) -> PickledDict | None:
    made = PickledDict("collections.OrderedDict")
    if args and isinstance(args[0], list):
        for pair in args[0]:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                return None
            made.flat += pair
    return made


def _set(name: str) -> Callable[[tuple[Value, ...]], PickledSet]:
    def make(args: tuple[Value, ...]) -> PickledSet:
        items: Sequence[Value] = args[0] if args and isinstance(args[0], list | tuple) else ()
        return PickledSet(name, list(items))

    return make


def _encode(args: tuple[Value, ...]) -> bytes | None:
    """``_codecs.encode(text, "latin1")``: how protocol 2 writes bytes."""
    if len(args) == 2 and isinstance(args[0], str) and args[1] in ("latin1", "latin-1"):
        try:
            return args[0].encode("latin-1")
        except UnicodeEncodeError:
            return None
    return None


def _size(args: tuple[Value, ...]) -> tuple[Value, ...] | None:
    return tuple(args[0]) if args and isinstance(args[0], list | tuple) else None


_MAKERS: dict[str, Callable[[tuple[Value, ...]], Value]] = {
    "torch._utils._rebuild_tensor": _tensor_v1,
    "torch._utils._rebuild_tensor_v2": _tensor_v2,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_qtensor": _quantized,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._utils._rebuild_meta_tensor_no_storage": _meta,
    "torch._utils._rebuild_sparse_tensor": _sparse,
    "torch._tensor._rebuild_from_type": _from_type,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch.nn.parameter.Parameter": _parameter_class,
    "torch.Size": _size,
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": lambda _: PickledDict("collections.defaultdict"),
    "builtins.set": _set("set"),
    "builtins.frozenset": _set("frozenset"),
    "builtins.bytes": lambda args: None if args else b"",  # how protocols 0 to 2 write empty ones
    "_codecs.encode": _encode,
}
