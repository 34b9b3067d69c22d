"""The members of a tar archive, read strictly: what two parsers could read differently is refused.

Format: POSIX.1-2017, pax Interchange Format and ustar. Only the headers are read, and no more than a few of them:
torch wrote four members. Python's own ``tarfile`` (which torch reads with) follows links, sparse maps and second
names; none of these occurs in a file that torch wrote, so none is interpreted here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from inspector.checkpoint.errors import AmbiguousArchiveError, BrokenCheckpointError, LimitError
from inspector.checkpoint.source import Source
from inspector.checkpoint.text import quoted

BLOCK = 512

#: Headers that are looked at: torch's four members have two each, and repacking adds a few.
_MAX_HEADERS = 1_000

#: Bytes of one extended header: times and owners take some hundred.
_MAX_EXTENDED = 1 << 16

#: Bytes behind the archive's end that may be nothing but padding; ``tar -b`` makes records of 10 KiB by default.
_MAX_PADDING = 1 << 20

#: Extended header fields that change neither a member's name nor its bytes.
_HARMLESS = re.compile(r"mtime|atime|ctime|uid|gid|uname|gname|comment|(SCHILY|LIBARCHIVE)\..*")

_REGULAR, _EXTENDED, _FOLDER = (b"0", b"\0"), (b"x", b"g"), b"5"


class TarMember(NamedTuple):
    """A regular file in the archive: its name, where its bytes begin, and how many it announces."""

    name: str
    offset: int
    size: int

    @property
    def end(self) -> int:
        """Offset behind its last byte."""
        return self.offset + self.size


class _Header(NamedTuple):
    name: str
    size: int
    kind: bytes


def is_tar(head: bytes) -> bool:
    """Tell whether ``head`` begins with a tar header: its checksum alone counts, as for Python's ``tarfile``."""
    return len(head) >= BLOCK and _number(head[148:156]) in _checksums(head[:BLOCK])


def _checksums(block: bytes) -> tuple[int, int]:
    """Return the sum of the header's bytes with a blank checksum field; old programs summed signed bytes."""
    rest = block[:148] + block[156:]
    unsigned = sum(rest) + 8 * ord(" ")
    return unsigned, unsigned - 256 * sum(byte >= 128 for byte in rest)


def _number(field: bytes) -> int | None:
    """Return a numeric field's value: octal digits, or big-endian bytes behind a set bit; None where it is none."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip(b" ")
    return int(digits or b"0", 8) if re.fullmatch(rb"[0-7]*", digits) else None


def first_name(source: Source) -> str:
    """Return the name of the archive's first member, whatever it is; empty where there is none."""
    position = 0
    for _ in range(4):
        block = source.read(position, BLOCK) if position + BLOCK <= source.size else bytes(BLOCK)
        if not is_tar(block):
            break
        if block[156:157] not in _EXTENDED:
            return _text(block[:100])
        position += BLOCK + _padded(_number(block[124:136]) or 0)
    return ""


def read_tar_index(source: Source) -> list[TarMember]:
    """Return the regular members, in the archive's order. The last one may reach beyond a file that was cut short.

    Raises
    ------
    AmbiguousArchiveError
        Two programs could read different things out of it: links, sparse members, names that collide, names or
        sizes given twice, something behind its end.
    BrokenCheckpointError
        A header is damaged.
    LimitError
        It has far more members than torch writes.
    """
    members: list[TarMember] = []
    position, extended_size = 0, None
    for _ in range(_MAX_HEADERS):
        block = source.read(position, BLOCK) if position + BLOCK <= source.size else b""
        if not any(block):
            if block:
                _refuse_what_follows(source, position)
            _refuse_collisions(source, members)
            return members
        header = _read_header(source, block, position)
        data = position + BLOCK
        if header.kind in _EXTENDED:
            extended_size = _read_extended(source, data, header)
            position = data + _padded(header.size)
            continue
        size = header.size
        if extended_size is not None:
            if size not in (0, extended_size):
                raise _ambiguous(source, f"it gives {quoted(header.name)} two sizes")
            size, extended_size = extended_size, None
        if header.kind in _REGULAR:
            members.append(TarMember(header.name, data, size))
        elif header.kind != _FOLDER or size:
            raise _ambiguous(source, f"{quoted(header.name)} in it is a link or another special file")
        position = data + _padded(size)
    raise LimitError(f"{source.name} is a tar archive of more than {_MAX_HEADERS:,} members; torch wrote four.")


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _read_header(source: Source, block: bytes, position: int) -> _Header:
    size = _number(block[124:136])
    if not is_tar(block) or size is None:
        raise BrokenCheckpointError(
            f"{source.name} is a damaged tar archive: the header at byte {position:,} makes no sense.",
            "Download or copy it again.",
        )
    name = _text(block[:100])
    # ustar puts a prefix to the name there, GNU tar puts other things.
    if any(block[345:500]) or not name.isprintable() or not name:
        raise _ambiguous(source, f"a member's name {quoted(name)} can be read in two ways")
    if source.size < position + BLOCK + size and block[156:157] in _EXTENDED:
        raise BrokenCheckpointError(f"{source.name} is cut short: it ends within a header.")
    return _Header(name, size, block[156:157])


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _read_extended(source: Source, offset: int, header: _Header) -> int | None:
    """Return the size that an extended header gives its member, None where it gives none."""
    if header.size > _MAX_EXTENDED:
        raise LimitError(f"{source.name} has a header of {header.size:,} bytes, too large to be honest.")
    raw, position, size = source.read(offset, header.size), 0, None
    while position < len(raw):
        found = re.compile(rb"([1-9][0-9]{0,5}) ([^=\n]+)=").match(raw, position)
        end = position + int(found[1]) if found is not None else 0
        if found is None or end > len(raw) or raw[end - 1 : end] != b"\n" or end <= found.end():
            raise BrokenCheckpointError(f"{source.name} is a damaged tar archive: an extended header makes no sense.")
        key, value = found[2].decode("utf-8", "replace"), raw[found.end() : end - 1]
        position = end
        if key == "size" and header.kind == b"x" and size is None and re.fullmatch(rb"[0-9]{1,19}", value):
            size = int(value)  # how sizes of 8 GiB and more are written
        elif _HARMLESS.fullmatch(key) is None:
            raise _ambiguous(source, f"an extended header in it sets {quoted(key)}")
    return size


def _refuse_what_follows(source: Source, end: int) -> None:
    """Refuse anything but zeros behind the end: some programs read on, and torch reads other containers' ends."""
    rest = source.size - end
    if rest > _MAX_PADDING or any(source.read(source.size - rest, rest)):
        raise _ambiguous(source, f"{rest:,} bytes follow its end")


def _refuse_collisions(source: Source, members: list[TarMember]) -> None:
    seen = set()
    for member in members:
        parts = [part for part in member.name.casefold().split("/") if part not in ("", ".")]
        folded = "/".join(parts)
        if folded in seen or ".." in parts or "\\" in folded:
            raise _ambiguous(source, f"it has more than one member like {quoted(member.name)}, or an odd one")
        seen.add(folded)


def _ambiguous(source: Source, why: str) -> AmbiguousArchiveError:
    return AmbiguousArchiveError(
        f"{source.name} is refused: in this tar archive, two programs could read different things, for {why}.",
        "Ask for a fresh copy, saved by a newer torch.",
    )
