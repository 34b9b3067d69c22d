"""A zip archive as torch writes it, record after record, never going back.

Layout: ``caffe2/serialize/inline_container.cc`` and torch's miniz: records are stored, begin at multiples of 64 bytes
(padded by an extra field ``FB``) and, unless empty, are followed by a data descriptor, for their checksum is known
last. Torch can compute where a record lies from the sizes of those before it, so the layout is kept to the byte.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from inspector.export.tensor_stream import Piece

#: Folder within the archive, as torch calls it when it knows no file's name.
FOLDER = "archive"

_ALIGNMENT = 64
_BIG = 0xFFFFFFFF
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")
_UTF8, _DESCRIPTOR_FOLLOWS = 0x0800, 0x0008


class TorchArchive:
    """A zip archive that is being written.

    Parameters
    ----------
    file
        Where to write it, from its beginning.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0
        self._directory = bytearray()
        self._count = 0

    def add(self, name: str, size: int, pieces: Iterable[Piece]) -> Iterator[int]:
        """Write a record of ``size`` bytes, piece by piece; yields the bytes of each.

        Raises
        ------
        ValueError
            The pieces are more or fewer bytes.
        """
        path = f"{FOLDER}/{name}".encode()
        start, is_large = self._at, size >= _BIG or self._at >= _BIG
        self._write(_local_header(path, start, size))
        checksum, written = 0, 0
        for piece in pieces:
            checksum = zlib.crc32(piece, checksum)
            written += len(piece)
            self._write(piece)
            yield len(piece)
        if written != size:
            raise ValueError(f"{name} has {written:,} bytes, not {size:,}")
        if size:
            self._write(struct.pack("<4sIQQ" if is_large else "<4sIII", b"PK\x07\x08", checksum, size, size))
        self._directory += _central_header(path, start, size, checksum)
        self._count += 1

    def finish(self) -> None:
        """Write the directory."""
        start, size = self._at, len(self._directory)
        self._write(self._directory)
        if self._count > 0xFFFF or start >= _BIG or size >= _BIG:
            end = self._at
            self._write(
                _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, self._count, self._count, size, start)
                + _LOCATOR64.pack(b"PK\x06\x07", 0, end, 1)
            )
        count = min(self._count, 0xFFFF)
        self._write(_END.pack(b"PK\x05\x06", 0, 0, count, count, min(size, _BIG), min(start, _BIG), 0))

    def _write(self, data: Piece | bytearray) -> None:
        self._file.write(data)
        self._at += len(data)


def _local_header(path: bytes, start: int, size: int) -> bytes:
    large = _large_fields(start, size)
    begin = start + _LOCAL.size + len(path) + len(large) + 4
    padding = -begin % _ALIGNMENT
    extra = large + struct.pack("<2sH", b"FB", padding) + b"Z" * padding
    sizes = (_BIG, _BIG) if large else (0, 0)
    return _LOCAL.pack(b"PK\x03\x04", 0, _flags(size), 0, 0, 0, 0, *sizes, len(path), len(extra)) + path + extra


def _central_header(path: bytes, start: int, size: int, checksum: int) -> bytes:
    large = _large_fields(start, size)
    sizes = (min(size, _BIG), min(size, _BIG), len(path), len(large), 0, 0, 0, 0, min(start, _BIG))
    return _CENTRAL.pack(b"PK\x01\x02", 0, 0, _flags(size), 0, 0, 0, checksum, *sizes) + path + large


def _flags(size: int) -> int:
    """Return a record's flags; nothing follows an empty one."""
    return _UTF8 | _DESCRIPTOR_FOLLOWS if size else _UTF8


def _large_fields(start: int, size: int) -> bytes:
    """Return the extra field of zip64, of what does not fit in 32 bits."""
    fields = [size, size] if size >= _BIG else []
    fields += [start] if start >= _BIG else []
    return struct.pack(f"<2H{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
