"""Tensors of more than one window: quantized, sparse, nested, on other devices, without bytes.

The signatures are those of ``torch/_utils.py``, ``torch/_tensor.py`` and ``torch/nested/_internal`` (torch 2.15).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from inspector.checkpoint.described import dtype_name, is_plain, is_shape, like, window, without_bytes
from inspector.checkpoint.dtypes import UNKNOWN
from inspector.checkpoint.values import (
    Global,
    PickledDict,
    PickledObject,
    Quantization,
    TensorPart,
    TensorValue,
    UnusualTensor,
    Value,
)

Args = tuple[Value, ...]

_PER_CHANNEL = ("per_channel_affine", "per_channel_affine_float_qparams")

#: The index parts of each compressed layout, in the order of its pickle.
_COMPRESSED = {
    "sparse_csr": ("crow_indices", "col_indices"),
    "sparse_bsr": ("crow_indices", "col_indices"),
    "sparse_csc": ("ccol_indices", "row_indices"),
    "sparse_bsc": ("ccol_indices", "row_indices"),
}
_SPARSE_NONSENSE = "its sparse parts don't fit together"

#: Names under which wrapper subclasses keep the plain tensor that they stand for.
_INNER_NAMES = ("_local_tensor", "elem", "_data", "data", "_tensor")


def quantized(args: Args) -> TensorValue | None:
    """``_rebuild_qtensor(storage, offset, size, stride, parameters, requires_grad, hooks)``."""
    if len(args) < 4:
        return None
    made = window(args[0], args[1], args[2], args[3], None)
    if made.problem:
        return made
    how: Value = args[4] if len(args) > 4 else None
    scheme = how[0] if isinstance(how, tuple) and len(how) in (3, 4) else None
    name = scheme.name if isinstance(scheme, Global) and scheme.module == "torch" else ""
    if name == "per_tensor_affine" and _is_scale(how[1]) and _is_zero_point(how[2]):
        return like(made, layout="quantized", quantization=Quantization(float(how[1]), how[2]))
    if name in _PER_CHANNEL and len(how) == 4:
        return _by_channel(made, how[1], how[2], how[3])
    return like(made, layout="quantized", problem="how its integers stand for numbers makes no sense")


def _is_scale(value: Value) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _is_zero_point(value: Value) -> bool:
    return type(value) is int and abs(value) < 1 << 32


def _by_channel(made: TensorValue, scales: Value, zero_points: Value, axis: Value) -> UnusualTensor:
    if isinstance(scales, list) or isinstance(zero_points, list):
        return like(made, layout="quantized")  # plain lists in the pickle: only the integers can be shown
    fits = type(axis) is int and 0 <= axis < len(made.shape)
    for numbers in (scales, zero_points):
        fits = fits and is_plain(numbers) and numbers.shape == (made.shape[axis],)
    if not fits:
        return like(made, layout="quantized", problem="its scales don't fit its shape")
    parts = (TensorPart("scales", (), scales), TensorPart("zero_points", (), zero_points))
    return like(made, layout="quantized", parts=parts, quantization=Quantization(1.0, 0, axis))


def sparse(args: Args) -> TensorValue | None:
    """``_rebuild_sparse_tensor(layout, data)``; also ``_rebuild_sparse_csr_tensor`` of torch 1.9 to 1.12."""
    if len(args) < 2 or not isinstance(args[1], tuple):
        return None
    layout, data = layout_name(args[0]), args[1]
    if layout == "sparse_coo" and len(data) in (3, 4):
        return _coordinates(data[0], data[1], data[2])
    if layout in _COMPRESSED and len(data) == 4:
        return _compressed(_COMPRESSED[layout], data[:3], data[3], blocks=layout in ("sparse_bsr", "sparse_bsc"))
    return None


def layout_name(value: Value) -> str:
    """Return the name of a layout, as ``torch.serialization._get_layout("torch.sparse_coo")`` gives it, or ""."""
    if isinstance(value, PickledObject) and value.class_name == "torch.serialization._get_layout":
        (name,) = value.args if isinstance(value.args, tuple) and len(value.args) == 1 else ("",)
        return name.removeprefix("torch.") if type(name) is str else ""
    return value.name if isinstance(value, Global) and value.module == "torch" else ""


def _coordinates(indices: Value, values: Value, shape: Value) -> UnusualTensor:
    if not (is_plain(indices) and is_plain(values)) or not is_shape(shape):
        return without_bytes("sparse", shape, UNKNOWN, _SPARSE_NONSENSE)
    dimensions = indices.shape[0] if len(indices.shape) == 2 else -1
    fits = 0 <= dimensions <= len(shape) and values.shape == (*indices.shape[1:], *shape[dimensions:])
    return _put_together(shape, (("indices", indices), ("values", values)), fits and indices.dtype == "int64")


def _compressed(roles: tuple[str, str], data: Args, shape: Value, *, blocks: bool) -> UnusualTensor:
    outer, inner, values = data
    if not all(map(is_plain, data)) or not is_shape(shape) or not outer.shape:
        return without_bytes("sparse", shape, UNKNOWN, _SPARSE_NONSENSE)
    batch = len(outer.shape) - 1
    dense = shape[batch + 2 :]
    block = values.shape[batch + 1 : batch + 3] if blocks else (1, 1)
    rows = batch if roles[0] == "crow_indices" else batch + 1
    fits = (
        len(shape) >= batch + 2
        and len(block) == 2
        and 0 not in block
        and shape[batch] % block[0] == shape[batch + 1] % block[1] == 0
        and outer.shape == (*shape[:batch], shape[rows] // block[rows - batch] + 1)
        and len(inner.shape) == batch + 1
        and inner.shape[:batch] == shape[:batch]
        and values.shape == (*inner.shape, *(block if blocks else ()), *dense)
        and {outer.dtype, inner.dtype} <= {"int64", "int32"}
    )
    return _put_together(shape, ((roles[0], outer), (roles[1], inner), ("values", values)), fits)


def _put_together(shape: tuple[int, ...], parts: tuple[tuple[str, TensorValue], ...], fits: bool) -> UnusualTensor:
    made = without_bytes("sparse", shape, parts[-1][1].dtype, "" if fits else _SPARSE_NONSENSE)
    return like(made, parts=tuple(TensorPart(role, (), part) for role, part in parts)) if fits else made


def nested(args: Args) -> TensorValue | None:
    """``_rebuild_nested_tensor(buffer, sizes, strides, offsets)``: shown as its buffer, one tensor after another."""
    if len(args) != 4 or not all(map(is_plain, args)):
        return None
    roles = ("sizes", "strides", "offsets")
    return like(
        args[0],
        layout="nested",
        parts=tuple(TensorPart(role, (), part) for role, part in zip(roles, args[1:], strict=True)),
    )


def jagged(args: Args) -> TensorValue | None:
    """``_rebuild_njt(arguments)``: a jagged tensor, shown as its values, one row after another."""
    named = args[0].named() if len(args) == 1 and isinstance(args[0], PickledDict) else {}
    values, offsets, lengths = named.get("values"), named.get("offsets"), named.get("lengths")
    if values is None or offsets is None or not (is_plain(values) and is_plain(offsets)):
        return None
    parts = [TensorPart("offsets", (), offsets)]
    if lengths is not None and is_plain(lengths):
        parts.append(TensorPart("lengths", (), lengths))
    return like(values, layout="nested", parts=tuple(parts), requires_grad=named.get("requires_grad") is True)


def meta(args: Args) -> TensorValue | None:
    """``_rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad)``."""
    if len(args) < 2:
        return None
    made = without_bytes("meta", args[1], dtype_name(args[0]) or UNKNOWN)
    made.requires_grad = len(args) > 3 and args[3] is True
    return made


def on_device(args: Args) -> TensorValue | None:
    """``_rebuild_device_tensor_from_numpy`` and its kin, ``(data, dtype, device, requires_grad)``.

    The data may be of another dtype than the tensor: bfloat16 went through numpy as float32.
    """
    data: Value = args[0] if len(args) >= 2 else None
    dtype = dtype_name(args[1]) if len(args) >= 2 else None
    if not is_plain(data) or dtype is None:
        return None
    requires_grad = len(args) > 3 and args[3] is True
    if data.dtype == dtype:
        return like(data, requires_grad=requires_grad)
    made = without_bytes("device", data.shape, dtype)
    return like(made, parts=(TensorPart("values", (), data),), requires_grad=requires_grad)


def wrapper(args: Args) -> TensorValue | None:
    """``_rebuild_wrapper_subclass(cls, dtype, size, ...)``: a shell, to be `filled`."""
    if len(args) < 3:
        return None
    return without_bytes("meta", args[2], dtype_name(args[1]) or UNKNOWN)


def filled(shell: TensorValue, kind: Value, state: Value) -> Value:
    """Return what a wrapper subclass stands for: its own plain tensor, or an object that shows what it is made of."""
    made = PickledObject(kind, ())
    made.state = state
    attributes = made.attributes()
    for name in _INNER_NAMES:
        inner = attributes.get(name)
        if isinstance(inner, TensorValue) and inner.shape == shell.shape and inner.dtype == shell.dtype:
            return inner
    return made if attributes else shell


MAKERS: dict[str, Callable[[Args], Value]] = {
    "torch._utils._rebuild_qtensor": quantized,
    "torch._utils._rebuild_sparse_tensor": sparse,
    "torch._utils._rebuild_sparse_csr_tensor": sparse,
    "torch._utils._rebuild_nested_tensor": nested,
    "torch.nested._internal.nested_tensor._rebuild_njt": jagged,
    "torch._utils._rebuild_meta_tensor_no_storage": meta,
    "torch._utils._rebuild_device_tensor_from_numpy": on_device,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": on_device,
    "torch._utils._rebuild_xla_tensor": on_device,
    "torch._utils._rebuild_wrapper_subclass": wrapper,
}
