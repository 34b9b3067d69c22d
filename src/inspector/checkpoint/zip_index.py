"""The directory of a zip archive, read strictly: what two parsers could read differently is refused.

Format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end, and zip64).
Only the central directory is read; where an entry's bytes begin is told by its local header, read on demand.
"""

from __future__ import annotations

import struct
import zlib
from operator import itemgetter
from typing import NamedTuple

from inspector.checkpoint.errors import BEWARE, AmbiguousArchiveError, BrokenCheckpointError, LimitError
from inspector.checkpoint.limits import FREE_INFLATED_INDEX_BYTES, MAX_INDEX_BYTES, MAX_INFLATION
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import quoted

_END = struct.Struct("<4sHHHHIIH")
_END64_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQHHIIQQQQ")
# signature, flags, method, CRC, sizes, lengths of name, extra and comment, offset of the local header
_ENTRY = struct.Struct("<4s4xHH4xIIIHHH8xI")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")

STORED, DEFLATED = 0, 8

#: Bytes of a comment behind the end record that are looked through first.
_SHORT_COMMENT = 1_000


class ZipEntry(NamedTuple):
    """One entry: its name, method, checksum (None where it has none), sizes in bytes, and its local header's place."""

    name: str
    method: int
    crc: int | None
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
    entries, position = _read_entries(source, source.read(offset, size), count)
    if position != size:
        raise AmbiguousArchiveError(
            f"{source.name} holds more entries than its directory announces, so two programs could read "
            "different things out of it.",
            "Ask for a fresh copy.",
        )
    _refuse_ambiguity(source, entries, offset)
    # Written with torch.serialization.set_crc32_options(False); torch never looks at them. A single zero is damage.
    if not any(entry.crc for entry in entries):
        entries = [entry._replace(crc=None) for entry in entries]
    return entries


def _find_directory(source: Source) -> tuple[int, int, int]:
    """Return (entries, bytes, offset) of the central directory, from the end record."""
    at = -1
    for comment in (_SHORT_COMMENT, 65_535):  # torch writes none; a small file's index is smaller than the longest
        tail_start = max(0, source.size - _END.size - comment)
        tail = source.read(tail_start, source.size - tail_start)
        at = tail.rfind(b"PK\x05\x06")
        if at >= 0:
            break
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


def _read_entries(source: Source, directory: bytes, count: int) -> tuple[list[ZipEntry], int]:
    """Return so many entries and the offset behind the last one."""
    entries, position, length = [], 0, len(directory)
    for _ in range(count):
        name_at = position + _ENTRY.size
        if name_at > length:
            raise BrokenCheckpointError(f"{source.name} is damaged: its directory is unreadable.")
        (signature, flags, method, crc, compressed, size, name_length, extra_length, comment_length,
         header_offset) = _ENTRY.unpack_from(directory, position)  # fmt: skip
        extra_at = name_at + name_length
        position = extra_at + extra_length + comment_length
        if signature != b"PK\x01\x02" or position > length:
            raise BrokenCheckpointError(f"{source.name} is damaged: its directory is unreadable.")
        if size == 0xFFFFFFFF or compressed == 0xFFFFFFFF or header_offset == 0xFFFFFFFF:
            extra = directory[extra_at : extra_at + extra_length]
            size, compressed, header_offset = _zip64_sizes(source, extra, size, compressed, header_offset)
        if flags & 1:
            raise AmbiguousArchiveError(f"{source.name} is encrypted.", "Unpack it with its password first.")
        try:
            name = str(directory[name_at:extra_at], "utf-8")
        except UnicodeDecodeError:
            name = str(directory[name_at:extra_at], "cp437")
        entries.append(ZipEntry(name, method, crc, compressed, size, header_offset))
    return entries, position


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
    names = [entry.name for entry in entries]
    together = "\n".join(names)
    # All names at once, as hardly any archive has an odd one; then that one is looked for.
    if "\\" in together or "/" in together[:1] or "\n/" in together or ".." in together or not _is_printable(names):
        for name in names:
            climbs = name.startswith("/") or (".." in name and ".." in name.split("/"))
            if climbs or "\\" in name or not name.isprintable():
                raise _ambiguous(source, f"it has an entry with the odd name {quoted(name)}")
    if len(set(together.casefold().split("\n"))) != len(names):
        seen: set[str] = set()
        for name in names:
            if name.casefold() in seen:
                raise _ambiguous(source, f"two of its entries are named {quoted(name)} or alike")
            seen.add(name.casefold())
    for entry in entries:
        if entry.method == STORED and entry.compressed != entry.size:
            raise _ambiguous(source, f"its directory gives {quoted(entry.name)} two sizes")
    _refuse_overlaps(source, entries, directory_offset)


def _is_printable(names: list[str]) -> bool:
    return "".join(names).isprintable()


_header_offset = itemgetter(ZipEntry._fields.index("header_offset"))


def _refuse_overlaps(source: Source, entries: list[ZipEntry], directory_offset: int) -> None:
    """Refuse entries that lie in each other, or outside of the archive."""
    following = directory_offset
    for name, _, _, compressed, _, header_offset in sorted(entries, key=_header_offset, reverse=True):
        if header_offset + _LOCAL.size + len(name) + compressed > following:
            where = "outside of the archive" if following == directory_offset else "in another one"
            raise _ambiguous(source, f"its entry {quoted(name)} lies {where}")
        following = header_offset


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
    same = name == entry.name.encode() or name == entry.name.encode("cp437", "replace")
    if fields[0] != b"PK\x03\x04" or not same:
        raise AmbiguousArchiveError(
            f"{source.name} is refused: its directory and the entry {quoted(entry.name)} contradict each other.",
            "Ask for a fresh copy, saved by torch.",
        )
    start = entry.header_offset + _LOCAL.size + name_length + extra_length
    if start + entry.compressed > source.size:
        missing = start + entry.compressed - source.size
        raise BrokenCheckpointError(
            f"{source.name} is cut short: {missing:,} bytes of {quoted(entry.name)} are missing.",
            "Download or copy it again.",
        )
    return int(start), int(fields[3])


def read_entry(source: Source, entry: ZipEntry, *, check: bool = True) -> bytes:
    """Return an entry's content, inflated where need be and checked against its CRC, where it has one.

    Raises
    ------
    LimitError
        It is too large.
    BrokenCheckpointError
        The content does not have its announced size or checksum, or is packed by an unusual method.
    """
    if entry.size > MAX_INDEX_BYTES or entry.compressed > MAX_INDEX_BYTES:
        raise LimitError(f"{quoted(entry.name)} in {source.name} is too large to be an index.", BEWARE)
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
    if len(content) != entry.size or (check and entry.crc is not None and zlib.crc32(content) != entry.crc):
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
            f"{name} in {file_name} would inflate from {len(packed):,} to {size:,} bytes, too far to be honest.",
            BEWARE,
        )
    try:
        content = zlib.decompressobj(-15).decompress(packed, size + 1)
    except zlib.error:
        raise BrokenCheckpointError(f"{file_name} is damaged: {name} can't be unpacked.") from None
    return content
