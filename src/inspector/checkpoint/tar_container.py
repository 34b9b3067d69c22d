"""torch's tar container (2016 to early 2017, before 0.1.10).

Its members are ``sys_info``, ``pickle``, ``storages`` and ``tensors``. The object in ``pickle`` refers to tensors and
storages by their keys, which the other members describe; see ``tar_objects``. The format
is that of ``torch/serialization.py``, ``legacy_load``.
"""

from __future__ import annotations

from collections.abc import Callable

from inspector.checkpoint.contents import Contents
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError
from inspector.checkpoint.machine import Machine, describe_failure
from inspector.checkpoint.source import Source
from inspector.checkpoint.tar_index import TarMember, read_tar_index
from inspector.checkpoint.tar_objects import TarObjects, read_index
from inspector.checkpoint.text import quoted
from inspector.checkpoint.walking import place, walk

#: What torch wrote into the archive.
MEMBERS = ("sys_info", "pickle", "storages", "tensors")


def read_tar(source: Source) -> Contents:
    """Walk the archive's pickles and note where each storage lies. No storage's bytes are read.

    Raises
    ------
    CheckpointError
        It is damaged, could be read in two ways, or nothing usable could be read.
    """
    members = {member.name: member for member in read_tar_index(source)}
    contents = Contents("tar", None, {}, [], 0)
    missing = max((member.end for member in members.values()), default=0) - source.size
    if missing > 0:
        _stop(contents, f"The file is cut short: at least {missing:,} bytes are missing.")
    if "pickle" not in members or members["pickle"].end > source.size:
        raise BrokenCheckpointError(
            f"{source.name} is cut short: it is a tar archive, as torch wrote before 2017, and its object is missing.",
            "Download or copy it again.",
        )
    if "storages" not in members:
        _stop(contents, "The file is cut short: its storages are missing.")
    objects = TarObjects(source, contents, "tensors" in members)
    steps: tuple[tuple[str, Callable[[TarMember], None]], ...] = (
        ("sys_info", objects.read_system),
        ("storages", objects.read_storages),
        ("tensors", objects.read_tensors),
    )
    for name, read in steps:
        if name in members:
            _read_member(contents, members[name], read)
    contents.globals = list(dict.fromkeys([*objects.names, *contents.globals]))
    data = read_index(source, members["pickle"])
    machine: Machine = objects.machine(data)
    contents.root = walk(contents, machine, source.name)
    contents.index_bytes += len(data)
    place(contents, machine, members["pickle"].offset)
    contents.sources += objects.ids.sources
    extra = sorted(set(members) - set(MEMBERS))
    if extra:
        contents.warnings.append(f"It also holds {', '.join(map(quoted, extra[:5]))}, which torch does not look at.")
    return contents


def _stop(contents: Contents, why: str) -> None:
    contents.complete = contents.globals_complete = False
    contents.warnings.append(why)


def _read_member(contents: Contents, member: TarMember, read: Callable[[TarMember], None]) -> None:
    try:
        read(member)
    except CheckpointError as error:
        if contents.complete:  # else it is known to be cut short
            _stop(contents, describe_failure(error))
