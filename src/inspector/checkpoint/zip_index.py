"""The directory of a zip archive, read strictly: what two parsers could read differently is refused.

Format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end, and zip64).
Only the central directory is read; where an entry's bytes begin is told by its local header, read on demand.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from inspector.checkpoint.errors import AmbiguousArchiveError, BrokenCheckpointError, LimitError
from inspector.checkpoint.limits import FREE_INFLATED_INDEX_BYTES, MAX_INDEX_BYTES, MAX_INFLATION
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import quoted

_END = struct.Struct("<4sHHHHIIH")
_END64_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_ENTRY = struct.Struct("<4sHHHHHHIIIHHHHHII")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")

STORED, DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One entry: its name, its method, its sizes in bytes, and where its local header lies."""

    name: str
    method: int
    crc: int
    compressed: int
    size: int
    header_offset: int


def read_zip_index(source: Source) -> list[ZipEntry]:
    """Return the entries of the archive, in directory order.

    Raises
    ------
    BrokenCheckpointError
        There is no directory (a truncated download ends before it), or it is damaged.
    AmbiguousArchiveError
        Two parsers could read different things out of it: colliding names, a NUL in a name, encryption.
    """
    count, size, offset = _find_directory(source)
    directory = source.read(offset, size)
    entries, position = [], 0
    for _ in range(count):
        entry, position = _read_entry(source, directory, position)
        entries.append(entry)
    if position != size:
        raise AmbiguousArchiveError(
            f"{source.name} holds more entries than its directory announces, so two programs could read "
            "different things out of it.",
            "Ask for a fresh copy.",
        )
    _refuse_ambiguity(source, entries, offset)
    return entries


def _find_directory(source: Source) -> tuple[int, int, int]:
    """Return (entries, bytes, offset) of the central directory, from the end record."""
    tail_length = min(source.size, 65_535 + _END.size)
    tail_start = source.size - tail_length
    tail = source.read(tail_start, tail_length)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise BrokenCheckpointError(
            f"{source.name} is cut short: the archive's directory, which is written last, is missing.",
            "Download or copy it again.",
        )
    _, disk, _, _, *short, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    long = _find_zip64(source, end)
    if long is not None:
        # Readers disagree on which of the two records to believe, so both must say the same.
        disk, end, *whole = long
        if any(a not in (b, top) for a, b, top in zip(short, whole, (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), strict=True)):
            raise _ambiguous(source, "its two end records contradict each other")
        short = whole
    elif 0xFFFF in short[:1] or 0xFFFFFFFF in short[1:]:
        raise BrokenCheckpointError(f"{source.name} is damaged: its zip64 directory is missing.")
    count, size, offset = short
    if disk not in (0, 0xFFFF):
        raise BrokenCheckpointError(f"{source.name} is one part of an archive split over several files.")
    if offset + size > end or count * _ENTRY.size > size:
        raise BrokenCheckpointError(f"{source.name} is damaged: its directory does not fit the file.")
    if offset + size != end:
        raise _ambiguous(source, "its directory does not end where the archive's end begins")
    if size > MAX_INDEX_BYTES:
        raise BrokenCheckpointError(f"{source.name} has a directory of {size:,} bytes, too large to be honest.")
    return count, size, offset


def _find_zip64(source: Source, end: int) -> tuple[int, int, int, int, int] | None:
    """Return (disk, offset of the zip64 end record, entries, bytes, offset), None where there is no such record."""
    locator_at = end - _END64_LOCATOR.size
    if locator_at < 0:
        return None
    signature, _, record_at, _ = _END64_LOCATOR.unpack(source.read(locator_at, _END64_LOCATOR.size))
    if signature != b"PK\x06\x07":
        return None
    if record_at + _END64.size <= locator_at:
        record = _END64.unpack(source.read(record_at, _END64.size))
        if record[0] == b"PK\x06\x06" and record_at + 12 + record[1] == locator_at:
            return record[4], record_at, record[7], record[8], record[9]
    raise BrokenCheckpointError(f"{source.name} is damaged: its zip64 directory is missing.")


def _read_entry(source: Source, directory: bytes, position: int) -> tuple[ZipEntry, int]:
    if position + _ENTRY.size > len(directory) or directory[position : position + 4] != b"PK\x01\x02":
        raise BrokenCheckpointError(f"{source.name} is damaged: its directory is unreadable.")
    record = _ENTRY.unpack_from(directory, position)
    flags, method, crc, compressed, size = record[3], record[4], record[7], record[8], record[9]
    name_length, extra_length, comment_length, header_offset = record[10], record[11], record[12], record[16]
    name_at = position + _ENTRY.size
    end = name_at + name_length + extra_length + comment_length
    if end > len(directory):
        raise BrokenCheckpointError(f"{source.name} is damaged: its directory is cut short.")
    raw_name = directory[name_at : name_at + name_length]
    if 0xFFFFFFFF in (size, compressed, header_offset):
        extra = directory[name_at + name_length : name_at + name_length + extra_length]
        size, compressed, header_offset = _zip64_sizes(source, extra, size, compressed, header_offset)
    if flags & 1:
        raise AmbiguousArchiveError(f"{source.name} is encrypted.", "Unpack it with its password first.")
    try:
        name = raw_name.decode("utf-8")
    except UnicodeDecodeError:
        name = raw_name.decode("cp437")
    return ZipEntry(name, method, crc, compressed, size, header_offset), end


def _zip64_sizes(source: Source, extra: bytes, size: int, compressed: int, header: int) -> tuple[int, int, int]:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        body = extra[position + 4 : position + 4 + length]
        position += 4 + length
        if kind != 1:
            continue
        values = iter(struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8]))
        try:
            size = next(values) if size == 0xFFFFFFFF else size
            compressed = next(values) if compressed == 0xFFFFFFFF else compressed
            header = next(values) if header == 0xFFFFFFFF else header
        except StopIteration:
            break
        return size, compressed, header
    raise BrokenCheckpointError(f"{source.name} is damaged: an entry's zip64 sizes are missing.")


def _refuse_ambiguity(source: Source, entries: list[ZipEntry], directory_offset: int) -> None:
    seen: set[str] = set()
    for entry in entries:
        name, folded = entry.name, entry.name.casefold()
        climbs = name.startswith("/") or (".." in name and ".." in name.split("/"))
        if climbs or "\\" in name or not name.isprintable():
            raise _ambiguous(source, f"it has an entry with the odd name {quoted(entry.name)}")
        if folded in seen:
            raise _ambiguous(source, f"two of its entries are named {quoted(entry.name)} or alike")
        if entry.method == STORED and entry.compressed != entry.size:
            raise _ambiguous(source, f"its directory gives {quoted(entry.name)} two sizes")
        seen.add(folded)
    _refuse_overlaps(source, entries, directory_offset)


def _refuse_overlaps(source: Source, entries: list[ZipEntry], directory_offset: int) -> None:
    """Refuse entries that lie in each other, or outside of the archive."""
    following = directory_offset
    for entry in sorted(entries, key=lambda entry: entry.header_offset, reverse=True):
        end = entry.header_offset + _LOCAL.size + len(entry.name) + entry.compressed
        if end > following:
            where = "outside of the archive" if following == directory_offset else "in another one"
            raise _ambiguous(source, f"its entry {quoted(entry.name)} lies {where}")
        following = entry.header_offset


def _ambiguous(source: Source, why: str) -> AmbiguousArchiveError:
    return AmbiguousArchiveError(
        f"{source.name} is refused: {why}, so two programs could read different things out of it.",
        "Ask for a fresh copy, saved by torch.",
    )


def locate(source: Source, entry: ZipEntry) -> tuple[int, int]:
    """Return (offset of the entry's first byte, its method), from its local header.

    Raises
    ------
    AmbiguousArchiveError
        The local header is missing or names another entry than the directory.
    BrokenCheckpointError
        The file is cut short.
    """
    header = source.read(entry.header_offset, _LOCAL.size)
    fields = _LOCAL.unpack(header)
    name_length, extra_length = fields[9], fields[10]
    name = source.read(entry.header_offset + _LOCAL.size, name_length)
    if fields[0] != b"PK\x03\x04" or name not in (entry.name.encode(), entry.name.encode("cp437", "replace")):
        raise AmbiguousArchiveError(
            f"{source.name} is refused: its directory and the entry {quoted(entry.name)} contradict each other.",
            "Ask for a fresh copy, saved by torch.",
        )
    start = entry.header_offset + _LOCAL.size + name_length + extra_length
    if start + entry.compressed > source.size:
        missing = start + entry.compressed - source.size
        raise BrokenCheckpointError(
            f"{source.name} is cut short: {missing:,} bytes of {quoted(entry.name)} are missing."
        )
    return int(start), int(fields[3])


def read_entry(source: Source, entry: ZipEntry, *, check: bool = True) -> bytes:
    """Return an entry's content, inflated where need be and checked against its CRC.

    Raises
    ------
    BrokenCheckpointError
        The content does not have its announced size or checksum, or is packed by an unusual method.
    """
    if entry.size > MAX_INDEX_BYTES or entry.compressed > MAX_INDEX_BYTES:
        raise BrokenCheckpointError(f"{quoted(entry.name)} in {source.name} is too large to be an index.")
    start, method = locate(source, entry)
    if method != entry.method:
        raise _ambiguous(source, f"its directory and the entry {quoted(entry.name)} contradict each other")
    packed = source.read(start, entry.compressed)
    if method == STORED:
        content = packed
    elif method == DEFLATED:
        content = inflate(packed, entry.size, entry.name, source.name, FREE_INFLATED_INDEX_BYTES)
    else:
        raise BrokenCheckpointError(
            f"{quoted(entry.name)} in {source.name} is packed by a method that torch does not use ({entry.method})."
        )
    if len(content) != entry.size or (check and zlib.crc32(content) != entry.crc):
        raise BrokenCheckpointError(
            f"{source.name} is damaged: {quoted(entry.name)} does not have its announced checksum.",
            "Download or copy it again.",
        )
    return content


def inflate(packed: bytes, size: int, entry_name: str, file_name: str, free: int) -> bytes:
    """Inflate ``packed`` to ``size`` bytes, never to more than an honest factor or, if more, ``free`` bytes.

    Raises
    ------
    LimitError
        It would inflate suspiciously far.
    BrokenCheckpointError
        It does not inflate at all.
    """
    name = quoted(entry_name)
    if size > max(MAX_INFLATION * len(packed), free):
        raise LimitError(
            f"{name} in {file_name} would inflate from {len(packed):,} to {size:,} bytes, too far to be honest."
        )
    try:
        content = zlib.decompressobj(-15).decompress(packed, size + 1)
    except zlib.error:
        raise BrokenCheckpointError(f"{file_name} is damaged: {name} can't be unpacked.") from None
    return content
