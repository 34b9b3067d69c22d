"""safetensors: a length, a JSON header, and the tensors' bytes.

Format: https://github.com/huggingface/safetensors#format . The offsets must be contiguous from 0 and reach the end
of the file, as the reference implementation demands.
"""

from __future__ import annotations

import contextlib
import json
import struct
from typing import Any

from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.dtypes import ITEM_SIZES, SAFETENSORS_DTYPES
from inspector.checkpoint.errors import AmbiguousArchiveError, BrokenCheckpointError, CheckpointError
from inspector.checkpoint.limits import MAX_DIMENSIONS, MAX_ELEMENTS
from inspector.checkpoint.machine import Machine
from inspector.checkpoint.source import Source
from inspector.checkpoint.tensor_bytes import contiguous
from inspector.checkpoint.text import clean_name, quoted
from inspector.checkpoint.values import PickledDict, StorageReference, TensorValue, UnusualTensor

#: The reference implementation's own limit.
MAX_HEADER_BYTES = 100_000_000


def is_safetensors(head: bytes, size: int) -> bool:
    """Tell whether ``head``, the first bytes of a file of ``size`` bytes, is a safetensors file's."""
    if len(head) < 10:
        return False
    (length,) = struct.unpack_from("<Q", head)
    return 2 <= length <= MAX_HEADER_BYTES and head[8:9] == b"{" and length <= max(size, 1) * 1_000


def read_safetensors(source: Source) -> Contents:
    """Read the header. No tensor's bytes are read.

    Raises
    ------
    BrokenCheckpointError
        The header is no JSON of the format, or the file is cut short.
    AmbiguousArchiveError
        A name occurs twice, or it is a pickle as well.
    """
    (length,) = struct.unpack("<Q", source.read(0, 8))
    raw = source.read(0, 8 + length)
    _refuse_pickle(source, raw)
    header = _parse(source, raw[8:])
    start = 8 + length
    contents = Contents("safetensors", PickledDict(), {}, [], start)
    metadata = header.pop("__metadata__", None)
    if isinstance(metadata, dict):
        contents.metadata = {key: value for key, value in metadata.items() if isinstance(value, str)}
    expected = 0
    for name, begin, end, tensor in sorted(
        (_read_entry(source, name, entry) for name, entry in header.items()), key=lambda found: found[1:3]
    ):
        if begin != expected:
            raise BrokenCheckpointError(f"{source.name} is damaged: there is a gap before the tensor {quoted(name)}.")
        contents.storages[name] = StorageLocation(start + begin, end - begin, end - begin)
        contents.root.flat += (name, tensor)
        expected = end
    missing = start + expected - source.size
    if missing > 0:
        contents.complete = False
        contents.warnings.append(f"The file is cut short: {missing:,} bytes are missing.")
    elif missing < 0:
        contents.warnings.append(f"{-missing:,} bytes follow the last tensor.")
    return contents


def _refuse_pickle(source: Source, raw: bytes) -> None:
    """Refuse a header that is a pickle too, its first eight bytes being an instruction: torch would run that."""
    machine = Machine(raw, 0, lambda _: None)
    with contextlib.suppress(CheckpointError):  # as in every honest header: what counts is what it named till then
        machine.run()
    if machine.globals:
        raise AmbiguousArchiveError(
            f"{source.name} is refused: it can be read as safetensors and as a pickle, which are two different things.",
            "Ask for a fresh copy.",
        )


def _parse(source: Source, raw: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise AmbiguousArchiveError(
                f"{source.name} is refused: a name occurs twice in its header, so two programs could read "
                "different things out of it."
            )
        return found

    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise BrokenCheckpointError(f"{source.name} is damaged: its header can't be understood.") from None
    if not isinstance(header, dict):
        raise BrokenCheckpointError(f"{source.name} is damaged: its header is no table of tensors.")
    return header


def _read_entry(source: Source, name: str, entry: Any) -> tuple[str, int, int, TensorValue]:
    fields: dict[str, Any] = entry if isinstance(entry, dict) else {}
    shape: Any = fields.get("shape")
    offsets: Any = fields.get("data_offsets")
    code: Any = fields.get("dtype")
    well_formed = (
        isinstance(code, str)
        and isinstance(shape, list)
        and len(shape) <= MAX_DIMENSIONS
        and all(type(size) is int and 0 <= size < MAX_ELEMENTS for size in shape)
        and isinstance(offsets, list)
        and len(offsets) == 2
        and all(type(offset) is int and 0 <= offset < MAX_ELEMENTS for offset in offsets)
        and offsets[0] <= offsets[1]
    )
    if not well_formed:
        raise BrokenCheckpointError(f"{source.name} is damaged: its entry {quoted(name)} makes no sense.")
    dtype = SAFETENSORS_DTYPES.get(code)
    numel = 1
    for size in shape:
        numel *= size
    if numel >= MAX_ELEMENTS:
        raise BrokenCheckpointError(f"{source.name} is damaged: the shape of {quoted(name)} does not fit its bytes.")
    strides = contiguous(shape)
    if dtype is None:
        unknown = clean_name(code[:20])
        why = f"its dtype {unknown} is unknown here"
        odd = UnusualTensor(None, 0, tuple(shape), strides, unknown.lower(), problem=why)
        return name, offsets[0], offsets[1], odd
    if numel * ITEM_SIZES[dtype] != offsets[1] - offsets[0]:
        raise BrokenCheckpointError(f"{source.name} is damaged: the shape of {quoted(name)} does not fit its bytes.")
    storage = StorageReference(name, dtype, numel, "cpu")
    return name, offsets[0], offsets[1], TensorValue(storage, 0, tuple(shape), strides, dtype)
