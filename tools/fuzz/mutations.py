"""Changes to whole files: a part is changed in its own grammar and the container made again, or bytes are."""

from __future__ import annotations

import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from tools.fuzz.pickles import mutated_pickle

_INTERESTING = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    (1 << 63) - 1,
    (1 << 64) - 1,
)
#: What Python's own readers of archives raise when a file was changed before.
_UNREADABLE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(RuntimeError, ValueError, LookupError, OverflowError),
)
_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def mutated(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Return a changed file: mostly in the grammar of its container, sometimes byte by byte, sometimes both."""
    way = random.random()
    if way < 0.75:
        with suppress(*_UNREADABLE):  # a name may also be too long to be written again
            data = in_its_grammar(data, random)
    if way > 0.65:
        for _ in range(random.choice((1, 1, 2, 4, 16))):
            data = random.choice(_BYTEWISE)(data, others, random)
    return data


def in_its_grammar(data: bytes, random: Random) -> bytes:
    """Change something that the container, told by its first bytes, is made of."""
    if data.startswith(b"PK"):
        return _zip(data, random)
    if data.startswith(_LEGACY_MAGIC):
        return _legacy(data, random)
    if data[257:262] == b"ustar":
        return _tar(data, random)
    if data.startswith(b"\x93NUMPY"):
        return _npy(data, random)
    if len(data) > 9 and data[8:9] == b"{":
        return _safetensors(data, random)
    return mutated_pickle(data, random)


def _entry(name: str, content: bytes, random: Random) -> bytes:
    """Change one file of an archive by what it is."""
    if name.endswith(".json"):
        return _json(content, random)
    if name.endswith((".pkl", "pickle")) or content.startswith(b"\x80"):
        return mutated_pickle(content, random)
    if name.endswith((".npy", ".pt")):
        return in_its_grammar(content, random)
    return random.choice(_BYTEWISE)(content, (b"little", b"big", b"3\n", b""), random)


# zip


def _zip(data: bytes, random: Random) -> bytes:
    if random.random() < 0.4:
        return _zip_field(data, random)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [(info.filename, archive.read(info), info.compress_type) for info in archive.infolist()]
    except _UNREADABLE:
        return _zip_field(data, random)
    if not entries:
        return data
    at = random.choice([0, random.randrange(len(entries))])
    name, content, method = entries[at]
    change = random.random()
    if change < 0.7:
        entries[at] = (name, _entry(name, content, random), method)
    elif change < 0.8:
        entries[at] = (_renamed(name, random), content, method)
    elif change < 0.87:
        del entries[at]
    elif change < 0.93:
        entries.insert(
            random.randrange(len(entries) + 1), (random.choice((name, name.upper(), "x/" + name)), content, 0)
        )
    else:
        entries[at] = (name, content, random.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    return _zipped(entries)


def _renamed(name: str, random: Random) -> str:
    root, _, rest = name.partition("/")
    return random.choice(
        (
            *(rest or "x", f"{root}x/{rest}", f"../{name}", f"{name}/", name.replace("/", "\\"), name[:-1] or "x"),
            *(f"{root}/data.pkl", f"{root}/constants.pkl", f"{root}/data/0", f"{root}/byteorder"),
        )
    )


def _zipped(entries: Sequence[tuple[str, bytes, int]]) -> bytes:
    file = io.BytesIO()
    seen: set[str] = set()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content, method in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            if name in seen:  # zipfile warns of a second one; the archive is written by its parts instead
                archive.NameToInfo.pop(name, None)
            seen.add(name)
            archive.writestr(info, content)
    return file.getvalue()


#: Offsets and sizes of the fields of a local header, a directory entry, an end record, its zip64 forms (APPNOTE 4.3).
_ZIP_FIELDS = {
    b"PK\x03\x04": ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    b"PK\x01\x02": ((4, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (38, 4), (42, 4)),
    b"PK\x05\x06": ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    b"PK\x06\x06": ((4, 8), (16, 4), (24, 8), (32, 8), (40, 8), (48, 8)),
    b"PK\x06\x07": ((4, 4), (8, 8), (16, 4)),
}


def _zip_field(data: bytes, random: Random) -> bytes:
    signature = random.choice(list(_ZIP_FIELDS))
    places = _places(data, signature)
    if not places:
        return data
    offset, size = random.choice(_ZIP_FIELDS[signature])
    return _set(data, random.choice(places) + offset, size, random)


def _places(data: bytes, wanted: bytes) -> list[int]:
    found, at = [], data.find(wanted)
    while at >= 0:
        found.append(at)
        at = data.find(wanted, at + 1)
    return found


def _set(data: bytes, at: int, size: int, random: Random) -> bytes:
    """Write a number into a field: a strange one, or one near the number that is there."""
    now = int.from_bytes(data[at : at + size], "little")
    value = random.choice(
        (random.choice(_INTERESTING), now + random.choice((-1, 1, 2, -8, 8, 64)), now * 2, random.getrandbits(64))
    )
    return data[:at] + (value & ((1 << 8 * size) - 1)).to_bytes(size, "little") + data[at + size :]


# legacy, tar, safetensors, npy


def _legacy(data: bytes, random: Random) -> bytes:
    """Change one of the pickles in a row, or a number between the storages behind them."""
    starts, at = [0], 0
    for _ in range(4):
        end = data.find(b".\x80\x02", at + 1)
        if end < 0:
            break
        at = end + 1
        starts.append(at)
    starts.append(len(data))
    which = random.randrange(len(starts) - 1)
    start, end = starts[which], starts[which + 1]
    if which == len(starts) - 2 and random.random() < 0.5:
        return _set(data, random.randrange(start, end), random.choice((4, 8)), random)
    return data[:start] + mutated_pickle(data[start:end], random) + data[end:]


def _tar(data: bytes, random: Random) -> bytes:
    if random.random() < 0.4:
        return _tar_field(data, random)
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = [(m.name, f.read() if (f := archive.extractfile(m)) else b"") for m in archive.getmembers()]
    except _UNREADABLE:
        return _tar_field(data, random)
    if not members:
        return data
    at = random.randrange(len(members))
    name, content = members[at]
    change = random.random()
    if change < 0.75:
        head = content.find(b".") + 1 if random.random() < 0.5 else len(content)
        members[at] = (name, mutated_pickle(content[:head], random) + content[head:])
    elif change < 0.85:
        del members[at]
    else:
        members.insert(random.randrange(len(members) + 1), (random.choice((name, "x", "./" + name)), content))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=random.choice((0, 1, 2))) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def _tar_field(data: bytes, random: Random) -> bytes:
    """Change a field of a header block, with a right checksum in most cases."""
    blocks = [at for at in range(0, len(data) - 511, 512) if data[at + 257 : at + 262] == b"ustar"]
    if not blocks:
        return data
    at = random.choice(blocks)
    block = bytearray(data[at : at + 512])
    fields = ((0, 100), (100, 8), (124, 12), (136, 12), (156, 1), (157, 100), (257, 8), (345, 155))
    offset, size = random.choice(fields)
    numbers = (b"%o" % random.choice(_INTERESTING), b"\x80" + random.randbytes(11), random.randbytes(size), bytes(size))
    raw = random.choice((*numbers, random.choice((b"0", b"1", b"2", b"5", b"g", b"x", b"L", b"K", b"S"))))
    block[offset : offset + size] = raw[:size].ljust(size, b"\0")
    if random.random() < 0.8:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return data[:at] + bytes(block) + data[at + 512 :]


def _safetensors(data: bytes, random: Random) -> bytes:
    (length,) = struct.unpack("<Q", data[:8])
    if random.random() < 0.1:
        return _set(data, 0, 8, random)
    text = _json(data[8 : 8 + length], random)
    told = len(text) if random.random() < 0.95 else length
    return struct.pack("<Q", told) + text + data[8 + length :]


def _npy(data: bytes, random: Random) -> bytes:
    head = 10 + int.from_bytes(data[8:10], "little")
    if random.random() < 0.4 and head < len(data):
        return data[:head] + _entry("x.pkl" if data[head : head + 1] == b"\x80" else "x", data[head:], random)
    text = data[10:head]
    changes = (
        *((b"'<f8'", b"'|O'"), (b"'>f4'", b"'<U9'"), (b"'>f4'", b"[('a','<f4')]"), (b"False", b"True")),
        *((b"(", b"(9, "), (b"(3,", b"(-3,"), (b"4)", b"4**9)"), (b"3", b"3" * 40)),
        *((b"'descr'", b"'fortran_order'"), (b"}", b""), (b"{", b"{" * 300)),
    )
    text = text.replace(*random.choice(changes))
    if random.random() < 0.3:
        text = random.choice(_BYTEWISE)(text, (b"(", b"'|O'", b"\n"), random)
    told = len(text) if random.random() < 0.8 else random.choice((0, 1, len(text) * 2, 65_535))
    return data[:8] + struct.pack("<H", told & 0xFFFF) + text + data[head:]


# JSON


def _json(content: bytes, random: Random) -> bytes:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return random.choice(_BYTEWISE)(content, (b"{", b"[", b'"'), random)
    for _ in range(random.choice((1, 1, 2, 4))):
        value = _json_value(value, random)
    if random.random() < 0.05:
        return b"[" * 5_000 + b"]" * 5_000
    return json.dumps(value).encode()


def _strange(random: Random) -> Any:
    return random.choice(
        (
            *(
                None,
                True,
                -1,
                0,
                1 << 62,
                1 << 70,
                1.5,
                float("nan"),
                "",
                "a" * 300,
                "\x00",
                "é",
                "/etc/passwd",
                "../x",
            ),
            *("F32", "U8", "I64", "BOOL", "C64", "F8_E4M3", [], {}, [0, 0], [-1, 4], [1 << 40] * 3, [1] * 70),
            *({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, {"a": {"b": {}}}),
        )
    )


def _json_value(value: Any, random: Random) -> Any:
    """Change one place of a value: walk down at random, then replace, drop, add or rename."""
    if random.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return _strange(random)
    if isinstance(value, list):
        at = random.randrange(len(value))
        return [*value[:at], _json_value(value[at], random), *value[at + random.choice((0, 1, 1, 1)) :]]
    key = random.choice(list(value))
    change = random.random()
    if change < 0.6:
        return {**value, key: _json_value(value[key], random)}
    if change < 0.75:
        return {name: item for name, item in value.items() if name != key}
    renamed = random.choice(("dtype", "shape", "__metadata__", "x", "", key + "x", key.upper(), key + ".x"))
    return {renamed if name == key else name: item for name, item in value.items()} | (
        {key: value[key]} if change > 0.9 else {}
    )


# bytes


def _flip(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes((data[at] ^ (1 << random.randrange(8)),)) + data[at + 1 :]


def _write_number(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    return _set(data, random.randrange(len(data)), random.choice((1, 2, 4, 8)), random) if data else data


def _cut(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _remove(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + data[at + random.choice((1, 2, 4, 8, 64, 512)) :]


def _insert(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return (
        data[:at]
        + random.choice((random.randbytes(random.randrange(1, 16)), bytes(random.choice((1, 64, 512)))))
        + data[at:]
    )


def _double_chunk(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + data[at : at + random.choice((4, 64, 1_024))] + data[at:]


def _splice(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


_BYTEWISE: tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...] = (
    _flip, _flip, _flip, _write_number, _write_number, _cut, _remove, _insert, _double_chunk, _splice,
)  # fmt: skip
