"""Which container a checkpoint is: one file by itself, or one that leads others."""

from __future__ import annotations

import os

from inspector.checkpoint.contents import Contents
from inspector.checkpoint.distributed_container import is_distributed, read_distributed
from inspector.checkpoint.errors import BrokenCheckpointError, NotACheckpointError
from inspector.checkpoint.folders import DISTRIBUTED_SUFFIX, METADATA, part_of
from inspector.checkpoint.sharded_container import index_of, is_index, read_sharded
from inspector.checkpoint.sniff import read_container
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import clean_name

_PICKLE = b"\x80"


def read_contents(source: Source) -> Contents:
    """Read the index of a checkpoint, and of the files that belong to it.

    Raises
    ------
    CheckpointError
        It is no checkpoint, or one that can't be read.
    """
    if is_index(source):
        return read_sharded(source, read_container)
    if source.path.suffix == DISTRIBUTED_SUFFIX and os.path.isfile(source.path.parent / METADATA):
        raise NotACheckpointError(
            f"{source.name} is one part of a distributed checkpoint.",
            f"Open its folder, or the {METADATA} in it.",
        )
    contents = _read_file(source)
    if is_distributed(contents.root):
        return read_distributed(source, contents, read_container)
    part = part_of(source.path.name)
    if part is not None:
        contents.whole = index_of(source.path)
        what = f"This is part {part[0]:,} of {part[1]:,} of a sharded checkpoint alone."
        to_do = f"Open {clean_name(contents.whole)} to see all of it." if contents.whole else "Its index is not here."
        contents.warnings.append(f"{what} {to_do}")
    return contents


def _read_file(source: Source) -> Contents:
    try:
        return read_container(source)
    except NotACheckpointError:
        if source.path.name.endswith(METADATA) and source.read(0, min(1, source.size)) == _PICKLE:
            raise BrokenCheckpointError(
                f"{source.name} is damaged or cut short.", "Take an earlier checkpoint."
            ) from None
        raise
