"""Sharded checkpoints: an index in JSON that maps each tensor's name to the file that holds it.

Format: ``{"metadata": {"total_size": ...}, "weight_map": {name: file name, ...}}``, as transformers, diffusers and
``torch.distributed.checkpoint.HuggingFaceStorageWriter`` write it. The parts are safetensors or torch's own files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspector.checkpoint.companions import adopt_file
from inspector.checkpoint.contents import Contents
from inspector.checkpoint.errors import (
    AmbiguousArchiveError,
    BrokenCheckpointError,
    CheckpointError,
    LimitError,
)
from inspector.checkpoint.folders import beside, file_names, is_index_name
from inspector.checkpoint.limits import MAX_PARTS, MAX_SHARD_INDEX_BYTES
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import clean_name, quoted
from inspector.checkpoint.values import PickledDict, TensorValue, Value

ReadFile = Callable[[Source], Contents]

_WEIGHT_MAP = b'"weight_map"'
_HEAD_BYTES = 4_096

#: torch writes this table of JSON into the safetensors files of a distributed save; it is none of the person's.
_OWN_METADATA = "DCP_SHARDING_INFO"


def is_index(source: Source) -> bool:
    """Tell whether a file is the index of a sharded checkpoint, or is meant to be one."""
    head = source.read(0, min(_HEAD_BYTES, source.size)).lstrip()
    return head.startswith(b"{") and (is_index_name(source.path.name) or _WEIGHT_MAP in head)


def read_sharded(source: Source, read_file: ReadFile) -> Contents:
    """Read the index and the indices of all parts that are there. No tensor's bytes are read.

    Parameters
    ----------
    source
        The index.
    read_file
        Reads a checkpoint of one file.

    Raises
    ------
    CheckpointError
        The index makes no sense or names files outside of its folder, or no part of it can be read.
    """
    metadata, weight_map = _parse(source)
    contents = Contents("sharded", PickledDict(), {}, [], source.size)
    contents.metadata = {key: value for key, value in metadata.items() if isinstance(value, str | int | float)}
    reading = _Reading(source, weight_map, contents, read_file)
    paths = {name: beside(source.path, name) for name in sorted(reading.expected)}
    try:
        for name, path in paths.items():
            reading.read(name, path)
    except BaseException:  # whatever it is, it goes on its way; no file stays open
        for part in contents.companions:
            part.close()
        raise
    if not contents.companions:
        raise reading.first_error or BrokenCheckpointError(
            f"{source.name} names {len(paths):,} parts, such as {quoted(next(iter(paths), ''))}, and none of them is "
            "in its folder.",
            "Put them there, then open it again.",
        )
    return contents


class _Reading:
    """The parts of a checkpoint while they are read one after the other.

    Attributes
    ----------
    expected
        The tensors that the index places in each part.
    first_error
        Why the first part that can't be read can't.
    """

    def __init__(self, index: Source, weight_map: dict[str, str], contents: Contents, read_file: ReadFile) -> None:
        self._weight_map = weight_map
        self._contents = contents
        self._read_file = read_file
        self._shown: set[str] = set()
        self._files = {(index.identity.device, index.identity.inode)}
        self.first_error: CheckpointError | None = None
        self.expected: dict[str, list[str]] = {}
        for key, name in weight_map.items():
            self.expected.setdefault(name, []).append(key)

    def read(self, name: str, path: Path) -> None:
        """Read one part, or note why not."""
        contents, shown = self._contents, clean_name(name)
        if not os.path.exists(path):
            contents.complete = False
            contents.globals_complete &= name.endswith(".safetensors")  # any other kind may name anything
            count = len(self.expected[name])
            contents.warnings.append(f"The part {shown} is missing, and {_tensors(count)} with it.")
            return
        try:
            part = self._open(path)
        except CheckpointError as error:
            contents.complete = contents.globals_complete = False
            contents.warnings.append(f"The part {shown} can't be read. {error.message}")
            self.first_error = self.first_error or error
            return
        contents.warnings += [f"{shown}: {warning}" for warning in part.warnings]
        for key, value in part.metadata.items():
            if key != _OWN_METADATA:
                contents.metadata.setdefault(key, value)
        self._merge(name, part.root)

    def _open(self, path: Path) -> Contents:
        """Return what a part holds, already added to the checkpoint."""
        source = Source(path)
        try:
            identity = (source.identity.device, source.identity.inode)
            if identity in self._files:
                raise AmbiguousArchiveError(f"{source.name} is the same file as another one of them.")
            self._files.add(identity)
            part = self._read_file(source)
        except BaseException:  # whatever it is, it goes on its way; no file stays open
            source.close()
            raise
        self._contents.companions.append(source)
        adopt_file(self._contents, part, len(self._contents.companions))
        source.rest()
        return part

    def _merge(self, name: str, root: Value) -> None:
        """Add a part's tensors to the one tree; what does not fit the index is told."""
        entries = root if isinstance(root, PickledDict) else PickledDict()
        lacking, unplaced = set(self.expected[name]), []
        for key, value in entries.pairs():
            if type(key) is str:
                lacking.discard(key)
                if self._weight_map.get(key) != name and isinstance(value, TensorValue):
                    unplaced.append(key)
                if self._weight_map.get(key, name) != name or key in self._shown:
                    continue
                self._shown.add(key)
            self._contents.root.flat += (key, value)
        shown = clean_name(name)
        if lacking:
            self._contents.complete = False
            self._contents.warnings.append(
                f"{shown} lacks {_tensors(len(lacking))} that the index places there, such as {quoted(min(lacking))}."
            )
        if unplaced:
            self._contents.warnings.append(
                f"{shown} holds {_tensors(len(unplaced))} that the index does not place there, such as "
                f"{quoted(unplaced[0])}."
            )


def _tensors(count: int) -> str:
    return "1 tensor" if count == 1 else f"{count:,} tensors"


def _parse(source: Source) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the metadata and the weight map of an index."""
    if source.size > MAX_SHARD_INDEX_BYTES:
        raise LimitError(f"{source.name} has {source.size:,} bytes, too many for an index.")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise AmbiguousArchiveError(
                f"{source.name} is refused: a name occurs twice in it, so two programs could read different things "
                "out of it."
            )
        return found

    try:
        table = json.loads(source.read(0, source.size).decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise BrokenCheckpointError(
            f"{source.name} is damaged: its JSON can't be understood.", "Download or copy it again."
        ) from None
    weight_map = table.get("weight_map")
    metadata = table.get("metadata")
    if not isinstance(weight_map, dict) or not weight_map or not all(type(name) is str for name in weight_map.values()):
        raise BrokenCheckpointError(f"{source.name} is no index of a checkpoint: it does not tell where tensors are.")
    if len(set(weight_map.values())) > MAX_PARTS:
        raise LimitError(f"{source.name} names more than {MAX_PARTS:,} parts.")
    return metadata if isinstance(metadata, dict) else {}, weight_map


def index_of(part: Path) -> str | None:
    """Return the name of the index beside a file that names it as its part, None where there is none."""
    try:
        names = [name for name in file_names(part.parent) if is_index_name(name)]
    except CheckpointError:
        return None
    for name in names:
        if _names(part.parent / name, part.name):
            return name
    return None


def _names(index: Path, part: str) -> bool:
    try:
        source = Source(index)
    except CheckpointError:
        return False
    try:
        return part in _parse(source)[1].values()
    except CheckpointError:
        return False
    finally:
        source.close()
