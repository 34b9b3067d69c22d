"""Which container a file is, by its content."""

from __future__ import annotations

from inspector.checkpoint.contents import Contents
from inspector.checkpoint.errors import CheckpointError, CutShortError, NotACheckpointError
from inspector.checkpoint.legacy_container import is_legacy, read_legacy
from inspector.checkpoint.limits import MAX_GLOBALS, MAX_INDEX_BYTES
from inspector.checkpoint.machine import Machine, describe_failure
from inspector.checkpoint.numpy_container import read_npy
from inspector.checkpoint.numpy_header import MAGIC
from inspector.checkpoint.persistent import PersistentIds
from inspector.checkpoint.safetensors_container import is_safetensors, read_safetensors
from inspector.checkpoint.source import Source
from inspector.checkpoint.tar_container import MEMBERS, read_tar
from inspector.checkpoint.tar_index import first_name, is_tar
from inspector.checkpoint.values import Value
from inspector.checkpoint.walking import note, place
from inspector.checkpoint.wrong_files import OPEN_ANOTHER, refuse_text, refuse_wrong_file
from inspector.checkpoint.zip_container import read_zip

_HEAD_BYTES = 4_096

_TOO_LARGE = (
    f"Only the first {MAX_INDEX_BYTES >> 20:,} MiB of it were read: it holds its numbers in the pickle itself. A file "
    "that torch.save writes is read whole, however large."
)

#: Pickles in a row that are walked for their globals.
_MAX_PICKLES = 1_000


def read_container(source: Source) -> Contents:
    """Tell the container from the file's content and read its index.

    Raises
    ------
    CheckpointError
        It is no checkpoint, or one that can't be read.
    """
    head = source.read(0, min(_HEAD_BYTES, source.size))
    if not head:
        raise NotACheckpointError(f"{source.name} is empty (0 bytes).", "Download or copy it again.")
    # As torch.load tells them: zip by its four bytes at the very start, then tar, whatever else the file may be.
    if head.startswith(b"PK\x03\x04"):
        return read_zip(source)
    if is_tar(head):
        if first_name(source) not in MEMBERS:
            raise NotACheckpointError(f"{source.name} is a tar archive, but not one of torch's.", "Unpack it first.")
        return read_tar(source)
    if head.startswith(MAGIC):
        return read_npy(source)
    if is_legacy(head):
        return read_legacy(source)
    if is_safetensors(head, source.size):
        return read_safetensors(source)
    refuse_wrong_file(source, head)
    contents = _read_bare_pickle(source, head)
    if contents is None:
        raise NotACheckpointError(f"{source.name} is not a PyTorch checkpoint.", OPEN_ANOTHER)
    return contents


def _read_bare_pickle(source: Source, head: bytes) -> Contents | None:
    """Walk a file that is nothing but a pickle; None where it is no pickle either."""
    ids = PersistentIds()
    machine = Machine(source.read(0, min(source.size, MAX_INDEX_BYTES)), 0, ids.load)
    contents = Contents("pickle", None, {}, [], 0)
    try:
        contents.root = machine.run()
    except CheckpointError as error:
        # Text and noise stumble within a few bytes; a pickle that breaks off has named or built something.
        contents.root = machine.partial()
        if not machine.globals and not (head.startswith(b"\x80") and contents.root is not None):
            refuse_text(source, head)
            return None
        contents.complete = contents.globals_complete = False
        is_too_large = isinstance(error, CutShortError) and source.size > MAX_INDEX_BYTES
        contents.warnings.append(_TOO_LARGE if is_too_large else describe_failure(error))
    else:
        if not head.startswith(b"\x80") and _is_noise(contents.root, machine, source):
            refuse_text(source, head)
            return None
    contents.index_bytes = machine.position
    note(contents, machine)
    place(contents, machine, 0)
    if contents.complete and machine.position < source.size:
        _read_on(contents, machine, source)
    return contents


def _read_on(contents: Contents, machine: Machine, source: Source) -> None:
    """Walk the pickles that follow the first: a reader that goes on would run what they name."""
    position, count = machine.position, 1
    while position < source.size and count < _MAX_PICKLES:
        following = Machine(machine.data, position, PersistentIds().load, machine.name, machine.nesting)
        try:
            following.run()
        except CheckpointError:
            contents.complete = contents.globals_complete = False
            contents.warnings.append(f"{source.size - position:,} bytes that are no pickle follow its end.")
            break
        finally:
            note(contents, following)
        position = following.position
        count += 1
        if len(contents.globals) > MAX_GLOBALS:
            contents.complete = contents.globals_complete = False
            break
    if position < source.size and contents.complete:
        contents.complete = contents.globals_complete = False
        contents.warnings.append(f"It holds more than {_MAX_PICKLES:,} pickles in a row; the rest was not looked at.")
    if count > 1:
        contents.warnings.append(f"It holds {count:,} pickles in a row; the first is shown.")


def _is_noise(root: Value, machine: Machine, source: Source) -> bool:
    """A few bytes of any text can happen to be a pickle of protocol 0; one that builds nothing is none."""
    return (
        not machine.globals
        and (root is None or isinstance(root, bool | int | float | str))
        and (machine.position < source.size)
    )
