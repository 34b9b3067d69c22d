"""Frames: how the processes speak over their pipes. A JSON header and raw buffers, never a pickle.

A frame is ``b"INS1"``, the header's length and the number of buffers (u32 each, little-endian), the length of each
buffer (u64), the header (UTF-8 JSON object) and the buffers.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

from inspector.errors import InspectorError

_START = struct.Struct("<4sII")
_LENGTH = struct.Struct("<Q")
_MAGIC = b"INS1"

#: Headers are small by design: everything large travels in buffers.
MAX_HEADER_BYTES = 64 << 20
MAX_BUFFERS = 4_096
#: The largest single message: a checkpoint's columns, or a picture. Weights travel in pieces.
MAX_FRAME_BYTES = 1 << 30

Buffer = bytes | bytearray | memoryview
Frame = tuple[dict[str, Any], list[bytearray]]


class ProtocolError(InspectorError):
    """The other side sent something that is no frame of ours; the connection can't go on."""


def write_frame(stream: BinaryIO, header: dict[str, Any], buffers: Sequence[Buffer] = ()) -> None:
    """Write one frame and flush it.

    Raises
    ------
    ProtocolError
        It is larger than the other side would take, or is no JSON. Nothing was written.
    OSError
        The other side is gone.
    """
    try:
        text = json.dumps(header, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"A message can't be sent: {error}.") from error
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    if len(text) > MAX_HEADER_BYTES or len(views) > MAX_BUFFERS or sum(map(len, views)) > MAX_FRAME_BYTES:
        raise ProtocolError("An answer is too large to be sent.", "Ask for less at once.")
    sizes = b"".join(_LENGTH.pack(len(view)) for view in views)
    for view in (memoryview(_START.pack(_MAGIC, len(text), len(views)) + sizes + text), *views):
        rest = view
        while len(rest):
            rest = rest[stream.write(rest) :]  # an unbuffered pipe may take a part
    stream.flush()


def read_frame(stream: BinaryIO) -> Frame | None:
    """Read one frame; None at the end of the stream.

    Raises
    ------
    ProtocolError
        What came is no frame, or breaks its bounds.
    """
    start = _read(stream, _START.size, at_end=True)
    if start is None:
        return None
    magic, header_length, count = _START.unpack(start)
    if magic != _MAGIC or header_length > MAX_HEADER_BYTES or count > MAX_BUFFERS:
        raise ProtocolError("The processes of Inspector misunderstood each other.", "Start Inspector again.")
    lengths = [_LENGTH.unpack(_must(stream, _LENGTH.size))[0] for _ in range(count)]
    if sum(lengths) > MAX_FRAME_BYTES:
        raise ProtocolError("A message between the processes of Inspector is too large.")
    try:
        header = json.loads(_must(stream, header_length))
    except (ValueError, RecursionError):
        raise ProtocolError("A message between the processes of Inspector can't be understood.") from None
    if not isinstance(header, dict):
        raise ProtocolError("A message between the processes of Inspector has no header.")
    return header, [_must(stream, length) for length in lengths]


def _must(stream: BinaryIO, length: int) -> bytearray:
    found = _read(stream, length, at_end=False)
    if found is None:
        raise ProtocolError("A message between the processes of Inspector broke off.")
    return found


def _read(stream: BinaryIO, length: int, *, at_end: bool) -> bytearray | None:
    data = bytearray(length)
    view, filled = memoryview(data), 0
    while filled < length:
        got = stream.readinto(view[filled:])  # type: ignore[attr-defined]
        if not got:
            if at_end and filled == 0:
                return None
            raise ProtocolError("A message between the processes of Inspector broke off.")
        filled += got
    return data
