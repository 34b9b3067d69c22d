"""Distributed checkpoints: ``.metadata`` tells in which file, and where in it, each chunk of each tensor lies.

``torch.distributed.checkpoint`` writes a folder with ``.metadata``, a pickle of
``torch/distributed/checkpoint/metadata.py``'s classes, and ``.distcp`` files, in which whole ``torch.save`` archives
follow one another: one for each chunk of a tensor, one for each other value.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeGuard

from inspector.checkpoint.companions import adopt_section
from inspector.checkpoint.contents import Contents
from inspector.checkpoint.dtypes import ITEM_SIZES
from inspector.checkpoint.errors import AmbiguousArchiveError, BrokenCheckpointError, CheckpointError, LimitError
from inspector.checkpoint.flattened import nest
from inspector.checkpoint.folders import beside
from inspector.checkpoint.limits import MAX_DIMENSIONS, MAX_ELEMENTS, MAX_PARTS
from inspector.checkpoint.section import Section
from inspector.checkpoint.source import Source
from inspector.checkpoint.tensor_bytes import contiguous, numel_of
from inspector.checkpoint.text import clean_name, quoted
from inspector.checkpoint.values import (
    Global,
    PickledDict,
    PickledObject,
    TensorPart,
    TensorValue,
    UnusualTensor,
    Value,
)

ReadFile = Callable[[Source], Contents]

_MODULE = "torch.distributed."
_Sizes = tuple[int, ...]


class _Place(NamedTuple):
    """Where an archive lies: the file, and the range in it; ``packed`` by an extension of torch's, or "" ."""

    file: str
    offset: int
    length: int
    packed: str


class _Chunk(NamedTuple):
    start: _Sizes
    shape: _Sizes
    place: _Place | None


class _Tensor(NamedTuple):
    dtype: str
    shape: _Sizes
    requires_grad: bool
    chunks: list[_Chunk]


def is_distributed(root: Value) -> bool:
    """Tell whether a pickle's value is the metadata of a distributed checkpoint."""
    return _is(root, "Metadata")


def _is(value: Value, name: str) -> bool:
    """Tell an object of torch's by its class; torch has moved the module once."""
    if not isinstance(value, PickledObject) or not isinstance(value.function, Global):
        return False
    return value.function.name == name and value.function.module.startswith(_MODULE)


def read_distributed(source: Source, contents: Contents, read_file: ReadFile) -> Contents:
    """Walk every archive that the metadata names. No tensor's bytes are read.

    Parameters
    ----------
    source, contents
        ``.metadata``, and what its pickle holds.
    read_file
        Reads a checkpoint of one file, and so also an archive in a `Section`.

    Raises
    ------
    CheckpointError
        The metadata is damaged, or names files outside of its folder.
    """
    metadata = contents.root.attributes()
    described: Value = metadata.get("state_dict_metadata")
    if not isinstance(described, PickledDict):
        why = contents.warnings[0] if contents.warnings else "It does not tell what the checkpoint holds."
        raise BrokenCheckpointError(f"{source.name} is damaged. {why}", "Take an earlier checkpoint.")
    contents.container, contents.root = "distributed", PickledDict()
    version = metadata.get("version")
    if isinstance(version, str):
        contents.metadata["version"] = version
    places = _places(metadata.get("storage_data"))
    wanted = {name: _described(name, value, places) for name, value in described.named().items()}
    archives = _Archives(source, contents, read_file)
    try:
        archives.read(_all_places(wanted))
        contents.warnings += [f"{why} {_share(file, wanted)}" for file, why in archives.unread.items()]
    except BaseException:  # whatever it is, it goes on its way; no file stays open
        for companion in contents.companions:
            companion.close()
        raise
    values = {}
    for name, item in wanted.items():
        if isinstance(item, _Tensor):
            values[name] = _put_together(item, archives)
        elif item is not None and item in archives.values:
            values[name] = archives.values[item]
        elif item is None or item not in archives.lost:
            contents.complete = contents.globals_complete = False
            why = archives.problems.get(item, "the metadata does not tell where it lies") if item else "it is unknown"
            contents.warnings.append(f"{quoted(name)} can't be read: {why}.")
    contents.root = nest(values, metadata.get("planner_data"))
    return contents


# -- what the metadata tells ----------------------------------------------------------------------------------------


def _is_sizes(value: Value) -> TypeGuard[_Sizes]:
    return (
        isinstance(value, tuple)
        and len(value) <= MAX_DIMENSIONS
        and all(type(size) is int and 0 <= size < MAX_ELEMENTS for size in value)
    )


def _key(name: str, start: Value) -> str:
    """Return a chunk's name as one text: no tuple of the file's numbers is hashed, for those can be made to collide."""
    return f"{name}\0{start}"


def _places(storage_data: Value) -> dict[str, _Place]:
    found: dict[str, _Place] = {}
    for index, info in storage_data.pairs() if isinstance(storage_data, PickledDict) else ():
        if not _is(index, "MetadataIndex") or not _is(info, "_StorageInfo"):
            continue
        where, told = index.attributes(), info.attributes()
        name, start = where.get("fqn"), where.get("offset")
        file, offset, length = told.get("relative_path"), told.get("offset"), told.get("length")
        usable = type(name) is str and (start is None or _is_sizes(start)) and type(file) is str
        if usable and _is_sizes((offset, length)):
            found[_key(name, start)] = _Place(file, offset, length, _packing(told.get("transform_descriptors")))
    return found


def _packing(descriptors: Value) -> str:
    if isinstance(descriptors, list | tuple) and descriptors:
        return ", ".join(clean_name(found)[:40] for found in descriptors[:4])
    return ""


def _described(name: str, value: Value, places: dict[str, _Place]) -> _Tensor | _Place | None:
    """Return what an entry of the state_dict is: a tensor of chunks, another value's place, or nothing known."""
    if not _is(value, "TensorStorageMetadata"):
        return places.get(_key(name, None)) if _is(value, "BytesStorageMetadata") else None
    fields = value.attributes()
    properties, shape, chunks = fields.get("properties"), fields.get("size"), fields.get("chunks")
    state = properties.state if isinstance(properties, PickledObject) else None
    if not isinstance(state, tuple) or len(state) < 3:
        return None
    dtype = state[0]
    if not isinstance(dtype, Global) or dtype.module != "torch" or dtype.name not in ITEM_SIZES:
        return None
    if not _is_sizes(shape) or numel_of(shape) >= MAX_ELEMENTS or not isinstance(chunks, list):
        return None
    found: dict[str, _Chunk] = {}
    for chunk in chunks:
        told = chunk.attributes() if _is(chunk, "ChunkStorageMetadata") else {}
        start, sizes = told.get("offsets"), told.get("sizes")
        if not _is_sizes(start) or not _is_sizes(sizes):
            return None
        found.setdefault(_key(str(sizes), start), _Chunk(start, sizes, places.get(_key(name, start))))
    return _Tensor(dtype.name, shape, state[2] is True, list(found.values()))


def _all_places(wanted: dict[str, _Tensor | _Place | None]) -> dict[str, list[_Place]]:
    """Return every archive, by file."""
    found: dict[str, list[_Place]] = {}
    for item in wanted.values():
        places = [chunk.place for chunk in item.chunks] if isinstance(item, _Tensor) else [item]
        for place in places:
            if place is not None:
                found.setdefault(place.file, []).append(place)
    return found


def _share(file: str, wanted: dict[str, _Tensor | _Place | None]) -> str:
    """Return what lies in a file, in part or as a whole, as a sentence."""
    tensors = values = 0
    for item in wanted.values():
        if isinstance(item, _Tensor):
            tensors += any(chunk.place is not None and chunk.place.file == file for chunk in item.chunks)
        elif item is not None:
            values += item.file == file
    told = [
        f"{count:,} {noun}{'' if count == 1 else 's'}"
        for count, noun in ((tensors, "tensor"), (values, "other value"))
        if count
    ]
    verb = "lies" if tensors + values == 1 else "lie"
    return f"{' and '.join(told)} {verb} in it, at least in part."


# -- the archives ---------------------------------------------------------------------------------------------------


class _Archives:
    """What the archives hold, by their places; or why one can't be read, as half a sentence.

    Attributes
    ----------
    unread
        Why a whole file can't be read, as a sentence, by its name; what lies in it is ``lost``.
    """

    def __init__(self, source: Source, contents: Contents, read_file: ReadFile) -> None:
        self._source = source
        self._contents = contents
        self._read_file = read_file
        self._opened = {(source.identity.device, source.identity.inode)}
        self.values: dict[_Place, Value] = {}
        self.problems: dict[_Place, str] = {}
        self.unread: dict[str, str] = {}
        self.lost: set[_Place] = set()

    def read(self, places: dict[str, list[_Place]]) -> None:
        """Read all archives, file by file, each from its beginning to its end."""
        if len(places) > MAX_PARTS:
            raise LimitError(f"{self._source.name} names more than {MAX_PARTS:,} files.")
        paths = {name: beside(self._source.path, name) for name in sorted(places)}
        for name, path in paths.items():
            shown = clean_name(name)
            try:
                if not os.path.exists(path):
                    raise BrokenCheckpointError(f"{shown} is missing.")
                file = self._open(path)
            except CheckpointError as error:
                self._contents.complete = self._contents.globals_complete = False
                self.unread[name] = error.message
                self.lost.update(places[name])
                self.problems |= dict.fromkeys(places[name], f"a part of it lies in {shown}, which can't be read")
                continue
            self._contents.companions.append(file)
            self._read_file_of_archives(file, sorted(places[name]))
            file.rest()

    def _open(self, path: Path) -> Source:
        file = Source(path)
        identity = (file.identity.device, file.identity.inode)
        if identity in self._opened:
            file.close()
            raise AmbiguousArchiveError(f"{file.name} is the same file as another one of them.")
        self._opened.add(identity)
        return file

    def _read_file_of_archives(self, file: Source, places: list[_Place]) -> None:
        end, failed = 0, 0
        for place in places:
            why = ""
            if place.packed:
                why = f"it is packed by torch's extension {place.packed}, which Inspector can't unpack"
            elif place.offset + place.length > file.size:
                why = f"its bytes are missing: {file.name} is cut short"
            elif place.offset < end:
                why = f"{self._source.name} puts it on the same bytes of {file.name} as something else"
            else:
                why = self._read_archive(file, place)
                end = place.offset + place.length
            if why:
                self.problems[place] = why
                failed += 1
        if failed:
            self._contents.complete = self._contents.globals_complete = False
            first = next(why for place, why in self.problems.items() if place.file == places[0].file)
            count = "One thing" if failed == 1 else f"{failed:,} things"
            self._contents.warnings.append(f"{count} in {file.name} can't be read: {first}.")

    def _read_archive(self, file: Source, place: _Place) -> str:
        """Read one archive; return why it can't be, or ""."""
        try:
            section = Section(file, place.offset, place.length)
            part = self._read_file(section)
            adopt_section(self._contents, part, section, len(self._contents.companions))
        except CheckpointError as error:
            return error.message.rstrip(".")
        self._contents.warnings += part.warnings
        self.values[place] = part.root
        return ""


# -- tensors --------------------------------------------------------------------------------------------------------


def _put_together(tensor: _Tensor, archives: _Archives) -> TensorValue:
    parts: list[TensorPart] = []
    problem = ""
    for chunk in tensor.chunks:
        if numel_of(tensor.shape) and not numel_of(chunk.shape):
            continue  # a rank without a share writes an empty chunk: its archive is walked, its values are none
        found = archives.values.get(chunk.place) if chunk.place is not None else None
        problem = problem or _problem_of(chunk, found, tensor.dtype, archives)
        if not problem and found is not None:
            parts.append(TensorPart("chunk", chunk.start, _plain(found, tensor.requires_grad)))
    if not problem and len(parts) == 1 and parts[0].tensor.shape == tensor.shape and not any(parts[0].start):
        return parts[0].tensor
    strides = contiguous(tensor.shape)
    whole = UnusualTensor(None, 0, tensor.shape, strides, tensor.dtype, tensor.requires_grad, layout="chunked")
    whole.problem = problem or ("" if parts else "it has no chunks")
    whole.parts = () if problem else tuple(parts)
    return whole


def _problem_of(chunk: _Chunk, found: Value, dtype: str, archives: _Archives) -> str:
    if chunk.place is None:
        return "the metadata does not tell where one of its chunks lies"
    if chunk.place in archives.problems:
        return archives.problems[chunk.place]
    if not isinstance(found, TensorValue) or found.layout != "strided" or found.storage is None:
        return "one of its chunks is no plain tensor"
    if found.shape != chunk.shape or found.dtype != dtype:
        return "one of its chunks is not what the metadata tells"
    return found.problem


def _plain(found: TensorValue, requires_grad: bool) -> TensorValue:
    return TensorValue(found.storage, found.offset, found.shape, found.stride, found.dtype, requires_grad)
