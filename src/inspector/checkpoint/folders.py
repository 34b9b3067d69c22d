"""Checkpoints of several files, by names alone: which file of a folder leads, and what it may name beside itself."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath

from inspector.checkpoint.errors import CheckpointError, NotACheckpointError
from inspector.checkpoint.limits import MAX_FOLDER_ENTRIES
from inspector.checkpoint.text import clean_name, quoted

#: The file that makes a folder a distributed checkpoint, and the suffix of those it names.
METADATA = ".metadata"
DISTRIBUTED_SUFFIX = ".distcp"

#: Names of files that are taken for checkpoints where a folder is opened.
SUFFIXES = frozenset(".pth .pt .pt2 .ptl .ckpt .th .bin .safetensors".split())

# transformers and diffusers put a variant before the suffix: model.safetensors.index.fp16.json
_INDEX = re.compile(r".+\.index(\.[\w-]+)?\.json", re.IGNORECASE)
#: Indices of other libraries' weights, which lie beside torch's in many a repository.
_FOREIGN = (".h5.", ".msgpack.")
#: Without coordination every rank writes a .metadata of its own.
_RANK_METADATA = re.compile(r"__\d+\.metadata")

#: How parts of a sharded checkpoint are called, whoever wrote them: the whole's name, which of how many, the suffix.
_PART = re.compile(r"(.+)-(\d{3,7})-of-(\d{3,7})(\.\w+)")

_SHOWN = 3

#: Folders in a folder without a checkpoint that are looked into.
_MOST_BELOW = 100


def is_index_name(name: str) -> bool:
    """Tell whether a file is called as the index of a sharded checkpoint is."""
    return _INDEX.fullmatch(name) is not None and not any(other in name.lower() for other in _FOREIGN)


def leads_others(path: Path) -> bool:
    """Tell whether a path is a folder, or a file that is called as those that name others beside it."""
    return path.name.endswith(METADATA) or is_index_name(path.name) or os.path.isdir(path)


def part_of(name: str) -> tuple[int, int] | None:
    """Return which part of how many a file is called to be, None where it is not called so."""
    found = _PART.fullmatch(name)
    return (int(found[2]), int(found[3])) if found else None


def together(paths: Sequence[Path]) -> list[Path]:
    """Return what to open for paths that were chosen together: the whole in place of the parts that were chosen.

    A part of a distributed checkpoint stands for its folder, for it says nothing alone; parts of a sharded one stand
    for their index, where that or several of them were chosen.
    """
    indices = [_index_beside(path) for path in paths]
    chosen = Counter([*paths, *(index for index in indices if index is not None)])
    found = []
    for path, index in zip(paths, indices, strict=True):
        if path.name.endswith(DISTRIBUTED_SUFFIX) and os.path.isfile(path.parent / METADATA):
            found.append(path.parent)
        else:
            found.append(index if index is not None and chosen[index] > 1 else path)
    return list(dict.fromkeys(found))


def _index_beside(path: Path) -> Path | None:
    """Return the index that the part of a sharded checkpoint ought to have, where it is there."""
    found = _PART.fullmatch(path.name)
    index = path.with_name(f"{found[1]}{found[4]}.index.json") if found else None
    return index if index is not None and os.path.isfile(index) else None


def holds_checkpoint(folder: str | os.PathLike[str]) -> bool:
    """Tell whether a folder is, or holds, something to open, by the names in it alone."""
    try:
        with os.scandir(folder) as entries:
            return any(_is_telling(entry.name) and entry.is_file() for entry in islice(entries, MAX_FOLDER_ENTRIES))
    except OSError:
        return False


def _is_telling(name: str) -> bool:
    metadata = name == METADATA or _RANK_METADATA.fullmatch(name) is not None
    return metadata or name.endswith(DISTRIBUTED_SUFFIX) or is_index_name(name) or _is_checkpoint_name(name)


def leading_file(path: Path) -> Path:
    """Return the file to open first: ``path`` itself, or of a folder its index, or the one checkpoint in it.

    Raises
    ------
    CheckpointError
        The folder holds none, or several; the message says what to do.
    """
    if not os.path.isdir(path):
        return path
    names = file_names(path)
    indices = [name for name in names if name == METADATA or is_index_name(name)]
    single = [name for name in names if _is_checkpoint_name(name)]
    ranks = [name for name in names if _RANK_METADATA.fullmatch(name)]
    for found in (indices, single, ranks):
        if len(found) == 1:
            return path / found[0]
        if found:
            raise _several(path, found)
    shown = clean_name(path.name or str(path))
    if any(name.endswith(DISTRIBUTED_SUFFIX) for name in names):
        raise CheckpointError(
            f"{shown} holds parts of a distributed checkpoint, but not the {METADATA} that tells what they are.",
            "Copy the whole folder; where it was cut off while saving, take an earlier one.",
        )
    raise NotACheckpointError(f"{shown} is a folder without a checkpoint in it.", what_instead(path))


def what_instead(folder: Path) -> str:
    """Return what to do about a folder without a checkpoint in it, as a sentence."""
    try:
        with os.scandir(folder) as entries:
            inside = [entry.name for entry in islice(entries, MAX_FOLDER_ENTRIES) if entry.is_dir()]
    except OSError:
        inside = []
    below = [name for name in sorted(inside)[:_MOST_BELOW] if holds_checkpoint(folder / name)]
    if len(below) == 1:
        return f"Open the folder {quoted(below[0])} in it."
    if below:
        return f"Open one of the folders in it: {_listed(below)}."
    return "Open a checkpoint, or the folder of one; then drop images, or a folder of them, to predict."


def _is_checkpoint_name(name: str) -> bool:
    # model_best.pth.tar is how torch's own example of ImageNet calls a checkpoint, which is no tar archive.
    return os.path.splitext(name.lower().removesuffix(".tar"))[1] in SUFFIXES and not name.startswith(".")


def _several(folder: Path, names: list[str]) -> CheckpointError:
    return CheckpointError(
        f"{clean_name(folder.name)} holds several checkpoints: {_listed(names)}.", "Open one of them."
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(quoted(name) for name in names[:_SHOWN]) + more


def file_names(folder: Path) -> list[str]:
    """Return the names of a folder's files, sorted; of a huge folder only so many.

    Raises
    ------
    CheckpointError
        It can't be listed.
    """
    name = clean_name(folder.name or str(folder))
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, MAX_FOLDER_ENTRIES) if entry.is_file())
    except PermissionError:
        raise CheckpointError(f"You have no permission to read {name}.", "Ask its owner, or copy it.") from None
    except OSError as error:
        raise CheckpointError(f"{name} can't be opened: {error.strerror or error}.") from None


def bytes_on_disk(path: Path) -> int:
    """Return the bytes of a file, or of all files of the folder that the path is or leads; 0 where it is gone."""
    if not leads_others(path):
        return _size(path)
    folder = path if os.path.isdir(path) else path.parent
    try:
        return sum(_size(folder / name) for name in file_names(folder))
    except CheckpointError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def beside(leading: Path, name: str) -> Path:
    """Return the path of a file that ``leading`` names.

    Raises
    ------
    CheckpointError
        It is no plain name of a file in the same folder, or a link that leads elsewhere.
    """
    plain = name not in ("", ".", "..") and name == PurePosixPath(name).name == PureWindowsPath(name).name
    path = leading.parent / name
    if not plain or not name.isprintable():
        raise _strays(leading, name, "which does not lie in its folder", "Ask for a fresh copy.")
    if not _stays(leading, path):
        instead = "Put the file itself in the place of the link, then open it again."
        raise _strays(leading, name, "a link that leads out of its folder", instead)
    return path


def _strays(leading: Path, name: str, how: str, instead: str) -> CheckpointError:
    refused = f"{clean_name(leading.name)} is refused: it names the file {quoted(name)}, {how}"
    return CheckpointError(f"{refused}, so it could be any file of yours.", instead)


def _stays(leading: Path, path: Path) -> bool:
    """Tell whether a file really lies in the folder. Hugging Face's cache links the index and its parts alike."""
    real = os.path.dirname(os.path.realpath(path))
    return real in (os.path.realpath(leading.parent), os.path.dirname(os.path.realpath(leading)))
