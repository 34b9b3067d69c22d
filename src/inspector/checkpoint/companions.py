"""Several files, or several archives of one file, as one checkpoint: what each holds is added to the contents."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.section import Section
from inspector.checkpoint.tensor_bytes import bytes_range
from inspector.checkpoint.values import (
    PickledDict,
    PickledObject,
    PickledSet,
    StorageReference,
    TensorValue,
    Value,
)


def storages_in(root: Value) -> Iterator[StorageReference]:
    """Yield every storage that a value refers to, each object once, however deep it lies and however often."""
    seen: set[int] = set()
    stack: list[Value] = [root]
    while stack:
        value = stack.pop()
        if value is None or isinstance(value, str | int | float | bytes) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, StorageReference):
            yield value
            stack.append(value.base)
        elif isinstance(value, TensorValue):
            stack.append(value.storage)
            stack += [part.tensor for part in value.parts]
        elif isinstance(value, PickledDict):
            stack += value.flat
            stack.append(value.attributes)
        elif isinstance(value, PickledSet):
            stack += value.items
        elif isinstance(value, PickledObject):
            stack += (value.args, value.state, value.flat, value.appended)
        elif isinstance(value, list | tuple):
            stack += value


def adopt(contents: Contents, part: Contents, prefix: str, locations: dict[str, StorageLocation]) -> None:
    """Add what a part holds, but for its root, whose storages get keys of their own by ``prefix``.

    ``locations`` are the part's storages, told from the checkpoint's files.
    """
    for reference in storages_in(part.root):
        reference.key = prefix + reference.key
    contents.storages.update({prefix + key: location for key, location in locations.items()})
    contents.unplaced.update({prefix + key: why for key, why in part.unplaced.items()})
    known = set(contents.globals)
    contents.globals += [name for name in part.globals if name not in known]
    contents.mutates_a_global |= part.mutates_a_global
    contents.misuses += part.misuses
    contents.complete &= part.complete
    contents.globals_complete &= part.globals_complete
    contents.index_bytes += part.index_bytes
    contents.sources += part.sources


def adopt_file(contents: Contents, part: Contents, file: int) -> None:
    """Add what a whole file holds: the checkpoint's file number ``file``."""
    moved = {key: location._replace(file=file) for key, location in part.storages.items()}
    adopt(contents, part, f"{file}/", moved)


def adopt_section(contents: Contents, part: Contents, section: Section, file: int) -> None:
    """Add what an archive inside of the file number ``file`` holds, its storages resolved to plain bytes.

    Raises
    ------
    CheckpointError
        The archive contradicts itself about where they lie.
    """
    moved: dict[str, StorageLocation] = {}
    for key, location in part.storages.items():
        start, stored = bytes_range([section], location)
        if stored:
            begin = section.start + start + location.skip
            moved[key] = StorageLocation(
                begin, location.nbytes, location.nbytes, file=file, big_endian=location.big_endian
            )
        else:  # an entry's local header tells the rest wherever the archive lies
            moved[key] = location._replace(offset=section.start + location.offset, file=file)
    adopt(contents, part, f"{file}/{section.start}/", moved)
