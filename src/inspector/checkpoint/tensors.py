"""The tensors and state_dicts of an open checkpoint, as its users see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from inspector.checkpoint.contents import NOWHERE
from inspector.checkpoint.dtypes import ITEM_SIZES, UNKNOWN
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.found import FoundTensor
from inspector.checkpoint.insides import StateDictRole, TensorRole, wrapper_of
from inspector.checkpoint.tensor_bytes import PlacePart, TensorPlace, nbytes_of, numel_of, read_tensor, span
from inspector.checkpoint.text import the_tensor
from inspector.checkpoint.unusual_bytes import read_values
from inspector.checkpoint.values import Quantization, TensorPart, TensorValue

if TYPE_CHECKING:
    import numpy

    from inspector.checkpoint.opening import Checkpoint


class StateDict:
    """One state_dict of a checkpoint, or a pickled module's parameters and buffers.

    Attributes
    ----------
    path
        Dotted names that lead to it; empty for the root.
    role
        ``"model"``, ``"ema"``, ``"optimizer"`` or ``"other"``.
    class_name
        The pickled module's class, or None for a plain state_dict.
    tensors
        Indices of its tensors in ``Checkpoint.tensors``.
    """

    def __init__(
        self,
        path: str,
        role: StateDictRole,
        class_name: str | None,
        tensors: list[int],
        all_tensors: Sequence[Tensor],
    ) -> None:
        self.path = path
        self.role = role
        self.class_name = class_name
        self.tensors = tensors
        self._all_tensors = all_tensors

    def _own(self) -> Iterator[Tensor]:
        return (self._all_tensors[index] for index in self.tensors)

    @cached_property
    def wrapper(self) -> str | None:
        """Prefix of all its keys that a wrapper left, such as ``"module."``, or None."""
        return wrapper_of(tensor.key for tensor in self._own()) if self.role != "optimizer" else None

    @cached_property
    def parameters(self) -> int:
        """Number of elements of its parameters, each shared element once."""
        return count_elements(tensor for tensor in self._own() if tensor.role == "parameter")

    @cached_property
    def buffers(self) -> int:
        """Number of elements of its buffers, each shared element once."""
        return count_elements(tensor for tensor in self._own() if tensor.role == "buffer")


class Tensor:
    """One tensor of a checkpoint. Its bytes stay in the file until `read`.

    Attributes
    ----------
    name, key
        Its full name in the checkpoint, and its key within its state_dict.
    shape, stride
        In elements.
    dtype
        torch's dtype name, such as ``"float32"``.
    role
        ``"parameter"``, ``"buffer"``, ``"optimizer"`` or ``"other"``.
    """

    __slots__ = ("_checkpoint", "_problem", "_value", "key", "name", "role")

    def __init__(self, checkpoint: Checkpoint, found: FoundTensor) -> None:
        self._checkpoint = checkpoint
        self._value = found.value
        self.name = found.name
        self.key = found.key
        self.role: TensorRole = found.role
        self._problem: str | None = None

    @property
    def problem(self) -> str:
        """Why it can't be read, as a part of a sentence; empty when it can: it fits its storage."""
        if self._problem is None:
            self._problem = self._checkpoint.problem_of(self._value)
        return self._problem

    @property
    def shared_with(self) -> str | None:
        """Name of the first tensor that lies on the same elements, or None."""
        return self._checkpoint.shared.get(self)

    @property
    def parameter(self) -> str | None:
        """Name of the parameter that it is an optimizer's moment of; None where it is none, or that is not known."""
        return self._checkpoint.moments.get(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dimensions."""
        return self._value.shape

    @property
    def stride(self) -> tuple[int, ...]:
        """Steps between neighbours along each dimension, in elements."""
        return self._value.stride

    @property
    def dtype(self) -> str:
        """Torch's dtype name; ``"unknown"`` for what torch has no dtype for, and what does not tell its own."""
        return self._value.dtype

    @property
    def layout(self) -> str:
        """``"strided"``, or what else it is: one of `inspector.checkpoint.summary.LAYOUTS`."""
        return self._value.layout

    @property
    def parts(self) -> tuple[TensorPart, ...]:
        """What it is put together from, where it is not one window on a storage."""
        return self._value.parts

    @property
    def quantization(self) -> Quantization | None:
        """How its stored integers stand for numbers, None where they are no such."""
        return self._value.quantization

    @property
    def numel(self) -> int:
        """Number of elements."""
        return numel_of(self._value.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements (not of the storage); of a sparse tensor those of its indices and values.

        Of elements that torch has no dtype for they are the whole storage's; 0 where that is unknown.
        """
        if self._value.layout == "sparse":
            parts = () if self.problem else self._value.parts
            return sum(nbytes_of(part.tensor.shape, part.tensor.dtype) for part in parts)
        if self._value.dtype == UNKNOWN:
            location = self._checkpoint.contents.storages.get(self.storage_key)
            return location.nbytes if location is not None else 0
        return nbytes_of(self._value.shape, self._value.dtype)

    @property
    def storage_key(self) -> str:
        """The name of its storage in the container, empty where it has none."""
        return storage_key_of(self._value)

    @property
    def storage_offset(self) -> int:
        """First element within the storage."""
        return storage_offset_of(self._value)

    def place(self) -> TensorPlace:
        """Return where its bytes lie.

        Raises
        ------
        TensorReadError
            It has a problem, or no bytes of its own.
        """
        problem = self.problem
        if problem:
            raise TensorReadError(f"{the_tensor(self.name)} can't be read: {problem}.")
        return self._place(self._value)

    def _place(self, value: TensorValue) -> TensorPlace:
        key = storage_key_of(value)
        return TensorPlace(
            self._checkpoint.contents.storages[key] if key else NOWHERE,
            value.dtype,
            value.shape,
            value.stride,
            storage_offset_of(value),
            value.layout,
            tuple(PlacePart(part.role, part.start, self._place(part.tensor)) for part in value.parts),
            value.quantization,
        )

    def read(self) -> numpy.ndarray[Any, Any]:
        """Read its values, as a read-only numpy array (bfloat16 and float8 as ml_dtypes' types).

        Of a quantized tensor the stored integers (see `dequantize`), of a sparse one the dense array, of a nested
        one the buffer with its tensors one after another (see `read_part`), of ``float4_e2m1fn_x2`` the bytes.

        Raises
        ------
        TensorReadError
            It can't be read.
        FileChangedError
            The file was overwritten since it was opened.
        """
        place, files = self.place(), self._checkpoint.files
        used = sorted({found.location.file for found in (place, *(part.place for part in place.parts))})
        for file in used:
            files[file].check_unchanged()
        try:
            return read_tensor(files, place)
        finally:
            for file in used:
                if file:  # the leading file stays open as long as the checkpoint
                    files[file].rest()

    def dequantize(self) -> numpy.ndarray[Any, Any]:
        """Read the numbers that a quantized tensor's integers stand for, in float32; the values of any other.

        Of ``float4_e2m1fn_x2`` the numbers of four bits, twice as many as it has elements.

        Raises
        ------
        TensorReadError, FileChangedError
            As `read`.
        """
        self._checkpoint.check_unchanged()
        return read_values(self._checkpoint.files, self.place())

    def read_part(self, role: str) -> numpy.ndarray[Any, Any]:
        """Read one of its `parts` as it lies in the file, such as ``"indices"`` or ``"scales"``.

        Raises
        ------
        TensorReadError
            It has no such part, or that can't be read.
        FileChangedError
            The file was overwritten since it was opened.
        """
        self._checkpoint.check_unchanged()
        for part in self.place().parts:
            if part.role == role:
                return read_tensor(self._checkpoint.files, part.place)
        raise TensorReadError(f"{the_tensor(self.name)} has no {role}.")

    def __repr__(self) -> str:
        return f"Tensor({self.name!r}, {list(self.shape)}, {self.dtype})"


def storage_key_of(value: TensorValue) -> str:
    """Return the name of a tensor's storage in the container, empty where it has none."""
    storage = value.storage
    if storage is None:
        return ""
    return storage.base.key if storage.base is not None else storage.key


def storage_offset_of(value: TensorValue) -> int:
    """Return a tensor's first element within the storage."""
    return value.offset + (value.storage.base_offset if value.storage is not None else 0)


class Tensors(Sequence[Tensor]):
    """The tensors of a checkpoint, by index or by name."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self._tensors = tensors

    @cached_property
    def _by_name(self) -> dict[str, Tensor]:
        return {tensor.name: tensor for tensor in self._tensors}

    @overload
    def __getitem__(self, index: int | str) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> list[Tensor]: ...
    def __getitem__(self, index: int | str | slice) -> Tensor | list[Tensor]:
        if isinstance(index, str):
            return self._by_name[index]
        return self._tensors[index]

    def __len__(self) -> int:
        return len(self._tensors)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._tensors)


def count_elements(tensors: Iterator[Tensor]) -> int:
    """Return how many elements the tensors hold together, those they share counted once."""
    by_storage: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        by_storage.setdefault(tensor.storage_key, []).append(tensor)
    total = sum(tensor.numel for tensor in by_storage.pop("", []))
    for together in by_storage.values():
        total += together[0].numel if len(together) == 1 else _count_together(together)
    return total


def _count_together(tensors: list[Tensor]) -> int:
    """Return how many elements the tensors of one storage hold together."""
    total = 0
    ranges: list[tuple[int, int]] = []
    for tensor in tensors:
        numel, start = tensor.numel, tensor.storage_offset
        if tensor.problem or span(tensor.shape, tensor.stride) != numel:
            total += numel
        else:
            ranges.append((start, start + numel))
    end = 0
    for start, stop in sorted(ranges):
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total


def shared_with_first(tensors: Tensors) -> dict[Tensor, str]:
    """Return the first tensor on the same elements of the same storage, by name, for each that has such a one."""
    found: dict[Tensor, str] = {}
    by_storage: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        by_storage.setdefault(tensor.storage_key, []).append(tensor)
    by_storage.pop("", None)
    for together in by_storage.values():
        if len(together) == 1:
            continue
        group = [(*_bytes_of(tensor), tensor) for tensor in together if not tensor.problem and tensor.numel]
        group.sort(key=lambda place: place[0])  # stable: the file's order among equals
        owner, owner_end = together[0], 0
        for start, stop, tensor in group:
            if start < owner_end:
                found[tensor] = owner.name
            if stop > owner_end:
                owner, owner_end = tensor, stop
    return found


def _bytes_of(tensor: Tensor) -> tuple[int, int]:
    """Return where the tensor begins and ends in its storage, in bytes."""
    size = ITEM_SIZES[tensor.dtype]
    return tensor.storage_offset * size, (tensor.storage_offset + span(tensor.shape, tensor.stride)) * size
