"""What torch's rebuild calls mean: tensors, parameters and plain collections, made from inert values.

The signatures are those of ``torch/_utils.py`` and ``torch/_tensor.py`` (torch 2.15). A call whose arguments make
no sense gives a `TensorValue` with a ``problem``, never an error: one bad tensor must not hide the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inspector.checkpoint import arrays, unusual
from inspector.checkpoint.described import dtype_name, like, window, without_bytes
from inspector.checkpoint.dtypes import UNKNOWN
from inspector.checkpoint.text import clean_name
from inspector.checkpoint.unusual import filled
from inspector.checkpoint.values import (
    Global,
    PickledDict,
    PickledObject,
    PickledSet,
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


def _tensor_v1(args: tuple[Value, ...]) -> TensorValue | None:
    return window(args[0], args[1], args[2], args[3], None) if len(args) >= 4 else None


def _tensor_v2(args: tuple[Value, ...]) -> TensorValue | None:
    made = _tensor_v1(args)
    if made is not None and len(args) > 4:
        made.requires_grad = args[4] is True
        if len(args) > 6 and args[6]:
            return _with_bits(made, args[6])
    return made


def _tensor_v3(args: tuple[Value, ...]) -> TensorValue | None:
    if len(args) < 7:
        return None
    dtype = dtype_name(args[6])
    if dtype is None:
        named = f"{clean_name(args[6].dotted)}, which is unknown here" if isinstance(args[6], Global) else "unknown"
        return without_bytes("strided", args[2], UNKNOWN, f"its dtype is {named}")
    made = window(args[0], args[1], args[2], args[3], dtype)
    made.requires_grad = args[4] is True
    return _with_bits(made, args[7]) if len(args) > 7 and args[7] else made


def _with_bits(made: TensorValue, metadata: Value) -> TensorValue:
    """Return the tensor as ``torch._utils.set_tensor_metadata`` makes it: its elements negated or conjugated."""
    bits = metadata.named() if isinstance(metadata, PickledDict) else {}
    words = [word for bit, word in (("neg", "negative"), ("conj", "conjugate")) if bits.get(bit) is True]
    return like(made, layout=" ".join(words)) if words and not made.problem else made


def _parameter(args: tuple[Value, ...]) -> TensorValue | None:
    if not args or not isinstance(args[0], TensorValue):
        return None
    return like(args[0], requires_grad=len(args) > 1 and args[1] is True, is_parameter=True)


def _parameter_class(args: tuple[Value, ...]) -> TensorValue | None:
    """``torch.nn.parameter.Parameter(data, requires_grad)``, as torch before 0.4 pickled parameters.

    Before 0.1.7 it was made of nothing, and a state given to it: see `set_state`.
    """
    if args:
        return _parameter(args)
    return UnusualTensor(None, 0, (), (), UNKNOWN, is_parameter=True, problem="its values are missing from the file")


def set_state(tensor: TensorValue, state: Value) -> None:
    """Do what ``torch.Tensor.__setstate__`` does with the state of torch before 0.1.7.

    That is ``(data, gradient, hooks, requires_grad, volatile)``; anything else changes nothing that is shown.
    """
    data = state[0] if isinstance(state, tuple) and len(state) == 5 else None
    if isinstance(tensor, UnusualTensor) and tensor.problem and isinstance(data, TensorValue):
        tensor.storage, tensor.offset, tensor.shape, tensor.stride = data.storage, data.offset, data.shape, data.stride
        tensor.dtype, tensor.layout, tensor.problem, tensor.parts = data.dtype, data.layout, data.problem, data.parts
        tensor.requires_grad, tensor.quantization = state[3] is True, data.quantization


def _from_type(args: tuple[Value, ...]) -> Value:
    """``torch._tensor._rebuild_from_type(_v2)(func, type, args, state)``: a subclass around a plain tensor."""
    inner = args[0] if len(args) >= 3 else None
    # One level only: honest files never nest these, and a file must not choose how deep we recurse.
    if not isinstance(inner, Global) or inner.name.startswith("_rebuild_from_type"):
        return None
    made = call(inner, args[2])
    if inner.name == "_rebuild_wrapper_subclass" and isinstance(made, TensorValue) and len(args) > 3:
        return filled(made, args[1], args[3])
    return made


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


def _complex(args: tuple[Value, ...]) -> complex | None:
    return complex(*args) if len(args) == 2 and all(type(part) in (int, float) for part in args) else None


def _counter(args: tuple[Value, ...]) -> PickledDict | None:
    if len(args) > 1 or not all(isinstance(counts, PickledDict) for counts in args):
        return None
    return PickledDict("collections.Counter", args[0].flat if args else [])


def _size(args: tuple[Value, ...]) -> tuple[Value, ...] | None:
    return tuple(args[0]) if args and isinstance(args[0], list | tuple) else None


_MAKERS: dict[str, Callable[[tuple[Value, ...]], Value]] = {
    **unusual.MAKERS,
    **arrays.MAKERS,
    "torch._utils._rebuild_tensor": _tensor_v1,
    "torch._utils._rebuild_tensor_v2": _tensor_v2,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type": _from_type,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch.nn.parameter.Parameter": _parameter_class,
    "torch.Size": _size,
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": lambda _: PickledDict("collections.defaultdict"),
    "collections.Counter": _counter,
    "collections.deque": _set("collections.deque"),
    "builtins.complex": _complex,
    "builtins.set": _set("set"),
    "builtins.frozenset": _set("frozenset"),
    "builtins.bytes": lambda args: None if args else b"",  # how protocols 0 to 2 write empty ones
    "_codecs.encode": _encode,
    # TorchScript's names for the type of a plain list or table.
    **dict.fromkeys(
        (
            "torch.jit._pickle." + name
            for name in "restore_type_tag build_intlist build_tensorlist build_doublelist build_boollist".split()
        ),
        lambda args: args[0] if args else None,
    ),
}
