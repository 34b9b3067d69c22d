"""Inert stand-ins for what a pickle describes. None of them can act, and none hashes what the file wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

#: Anything a pickle can describe: None, bool, int, float, str, bytes, list, tuple, or one of the classes below.
Value = Any


class Global:
    """A name the pickle refers to, ``module.name``, never imported. One object per name and pickle."""

    __slots__ = ("dotted", "module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name
        # The full name, made once: a name of megabytes may be called a million times.
        self.dotted = f"{module}.{name}"


def in_pairs(flat: list[Value]) -> Iterator[tuple[Value, Value]]:
    """Iterate over (key, value) of ``[key, value, key, ...]``, copying nothing: few bytes can ask for it often."""
    items = iter(flat)
    return zip(items, items, strict=False)


class PickledDict:
    """A dict or a subclass of it, as the flat list ``[key, value, key, value, ...]`` the pickle gave.

    No Python dict is built from the file's keys: 50,000 colliding integers would take it 21 s.
    """

    __slots__ = ("attributes", "class_name", "flat")

    def __init__(self, class_name: str = "dict", flat: list[Value] | None = None) -> None:
        self.class_name = class_name
        self.flat: list[Value] = [] if flat is None else flat
        self.attributes: Value = None

    def __len__(self) -> int:
        return len(self.flat) // 2

    def pairs(self) -> Iterator[tuple[Value, Value]]:
        """Iterate over (key, value), in the file's order."""
        return in_pairs(self.flat)

    def named(self) -> dict[str, Value]:
        """Return the entries whose keys are text; a later duplicate wins, as in Python."""
        return {key: value for key, value in self.pairs() if type(key) is str}

    def get(self, name: str) -> Value:
        """Return the value of the text key ``name``, or None."""
        found = None
        for key, value in self.pairs():
            if type(key) is str and key == name:
                found = value
        return found


class PickledSet:
    """A set or frozenset, its items unhashed."""

    __slots__ = ("class_name", "items")

    def __init__(self, class_name: str, items: list[Value]) -> None:
        self.class_name = class_name
        self.items = items


class PickledObject:
    """What a call in the pickle would have made: the callable's name, its arguments and what was set on it."""

    __slots__ = ("appended", "args", "flat", "function", "state")

    def __init__(self, function: Value, args: Value) -> None:
        self.function = function
        self.args = args
        self.state: Value = None
        self.flat: list[Value] | None = None
        self.appended: list[Value] | None = None

    @property
    def class_name(self) -> str:
        """The dotted name of the class or function, ``"?"`` where the pickle computed it."""
        function = self.function
        if isinstance(function, Global):
            if function.name == "_reconstructor" and isinstance(self.args, tuple) and self.args:
                return self.args[0].dotted if isinstance(self.args[0], Global) else "?"
            return function.dotted
        return "?"

    def attributes(self) -> dict[str, Value]:
        """Return the attributes the pickle sets (its ``__dict__`` state), by name."""
        state = self.state
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], PickledDict | None):
            merged = state[0].named() if state[0] is not None else {}
            if isinstance(state[1], PickledDict):
                merged |= state[1].named()
            return merged
        return state.named() if isinstance(state, PickledDict) else {}


class StorageReference:
    """A storage the pickle names: where its bytes lie is known by the container alone.

    Attributes
    ----------
    key
        The storage's name in the container.
    dtype
        torch's dtype name of the storage class; ``"uint8"`` for untyped ones.
    numel
        Elements the pickle claims (bytes for untyped storages).
    device
        The device it was saved from, such as ``"cpu"`` or ``"cuda:0"``.
    base, base_offset
        For a legacy view: the storage it lies in and its first element there.
    """

    __slots__ = ("base", "base_offset", "device", "dtype", "key", "numel")

    def __init__(self, key: str, dtype: str, numel: int, device: str) -> None:
        self.key = key
        self.dtype = dtype
        self.numel = numel
        self.device = device
        self.base: StorageReference | None = None
        self.base_offset = 0


class TensorPart(NamedTuple):
    """What a tensor is put together from.

    Attributes
    ----------
    role
        ``"chunk"``: a block of the whole; ``"indices"``, ``"values"``, ... of a sparse one; ``"scales"`` and
        ``"zero_points"`` of a quantized one.
    start
        Where a chunk begins in the whole, by dimension; empty for other parts.
    tensor
        The part itself, a plain window on a storage.
    """

    role: str
    start: tuple[int, ...]
    tensor: TensorValue


class Quantization(NamedTuple):
    """How stored integers stand for numbers: ``(integer - zero_point) * scale``, by channel along ``axis`` if >= 0.

    By channel the two are parts of the tensor, ``"scales"`` and ``"zero_points"``, and the fields are 1 and 0.
    """

    scale: float
    zero_point: int
    axis: int = -1


class TensorValue:
    """A tensor as the file describes it: a window on a storage, not yet checked against it.

    Attributes
    ----------
    layout
        ``"strided"`` here, and then it is nothing but that window; see `UnusualTensor`.
    problem
        A sentence where the description itself is unusable.
    parts, quantization
        See `TensorPart` and `Quantization`.
    is_array
        It was saved as one of numpy's arrays, which are no model's by themselves.
    items
        The elements of a numpy array of objects or texts, which is no tensor; None for a tensor. See `listed`.
    """

    # Class attributes, not slots: of 200,000 tensors hardly one differs in any of these.
    __slots__ = ("dtype", "offset", "requires_grad", "shape", "storage", "stride")
    is_parameter = False
    is_array = False
    layout = "strided"
    problem = ""
    parts: tuple[TensorPart, ...] = ()
    quantization: Quantization | None = None
    items: list[Value] | None = None

    def __init__(
        self,
        storage: StorageReference | None,
        offset: int,
        shape: tuple[int, ...],
        stride: tuple[int, ...],
        dtype: str,
        requires_grad: bool = False,
    ) -> None:
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.stride = stride
        self.dtype = dtype
        self.requires_grad = requires_grad


class UnusualTensor(TensorValue):
    """A tensor of which there is more to say than where it lies.

    ``layout`` is what it is: ``"quantized"``, ``"chunked"`` (put together from chunks), ``"sparse"``, ``"meta"``, ...
    """

    __slots__ = ("is_parameter", "layout", "parts", "problem", "quantization")

    def __init__(
        self,
        storage: StorageReference | None,
        offset: int,
        shape: tuple[int, ...],
        stride: tuple[int, ...],
        dtype: str,
        requires_grad: bool = False,
        *,
        layout: str = "strided",
        problem: str = "",
        is_parameter: bool = False,
        parts: tuple[TensorPart, ...] = (),
        quantization: Quantization | None = None,
    ) -> None:
        super().__init__(storage, offset, shape, stride, dtype, requires_grad)
        self.layout = layout
        self.problem = problem
        self.is_parameter = is_parameter
        self.parts = parts
        self.quantization = quantization


class ArrayValue(TensorValue):
    """A numpy array in a file of its own."""

    __slots__ = ()
    is_array = True


class UnreadableArray(UnusualTensor):
    """A numpy array of what torch has no dtype for, in a file of its own."""

    __slots__ = ()
    is_array = True


def listed(value: Value) -> Value:
    """Return the elements of a numpy array that is no tensor, as a list; any other value as it is."""
    return value.items if isinstance(value, TensorValue) and value.items is not None else value


class EmbeddedSource:
    """The source text a legacy file carries for a pickled class. Text to show, nothing else."""

    __slots__ = ("class_name", "file", "text")

    def __init__(self, class_name: str, file: str, text: str) -> None:
        self.class_name = class_name
        self.file = file
        self.text = text
