"""Frames: what goes in comes out, whatever the pipe does; what is no frame is refused before it costs anything."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.processes.frames import (
    MAX_BUFFERS,
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    ProtocolError,
    read_frame,
    write_frame,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
HEADERS = st.dictionaries(st.text(st.characters(), max_size=8), JSON, max_size=5)


class _Dripping(io.BytesIO):
    """A pipe that takes and gives a few bytes at a time, as unbuffered ones may."""

    def write(self, data: Any) -> int:
        return super().write(memoryview(data)[:3])

    def readinto(self, target: Any) -> int:
        return super().readinto(memoryview(target)[:2])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(HEADERS, st.lists(st.binary(max_size=50), max_size=4)), max_size=4), st.booleans())
def test_frames_come_out_as_they_went_in(frames: list[tuple[dict[str, Any], list[bytes]]], dripping: bool) -> None:
    stream = _Dripping() if dripping else io.BytesIO()
    for header, buffers in frames:
        write_frame(stream, header, buffers)
    stream.seek(0)
    for header, buffers in frames:
        assert read_frame(stream) == (header, list(map(bytearray, buffers)))
    assert read_frame(stream) is None


def test_buffers_of_any_kind_count_in_bytes() -> None:
    import array

    numbers = array.array("q", [1, 2, 3])
    stream = io.BytesIO()
    write_frame(stream, {}, [memoryview(numbers), bytearray(b"x"), b""])
    stream.seek(0)
    assert read_frame(stream) == ({}, [bytearray(numbers.tobytes()), bytearray(b"x"), bytearray()])


@settings(max_examples=200, deadline=None)
@given(HEADERS, st.lists(st.binary(max_size=20), max_size=3), st.data())
def test_a_frame_that_breaks_off_is_refused(header: dict[str, Any], buffers: list[bytes], data: st.DataObject) -> None:
    stream = io.BytesIO()
    write_frame(stream, header, buffers)
    whole = stream.getvalue()
    part = io.BytesIO(whole[: data.draw(st.integers(1, len(whole) - 1))])
    with pytest.raises(ProtocolError):
        read_frame(part)


def frame(
    magic: bytes = b"INS1", length: int = 2, count: int = 0, sizes: bytes = b"", text: bytes = b"{}"
) -> io.BytesIO:
    return io.BytesIO(struct.pack("<4sII", magic, length, count) + sizes + text)


@pytest.mark.parametrize(
    "stream",
    [
        frame(magic=b"INS2"),
        frame(magic=b"GET "),
        frame(length=MAX_HEADER_BYTES + 1),
        frame(count=MAX_BUFFERS + 1),
        frame(count=1, sizes=struct.pack("<Q", MAX_FRAME_BYTES + 1)),
        frame(count=2, sizes=struct.pack("<QQ", MAX_FRAME_BYTES, MAX_FRAME_BYTES)),
        frame(count=1, sizes=struct.pack("<Q", (1 << 64) - 1)),
        frame(text=b"[]"),
        frame(text=b"{x"),
        frame(length=4, text=b'"ab"'),
        frame(length=2, text=b"\xff\xff"),
        frame(length=200_000, text=b"[" * 200_000),
    ],
)
def test_what_is_no_frame_is_refused(stream: io.BytesIO) -> None:
    with pytest.raises(ProtocolError):
        read_frame(stream)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100))
def test_noise_is_refused(noise: bytes) -> None:
    stream = io.BytesIO(b"INS1" + noise)
    try:
        found = read_frame(stream)
    except ProtocolError:
        return
    assert found is not None
    json.dumps(found[0])


@pytest.mark.parametrize(
    ("header", "buffers"),
    [({"a": object()}, []), ({"a": 1}, [b""] * (MAX_BUFFERS + 1))],
    ids=["no JSON", "more buffers than the other side takes"],
)
def test_what_the_other_side_would_refuse_is_not_written(header: dict[str, Any], buffers: list[bytes]) -> None:
    stream = io.BytesIO()
    with pytest.raises(ProtocolError):
        write_frame(stream, header, buffers)
    assert stream.getvalue() == b""
