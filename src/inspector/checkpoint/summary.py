"""What a process other than the reader knows of a checkpoint: columns, with every index validated.

The window keeps a `CheckpointSummary`; the code that interprets a file is not even imported there.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, get_args

from inspector.checkpoint.contents import NOWHERE, Container, StorageLocation
from inspector.checkpoint.decoding import (
    breadth_first_checks,
    column_in_steps,
    has_negatives,
    is_within,
    running_sum,
    runs_of,
)
from inspector.checkpoint.dtypes import DTYPE_NAMES, FLOATING, UNKNOWN
from inspector.checkpoint.embedded import Embedded
from inspector.checkpoint.errors import CheckpointError, TensorReadError
from inspector.checkpoint.insides import Kind, StateDictRole, TensorRole
from inspector.checkpoint.part_columns import PartColumns
from inspector.checkpoint.safety import Safety, Verdict
from inspector.checkpoint.source import FileIdentity, InspectedFile
from inspector.checkpoint.tensor_bytes import TensorPlace, nbytes_of, numel_of
from inspector.checkpoint.text import the_tensor
from inspector.checkpoint.values import Quantization

ROLES: tuple[TensorRole, ...] = ("parameter", "buffer", "optimizer", "other")
#: How a tensor is stored: see `inspector.checkpoint.values.TensorValue`.
LAYOUTS = (
    "strided", "quantized", "chunked", "sparse", "nested", "meta", "device", "negative", "conjugate",
    "negative conjugate",
)  # fmt: skip
NODE_KINDS = ("module", "tensor", "dict", "list", "object", "value")

#: The columns, in the order of the buffers: name and array type ("" for text joined by NUL).
COLUMNS: tuple[tuple[str, str], ...] = (
    ("names", ""), ("problems", ""), ("dtypes", "B"), ("roles", "B"), ("ndims", "B"),
    ("shapes", "q"), ("strides", "q"), ("offsets", "q"), ("storages", "i"), ("shared", "i"), ("owners", "i"),
    ("moments", "i"),
    ("layouts", "B"),
    ("part_owners", "i"), ("part_roles", "B"), ("part_dtypes", "B"), ("part_ndims", "B"), ("part_shapes", "q"),
    ("part_strides", "q"), ("part_starts", "q"), ("part_offsets", "q"), ("part_storages", "i"),
    ("quantized", "i"), ("scales", "d"), ("zero_points", "q"), ("axes", "i"),
    ("storage_files", "i"), ("storage_skips", "q"), ("storage_big_endian", "B"), ("storage_is_text", "B"),
    ("storage_entries", ""), ("storage_offsets", "q"), ("storage_nbytes", "q"), ("storage_packed", "q"),
    ("labels", ""), ("details", ""), ("kinds", "B"), ("tensors", "i"), ("parents", "i"),
    ("first_children", "i"), ("child_counts", "i"), ("parameters", "q"), ("nbytes", "q"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StateDictSummary:
    """One state_dict: where it sits, its role and wrapper, and its counts of elements and tensors."""

    path: str
    role: StateDictRole
    wrapper: str | None
    class_name: str | None
    parameters: int
    buffers: int
    tensors: int


class CheckpointSummary:
    """What a process other than the reader knows of a checkpoint; made from `encode`'s header and columns.

    Raises
    ------
    CheckpointError
        The header or the columns contradict themselves.

    Attributes
    ----------
    labels, details, kinds, tensors, parents, first_children, child_counts, parameters, nbytes
        The tree's columns, by node; node 0 is the root, and a node's children are contiguous.
    """

    def __init__(self, header: dict[str, Any], buffers: Sequence[bytes | bytearray | memoryview]) -> None:
        for _ in self._build(header, buffers):
            pass

    @classmethod
    def in_steps(
        cls, header: dict[str, Any], buffers: Sequence[bytes | bytearray | memoryview]
    ) -> Generator[None, None, CheckpointSummary]:
        """Make one in steps of a few milliseconds, for whoever has other things to do; it is what is returned.

        Raises
        ------
        CheckpointError
            The header or the columns contradict themselves.
        """
        made = cls.__new__(cls)
        yield from made._build(header, buffers)
        return made

    def _build(self, header: dict[str, Any], buffers: Sequence[bytes | bytearray | memoryview]) -> Iterator[None]:
        columns: dict[str, Any] = {}
        try:
            for (name, code), raw in zip(COLUMNS, buffers, strict=True):
                columns[name] = yield from column_in_steps(code, raw)
                yield
            self._take(header, columns)
            usable = True
            for usable in self._checks():
                if not usable:
                    break
                yield
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            usable = False
        if not usable:
            raise CheckpointError("The reader's answer about this file makes no sense.", "Report this file.")

    def _take(self, header: dict[str, Any], columns: dict[str, Any]) -> None:
        self.path = str(header["path"])
        self.files = tuple(InspectedFile.from_json(found) for found in header["files"])
        whole = header["whole"]
        #: The file to open for all of the checkpoint, where this is just a part of it.
        self.whole = None if whole is None else self.files[0].path.with_name(whole)
        self.container: Container = header["container"]
        self.kind: Kind = header["kind"]
        self.class_name: str | None = header["class"]
        self.complete = bool(header["complete"])
        self.safety: Safety = header["safety"]
        self.warnings = tuple(map(str, header["warnings"]))
        self.globals: tuple[tuple[str, Verdict], ...] = tuple((str(name), found) for name, found in header["globals"])
        self.state_dicts = tuple(StateDictSummary(*fields) for fields in header["state_dicts"])
        self.model: int | None = int(header["model"]) if header["model"] >= 0 else None
        self.metadata: dict[str, Any] = dict(header["metadata"])
        embedded = dict(header["embedded"])
        embedded["class_names"] = tuple(map(str, embedded["class_names"]))
        self.embedded = Embedded(**embedded)
        #: Names of the files in it that hold machine code.
        self.native_code = tuple(map(str, header["native_code"]))
        self.sources: tuple[tuple[str, str, str], ...] = tuple((a, b, c) for a, b, c in header["sources"])
        self.names: list[str] = columns["names"]
        self.problems: list[str] = columns["problems"]
        self.dtypes: array[int] = columns["dtypes"]
        self.roles: array[int] = columns["roles"]
        self.ndims: array[int] = columns["ndims"]
        self.shapes: array[int] = columns["shapes"]
        self.strides: array[int] = columns["strides"]
        self.offsets: array[int] = columns["offsets"]
        self.storages: array[int] = columns["storages"]
        self.shared: array[int] = columns["shared"]
        self.owners: array[int] = columns["owners"]
        #: By tensor, the parameter that it is an optimizer's moment of, or -1.
        self.moments: array[int] = columns["moments"]
        self.layouts: array[int] = columns["layouts"]
        self._parts = PartColumns(columns)
        self.storage_files: array[int] = columns["storage_files"]
        self.storage_skips: array[int] = columns["storage_skips"]
        self.storage_big_endian: array[int] = columns["storage_big_endian"]
        self.storage_is_text: array[int] = columns["storage_is_text"]
        self.storage_entries: list[str] = columns["storage_entries"]
        self.storage_offsets: array[int] = columns["storage_offsets"]
        self.storage_nbytes: array[int] = columns["storage_nbytes"]
        self.storage_packed: array[int] = columns["storage_packed"]
        self.labels: list[str] = columns["labels"]
        self.details: list[str] = columns["details"]
        self.kinds: array[int] = columns["kinds"]
        self.tensors: array[int] = columns["tensors"]
        self.parents: array[int] = columns["parents"]
        self.first_children: array[int] = columns["first_children"]
        self.child_counts: array[int] = columns["child_counts"]
        self.parameters: array[int] = columns["parameters"]
        self.nbytes: array[int] = columns["nbytes"]
        self._shape_starts = running_sum(self.ndims)

    def _checks(self) -> Iterator[bool]:
        """Check that every word is known and every index points inside, so that nothing later has to ask."""
        tensors, storages, nodes = len(self.dtypes), len(self.storage_offsets), len(self.kinds)
        if tensors == 0:
            self.names = self.problems = []
        if storages == 0:
            self.storage_entries = []
        yield self._has_known_words()
        yield self._has_whole_columns(tensors, storages, nodes)
        for words, column in ((LAYOUTS, self.layouts), (ROLES, self.roles), (NODE_KINDS, self.kinds)):
            yield max(column, default=0) < len(words)
        for indices, count in (
            (self.storages, storages), (self.shared, tensors), (self.owners, len(self.state_dicts)),
            (self.tensors, tensors), (self.moments, tensors),
        ):  # fmt: skip
            yield is_within(indices, count)
        yield max(self.storage_files, default=0) < len(self.files)
        for column in (
            self.shapes, self.strides, self.offsets, self.storage_files, self.storage_offsets, self.storage_nbytes,
            self.storage_packed, self.storage_skips, self.child_counts, self.parameters, self.nbytes,
        ):  # fmt: skip
            yield not has_negatives(column)
        yield self._parts.is_consistent(tensors, storages)
        yield from breadth_first_checks(self.first_children, self.child_counts, self.parents)

    def _has_known_words(self) -> bool:
        return (
            self.container in get_args(Container)
            and self.kind in get_args(Kind)
            and self.safety in get_args(Safety)
            and all(found in get_args(Verdict) for _, found in self.globals)
            and all(found.role in get_args(StateDictRole) for found in self.state_dicts)
            and all(type(count) is int for found in self.state_dicts for count in (found.parameters, found.buffers))
            and all(type(found.path) is str and type(found.tensors) is int for found in self.state_dicts)
            and (self.model is None or self.model < len(self.state_dicts))
        )

    def _has_whole_columns(self, tensors: int, storages: int, nodes: int) -> bool:
        return (
            len(self.names) == len(self.problems) == len(self.roles) == len(self.ndims) == tensors
            and len(self.offsets) == len(self.storages) == len(self.shared) == len(self.owners) == tensors
            and len(self.shapes) == len(self.strides) == self._shape_starts[-1]
            and len(self.storage_entries) == len(self.storage_nbytes) == len(self.storage_packed) == storages
            and len(self.storage_files) == len(self.storage_skips) == len(self.storage_big_endian) == storages
            and len(self.storage_is_text) == storages
            and len(self.layouts) == len(self.moments) == tensors
            and len(self.labels) == len(self.details) == len(self.tensors) == len(self.parents) == nodes
            and len(self.first_children) == len(self.child_counts) == len(self.parameters) == len(self.nbytes) == nodes
            and nodes > 0
            and len(self.files) > 0
        )

    def columns(self) -> dict[str, Any]:
        """Return the columns by name, those of `COLUMNS`."""
        return {name: getattr(self, name, None) for name, _ in COLUMNS} | self._parts.columns()

    @property
    def identity(self) -> FileIdentity:
        """The state of the opened file that was inspected."""
        return self.files[0].identity

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.identity.size for file in self.files)

    def __len__(self) -> int:
        return len(self.names)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Return a tensor's shape."""
        return tuple(self.shapes[self._shape_starts[tensor] : self._shape_starts[tensor + 1]])

    def stride(self, tensor: int) -> tuple[int, ...]:
        """Return a tensor's stride, in elements."""
        return tuple(self.strides[self._shape_starts[tensor] : self._shape_starts[tensor + 1]])

    def dtype(self, tensor: int) -> str:
        """Return a tensor's dtype, by torch's name."""
        code = self.dtypes[tensor]
        return DTYPE_NAMES[code] if code < len(DTYPE_NAMES) else UNKNOWN

    def role(self, tensor: int) -> TensorRole:
        """Return a tensor's role."""
        return ROLES[self.roles[tensor]]

    def numel(self, tensor: int) -> int:
        """Return a tensor's number of elements."""
        return numel_of(self.shape(tensor))

    def tensor_nbytes(self, tensor: int) -> int:
        """Return the bytes of a tensor's elements, as `inspector.checkpoint.tensors.Tensor.nbytes` counts them."""
        if self.layout(tensor) == "sparse":
            return self._parts.nbytes(tensor)
        if self.dtype(tensor) == UNKNOWN:
            return self.storage_nbytes[self.storages[tensor]] if self.storages[tensor] >= 0 else 0
        return nbytes_of(self.shape(tensor), self.dtype(tensor))

    def key(self, tensor: int) -> str:
        """Return a tensor's key within its state_dict."""
        owner = self.owners[tensor]
        path = self.state_dicts[owner].path if owner >= 0 else ""
        return self.names[tensor][len(path) + 1 :] if path else self.names[tensor]

    def tensors_of(self, state_dict: int) -> list[int]:
        """Return the tensors of a state_dict, in the file's order."""
        return list(chain.from_iterable(runs_of(self.owners, state_dict)))

    def keys_and_shapes(self, state_dict: int) -> tuple[list[str], bytes, bytes]:
        """Return a state_dict's keys, its tensors' numbers of dimensions (one byte each), and their sizes (int64)."""
        runs, path = runs_of(self.owners, state_dict), self.state_dicts[state_dict].path
        names = list(chain.from_iterable(self.names[run.start : run.stop] for run in runs))
        keys = [name[len(path) + 1 :] for name in names] if path else names
        ndims = b"".join(self.ndims[run.start : run.stop] for run in runs)
        starts = self._shape_starts
        return keys, ndims, b"".join(self.shapes[starts[run.start] : starts[run.stop]] for run in runs)

    def storage_location(self, storage: int) -> StorageLocation:
        """Return where a storage's bytes lie."""
        return StorageLocation(
            self.storage_offsets[storage],
            self.storage_nbytes[storage],
            self.storage_packed[storage],
            self.storage_entries[storage],
            self.storage_files[storage],
            self.storage_skips[storage],
            bool(self.storage_big_endian[storage]),
            bool(self.storage_is_text[storage]),
        )

    def layout(self, tensor: int) -> str:
        """Return ``"strided"``, or what else a tensor is: one of `LAYOUTS`."""
        return LAYOUTS[self.layouts[tensor]]

    def parts(self, tensor: int) -> list[tuple[str, tuple[int, ...]]]:
        """Return the role and shape of each part that a tensor is put together from."""
        return self._parts.forms(tensor)

    def quantization(self, tensor: int) -> Quantization | None:
        """Return how a tensor's integers stand for numbers, None where they are no such."""
        return self._parts.quantization(tensor)

    def quantization_scheme(self, tensor: int) -> str | None:
        """Return what torch calls that, ``"per_tensor_affine"`` or the like; None where they are no such."""
        how = self._parts.quantization(tensor)
        if how is None:
            return None
        if how.axis < 0:
            return "per_tensor_affine"
        floating = self._parts.dtype(tensor, "zero_points") in FLOATING
        return "per_channel_affine_float_qparams" if floating else "per_channel_affine"

    def place(self, tensor: int) -> TensorPlace:
        """Return where a tensor's bytes lie.

        Raises
        ------
        TensorReadError
            It can't be read.
        """
        storage = self.storages[tensor]
        parts = self._parts.of(tensor, self.storage_location)
        if self.problems[tensor] or (storage < 0 and not parts):
            reason = self.problems[tensor] or "it has no storage"
            raise TensorReadError(f"{the_tensor(self.names[tensor])} can't be read: {reason}.")
        return TensorPlace(
            self.storage_location(storage) if storage >= 0 else NOWHERE,
            self.dtype(tensor),
            self.shape(tensor),
            self.stride(tensor),
            self.offsets[tensor],
            self.layout(tensor),
            parts,
            self.quantization(tensor),
        )
