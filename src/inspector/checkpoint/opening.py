"""Opening a checkpoint: from a path to what it is. The public face of this room."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from inspector.checkpoint.chunks import covers
from inspector.checkpoint.containers import read_contents
from inspector.checkpoint.contents import Container, Contents
from inspector.checkpoint.dtypes import ITEM_SIZES, PACKED
from inspector.checkpoint.embedded import Embedded, embedded_keys, kept_texts
from inspector.checkpoint.folders import leading_file
from inspector.checkpoint.found import Node
from inspector.checkpoint.insides import (
    Kind,
    is_module,
    is_nested_state_dict,
    is_state_dict,
    rank_of_path,
)
from inspector.checkpoint.metadata import plain_metadata
from inspector.checkpoint.safety import SEVERITY, Safety, Verdict, safety_of, verdict
from inspector.checkpoint.source import FileIdentity, Source
from inspector.checkpoint.survey import Survey
from inspector.checkpoint.tensor_bytes import numel_of, span
from inspector.checkpoint.tensors import (
    StateDict,
    Tensor,
    Tensors,
    shared_with_first,
    storage_key_of,
    storage_offset_of,
)
from inspector.checkpoint.text import clean_name
from inspector.checkpoint.values import EmbeddedSource, PickledObject, TensorValue, listed

#: Containers that hold a program.
_PROGRAMS: dict[Container, Kind] = {"torchscript": "torchscript_model", "exported_program": "exported_program"}


class Checkpoint:
    """An open checkpoint: what it is, its tensors, its tree and its safety. Made by `open_checkpoint`.

    Attributes
    ----------
    path
        Absolute path of what was opened: a file, or a folder.
    files
        The files it is made of, the leading one first.
    container, kind
        How the bytes are packed, and what they hold; see ``DESIGN``'s words.
    class_name
        Dotted class of a pickled model's root, or None.
    complete
        False when reading stopped at an error; what came before is here, and ``warnings`` says why.
    globals
        ``(name, verdict)`` of everything the pickle names, the worst first; at least these where ``complete`` is False.
    safety
        What loading the file with torch would do: ``"safe"``, ``"needs_trust"`` or ``"dangerous"``.
    warnings
        Sentences on what is wrong or left out.
    tensors
        Every tensor in the file's order; also by full name: ``checkpoint.tensors["conv1.weight"]``.
    state_dicts
        Every state_dict and pickled module that is no part of another.
    """

    def __init__(self, source: Source, contents: Contents, path: Path | None = None) -> None:
        self.files = (source, *contents.companions)
        self.contents = contents
        self.path = source.path if path is None else path
        self.container: Container = contents.container
        self.complete = contents.complete
        self.warnings = list(contents.warnings)
        self.survey = Survey(contents.root, contents.index_bytes)
        self.kind: Kind = _PROGRAMS.get(contents.container) or _kind(contents.root, self.survey)
        root = contents.root
        self.class_name = _class_name(root)
        named: list[tuple[str, Verdict]] = [(clean_name(name), verdict(name)) for name in contents.globals]
        # The worst first: where the list is too long to be sent or shown whole, the name that matters is kept.
        self.globals = sorted(named, key=lambda found: SEVERITY.index(found[1]))
        self.safety: Safety = safety_of(found for _, found in self.globals)
        if self.safety == "safe" and (self.container in _PROGRAMS or not contents.globals_complete):
            self.safety = "needs_trust"  # a program runs; what was not walked may name anything
        if contents.misuses:
            self.safety = "needs_trust" if self.safety == "safe" else self.safety
            self.warnings += dict.fromkeys(contents.misuses)
        if contents.mutates_a_global:
            self.safety = "dangerous"
            self.warnings.append("It would change a function or class of the running program when loaded with torch.")
        if self.survey.cut:
            self.complete = False
            self.warnings.append("It holds more entries than can be shown; the rest is left out.")
        self.tensors = Tensors([Tensor(self, found) for found in self.survey.tensors])
        self.state_dicts = self._state_dicts()

    @property
    def tree(self) -> Node:
        """The root of everything in it as rows; the root's own label is empty."""
        return self.survey.root

    @property
    def sources(self) -> list[EmbeddedSource]:
        """The code that it carries, as text: a legacy file's classes, a program's modules."""
        return self.contents.sources

    @property
    def identity(self) -> FileIdentity:
        """The file's identity when it was read."""
        return self.files[0].identity

    def check_unchanged(self) -> None:
        """Raise FileChangedError when one of its files is no longer the one that was opened."""
        for source in self.files:
            source.check_unchanged()

    @cached_property
    def embedded(self) -> Embedded:
        """What the checkpoint says of itself under documented keys: architecture, class names, preprocessing."""
        return embedded_keys(self.contents.root, self.contents.metadata)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The plain values beside the tensors (epoch, metrics, an optimizer's groups, ...), as JSON values, bounded."""
        root = self.contents.root
        return plain_metadata(root, self.contents.metadata | kept_texts(root), self.survey.state_dicts)

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
        """Close its files."""
        for source in self.files:
            source.close()

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

    @cached_property
    def shared(self) -> dict[Tensor, str]:
        """The name of the first tensor on the same elements, for each tensor that has such a one."""
        return shared_with_first(self.tensors)

    @cached_property
    def moments(self) -> dict[Tensor, str]:
        """The name of the parameter that each of an optimizer's moments belongs to, where that is known."""
        return {self.tensors[index]: name for index, name in self.survey.moments.items()}

    def problem_of(self, value: TensorValue) -> str:
        """Validate a tensor against its storage; return what is wrong with it, or ""."""
        if value.problem:
            return value.problem
        if value.parts and (wrong := self._problem_of_parts(value)):
            return wrong
        if value.storage is None:
            return "" if value.parts else f"it is {value.layout} and has no bytes of its own to show"
        location = self.contents.storages.get(storage_key_of(value))
        if location is None:
            return self.contents.unplaced.get(storage_key_of(value), "its storage is missing from the file")
        item_size = ITEM_SIZES[value.dtype]
        reach = span(value.shape, value.stride)
        packed = PACKED.get(value.dtype, 1)
        if reach and -(-(storage_offset_of(value) + reach) // packed) * item_size > location.nbytes:
            return "its shape reaches beyond its storage"
        numel = numel_of(value.shape)
        # An expanded tensor repeats its elements with stride 0; nobody expands one a thousandfold to save it.
        if numel > 1_000 * max(reach, 1_000):
            return f"it claims {numel:,} elements and holds {reach:,}"
        if not location.entry and location.offset + location.packed > self.files[location.file].size:
            return "its bytes are missing: the file is cut short"
        return ""

    def _problem_of_parts(self, value: TensorValue) -> str:
        for part in value.parts:
            if wrong := self.problem_of(part.tensor):
                return wrong
        chunks = [part for part in value.parts if part.role == "chunk"]
        return "" if not chunks or covers(value.shape, chunks) else "its chunks don't make up its shape"


def open_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read what a checkpoint is, without running anything in it and without touching a tensor's bytes.

    Parameters
    ----------
    path
        The checkpoint's file, the index of a sharded one, or the folder of a sharded or distributed one.

    Returns
    -------
    Checkpoint
        Open until its ``close``; also a context manager.

    Raises
    ------
    CheckpointError
        It can't be read; the message is one plain sentence.
    """
    opened = Path(os.path.abspath(path))
    source = Source(leading_file(opened))
    try:
        with _no_collector():
            return Checkpoint(source, read_contents(source), opened)
    except BaseException:  # whatever it is, it goes on its way; no file stays open
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


def _class_name(root: Any) -> str | None:
    """Return a module's class; an exported program does not always tell it."""
    return clean_name(root.class_name) or None if isinstance(root, PickledObject) and is_module(root) else None


def _kind(root: Any, survey: Survey) -> Kind:
    if isinstance(listed(root), TensorValue):
        return "tensor"
    if is_module(root):
        return "pickled_model"
    if is_state_dict(root):
        return "state_dict"
    if is_nested_state_dict(root):
        return "object"  # torch loads none that is nested
    return "training_checkpoint" if survey.state_dicts else "object"
