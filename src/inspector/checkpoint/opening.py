"""Opening a checkpoint: from a path to what it is. The public face of this room."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

from inspector.checkpoint.contents import Container, Contents
from inspector.checkpoint.dtypes import ITEM_SIZES
from inspector.checkpoint.embedded import Embedded, embedded_keys, plain_metadata
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.insides import (
    Kind,
    StateDictRole,
    TensorRole,
    is_module,
    is_state_dict,
    rank_of_path,
    wrapper_of,
)
from inspector.checkpoint.safety import Safety, Verdict, safety_of, verdict
from inspector.checkpoint.sniff import read_container
from inspector.checkpoint.source import FileIdentity, Source
from inspector.checkpoint.survey import FoundTensor, Survey
from inspector.checkpoint.tensor_bytes import TensorPlace, numel_of, read_tensor, span
from inspector.checkpoint.text import clean_name
from inspector.checkpoint.values import PickledObject, TensorValue

if TYPE_CHECKING:
    import numpy


class StateDict:
    """One state_dict of a checkpoint, or a pickled module's parameters and buffers.

    Attributes
    ----------
    path
        Dotted names that lead to it; empty for the root.
    role
        ``"model"``, ``"ema"``, ``"optimizer"`` or ``"other"``.
    wrapper
        Prefix of all its keys that a wrapper left, such as ``"module."``, or None.
    class_name
        The pickled module's class, or None for a plain state_dict.
    tensors
        Indices of its tensors in ``Checkpoint.tensors``.
    parameters, buffers
        Element counts, each shared element once.
    """

    __slots__ = ("buffers", "class_name", "parameters", "path", "role", "tensors", "wrapper")

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
        own = [all_tensors[index] for index in tensors]
        self.wrapper = wrapper_of(tensor.key for tensor in own) if role != "optimizer" else None
        self.parameters = count_elements(tensor for tensor in own if tensor.role == "parameter")
        self.buffers = count_elements(tensor for tensor in own if tensor.role == "buffer")


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
    shared_with
        Name of the first tensor that lies on the same elements, or None.
    problem
        Why it can't be read, as a sentence; empty when it can.
    """

    __slots__ = ("_checkpoint", "_value", "key", "name", "problem", "role", "shared_with")

    def __init__(self, checkpoint: Checkpoint, found: FoundTensor, problem: str) -> None:
        self._checkpoint = checkpoint
        self._value = found.value
        self.name = found.name
        self.key = found.key
        self.role: TensorRole = found.role
        self.problem = problem
        self.shared_with: str | None = None

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
        """Torch's dtype name."""
        return self._value.dtype

    @property
    def layout(self) -> str:
        """``"strided"``, or ``"quantized"``, ``"sparse"``, ``"meta"``."""
        return self._value.layout

    @property
    def numel(self) -> int:
        """Number of elements."""
        return numel_of(self._value.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements (not of the storage)."""
        return self.numel * ITEM_SIZES.get(self._value.dtype, 1)

    @property
    def storage_key(self) -> str:
        """The name of its storage in the container, empty where it has none."""
        storage = self._value.storage
        if storage is None:
            return ""
        return storage.base.key if storage.base is not None else storage.key

    @property
    def storage_offset(self) -> int:
        """First element within the storage."""
        storage = self._value.storage
        return self._value.offset + (storage.base_offset if storage is not None else 0)

    def place(self) -> TensorPlace:
        """Return where its bytes lie.

        Raises
        ------
        TensorReadError
            It has a problem, or no bytes of its own.
        """
        if self.problem:
            raise TensorReadError(f"{self.name} can't be read: {self.problem}.")
        contents = self._checkpoint.contents
        location = contents.storages[self.storage_key]
        return TensorPlace(location, self.dtype, self.shape, self.stride, self.storage_offset, contents.big_endian)

    def read(self) -> numpy.ndarray[Any, Any]:
        """Read its values, as a read-only numpy array (bfloat16 and float8 as ml_dtypes' types).

        Raises
        ------
        TensorReadError
            It can't be read.
        FileChangedError
            The file was overwritten since it was opened.
        """
        self._checkpoint.source.check_unchanged()
        return read_tensor(self._checkpoint.source, self.place())

    def __repr__(self) -> str:
        return f"Tensor({self.name!r}, {list(self.shape)}, {self.dtype})"


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


class Checkpoint:
    """An open checkpoint: what it is, its tensors, its tree and its safety. Made by `open_checkpoint`.

    Attributes
    ----------
    path
        Absolute path of the file.
    container, kind
        How the bytes are packed, and what they hold; see ``DESIGN``'s words.
    class_name
        Dotted class of a pickled model's root, or None.
    complete
        False when reading stopped at an error; what came before is here, and ``warnings`` says why.
    globals
        ``(name, verdict)`` of everything the pickle names; at least these where ``complete`` is False.
    """

    def __init__(self, source: Source, contents: Contents) -> None:
        self.source = source
        self.contents = contents
        self.path = source.path
        self.container: Container = contents.container
        self.complete = contents.complete
        self.warnings = list(contents.warnings)
        self.survey = Survey(contents.root, contents.index_bytes)
        self.kind: Kind = _kind(contents.root, self.survey)
        root = contents.root
        self.class_name = clean_name(root.class_name) if isinstance(root, PickledObject) and is_module(root) else None
        self.globals: list[tuple[str, Verdict]] = [(clean_name(name), verdict(name)) for name in contents.globals]
        self.safety: Safety = safety_of(found for _, found in self.globals)
        if contents.mutates_a_global:
            self.safety = "dangerous"
            self.warnings.append("It would change a function or class of the running program when loaded with torch.")
        if self.survey.cut:
            self.complete = False
            self.warnings.append("It holds more entries than can be shown; the rest is left out.")
        self.tensors = Tensors([Tensor(self, found, self._problem(found.value)) for found in self.survey.tensors])
        _link_shared(self.tensors)
        self.state_dicts = self._state_dicts()

    @property
    def identity(self) -> FileIdentity:
        """The file's identity when it was read."""
        return self.source.identity

    @cached_property
    def embedded(self) -> Embedded:
        """What the checkpoint says of itself under documented keys: architecture, class names, preprocessing."""
        return embedded_keys(self.contents.root, self.contents.metadata)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The plain values beside the tensors (epoch, metrics, ...), as JSON values, bounded."""
        return plain_metadata(self.contents.root, self.contents.metadata)

    @property
    def model_state_dict(self) -> StateDict | None:
        """*The* model's state_dict: by role, by name, then the largest; None where there is none."""
        candidates = [found for found in self.state_dicts if found.role != "optimizer"]
        order = {"model": 0, "ema": 1, "other": 2}
        return min(
            candidates,
            key=lambda found: (order[found.role], rank_of_path(found.path), -len(found.tensors)),
            default=None,
        )

    def close(self) -> None:
        """Close the file."""
        self.source.close()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _state_dicts(self) -> list[StateDict]:
        members: list[list[int]] = [[] for _ in self.survey.state_dicts]
        for index, found in enumerate(self.survey.tensors):
            if found.state_dict >= 0:
                members[found.state_dict].append(index)
        return [
            StateDict(found.path, found.role, found.class_name, indices, self.tensors)
            for found, indices in zip(self.survey.state_dicts, members, strict=True)
        ]

    def _problem(self, value: TensorValue) -> str:
        """Validate a tensor against its storage; return what is wrong with it, or ""."""
        if value.problem:
            return value.problem
        if value.storage is None:
            return f"it is {value.layout} and has no bytes of its own to show"
        storage = value.storage
        key = storage.base.key if storage.base is not None else storage.key
        location = self.contents.storages.get(key)
        if location is None:
            return "its storage is missing from the file"
        item_size = ITEM_SIZES[value.dtype]
        reach = span(value.shape, value.stride)
        start = (value.offset + storage.base_offset) * item_size
        if reach and start + reach * item_size > location.nbytes:
            return "its shape reaches beyond its storage"
        numel = numel_of(value.shape)
        # An expanded tensor repeats its elements with stride 0; nobody expands one a thousandfold to save it.
        if numel > 1_000 * max(reach, 1_000):
            return f"it claims {numel:,} elements and holds {reach:,}"
        if not location.entry and location.offset + location.nbytes > self.source.size:
            return "its bytes are missing: the file is cut short"
        return ""


def open_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read what a checkpoint is, without running anything in it and without touching a tensor's bytes.

    Parameters
    ----------
    path
        The checkpoint's file.

    Returns
    -------
    Checkpoint
        Open until its ``close``; also a context manager.

    Raises
    ------
    CheckpointError
        It can't be read; the message is one plain sentence.
    """
    source = Source(Path(os.path.abspath(path)))
    try:
        with _no_collector():
            return Checkpoint(source, read_container(source))
    except BaseException:
        source.close()
        raise


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep the cycle collector from walking the growing checkpoint again and again: it doubled the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def count_elements(tensors: Iterator[Tensor]) -> int:
    """Return how many elements the tensors hold together, those they share counted once."""
    total = 0
    ranges: dict[str, list[tuple[int, int]]] = {}
    for tensor in tensors:
        numel = tensor.numel
        if not tensor.storage_key or tensor.problem or span(tensor.shape, tensor.stride) != numel:
            total += numel
        else:
            start = tensor.storage_offset
            ranges.setdefault(tensor.storage_key, []).append((start, start + numel))
    for found in ranges.values():
        end = 0
        for start, stop in sorted(found):
            total += max(0, stop - max(start, end))
            end = max(end, stop)
    return total


def _link_shared(tensors: Tensors) -> None:
    """Note for each tensor the first one that lies on the same elements of the same storage."""
    by_storage: dict[str, list[tuple[int, int, Tensor]]] = {}
    for tensor in tensors:
        if tensor.storage_key and not tensor.problem and tensor.numel:
            by_storage.setdefault(tensor.storage_key, []).append((*_bytes_of(tensor), tensor))
    for group in by_storage.values():
        if len(group) == 1:
            continue
        group.sort(key=lambda found: found[0])  # stable: the file's order among equals
        owner, owner_end = group[0][2], 0
        for start, stop, tensor in group:
            if start < owner_end:
                tensor.shared_with = owner.name
            if stop > owner_end:
                owner, owner_end = tensor, stop


def _bytes_of(tensor: Tensor) -> tuple[int, int]:
    """Return where the tensor begins and ends in its storage, in bytes."""
    size = ITEM_SIZES[tensor.dtype]
    return tensor.storage_offset * size, (tensor.storage_offset + span(tensor.shape, tensor.stride)) * size


def _kind(root: Any, survey: Survey) -> Kind:
    if isinstance(root, TensorValue):
        return "tensor"
    if is_module(root):
        return "pickled_model"
    if is_state_dict(root):
        return "state_dict"
    return "training_checkpoint" if survey.state_dicts else "object"
