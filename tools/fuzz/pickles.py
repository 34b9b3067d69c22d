"""Changes to a pickle in its own grammar: opcodes dropped, doubled, swapped and invented, arguments made strange."""

from __future__ import annotations

import pickletools
import struct
from random import Random

_NUMBERS = (0, 1, -1, 2, 63, 64, 127, 255, 256, 65_535, 65_536, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 62, 1 << 63)

_GLOBALS = (
    "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "torch FloatStorage", "torch Size",
    "torch._utils _rebuild_sparse_tensor", "torch._utils _rebuild_qtensor", "torch._utils _rebuild_nested_tensor",
    "torch._utils _rebuild_meta_tensor_no_storage", "torch._tensor _rebuild_from_type_v2", "torch.storage TypedStorage",
    "torch.nn.modules.linear Linear", "collections OrderedDict", "collections defaultdict", "collections Counter",
    "argparse Namespace", "numpy dtype", "numpy.core.multiarray scalar", "numpy._core.multiarray _reconstruct",
    "numpy ndarray", "builtins set", "datetime datetime", "pathlib PosixPath", "_codecs encode", "posix system",
    "builtins eval", "a.b c.d.e", "copyreg _reconstructor", "torch serialization._get_layout", "torch.serialization x",
)  # fmt: skip

_TEXTS = ("", "storage", "module", "state_dict", "_modules", "_parameters", "_buffers", "a.weight", "cpu", "0", "é😀",
          "\x00", "../x", "a" * 300, "a." * 200, "\ud800")  # fmt: skip

_CODES = [op.code.encode("latin-1") for op in pickletools.opcodes]


def mutated_pickle(data: bytes, random: Random) -> bytes:
    """Return a pickle with a few of its opcodes changed; what is no pickle any more comes back cut or doubled."""
    parts = opcodes(data)
    if not parts:
        return data * 2 if random.random() < 0.5 else data[: random.randrange(len(data) + 1)]
    tail = data[sum(map(len, parts)) :]
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        if not parts:
            break
        at = random.randrange(len(parts))
        random.choice((_drop, _double, _swap, _invent, _argue, _argue, _argue, _move, _nest, _repeat))(
            parts, at, random
        )
    return b"".join(parts) + tail


def opcodes(data: bytes) -> list[bytes]:
    """Return the pickle cut into its opcodes with their arguments, as far as it can be read."""
    starts = []
    try:
        for _, _, position in pickletools.genops(data):
            starts.append(position or 0)
    except Exception:  # noqa: BLE001 - pickletools raises whatever its argument readers raise; the rest is the tail
        pass
    if not starts:
        return []
    ends = [*starts[1:], starts[-1] + 1]
    return [data[start:end] for start, end in zip(starts, ends, strict=True)]


def text(random: Random) -> bytes:
    """Return an opcode that pushes a strange text."""
    raw = random.choice(_TEXTS).encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(random: Random) -> bytes:
    """Return an opcode that pushes a strange number."""
    value = random.choice(_NUMBERS)
    raw = value.to_bytes(9, "little", signed=True)
    return random.choice(
        (b"\x8a\x09" + raw, b"J" + struct.pack("<i", max(-1, min(value, (1 << 31) - 1))), b"I%d\n" % value)
    )


def _global(random: Random) -> bytes:
    return b"c" + random.choice(_GLOBALS).replace(" ", "\n").encode() + b"\n"


def _drop(parts: list[bytes], at: int, random: Random) -> None:
    del parts[at : at + random.choice((1, 1, 2, 5))]


def _double(parts: list[bytes], at: int, random: Random) -> None:
    run = parts[at : at + random.choice((1, 1, 3, 10))]
    parts[at:at] = run * random.choice((1, 1, 2, 50))


def _swap(parts: list[bytes], at: int, random: Random) -> None:
    other = random.randrange(len(parts))
    parts[at], parts[other] = parts[other], parts[at]


def _move(parts: list[bytes], at: int, random: Random) -> None:
    moved = parts[at : at + random.choice((1, 2, 5))]
    del parts[at : at + len(moved)]
    place = random.randrange(len(parts) + 1)
    parts[place:place] = moved


def _invent(parts: list[bytes], at: int, random: Random) -> None:
    made = random.choice((random.choice(_CODES), text(random), number(random), _global(random)))
    if made in _CODES and random.random() < 0.5:
        made += random.randbytes(random.randrange(9))
    parts.insert(at, made)


def _argue(parts: list[bytes], at: int, random: Random) -> None:
    """Give an opcode another argument of its kind, or another number of bytes than it announces."""
    part = parts[at]
    code = part[:1]
    if code in b"c\x93":
        parts[at] = _global(random)
    elif code in b"KMJI\x8a\x8bN\x88\x89G":
        parts[at] = random.choice((number(random), text(random), b"N", b"\x88", b"]", b")", b"G" + random.randbytes(8)))
    elif code in b"hjrq\x94pg" and len(part) > 1:
        parts[at] = code + random.randbytes(len(part) - 1)
    elif code in b"XU\x8c\x8dBCT" and len(part) > 1:
        parts[at] = random.choice((text(random), number(random), _flipped(part, random)))
    elif len(part) > 1:
        parts[at] = _flipped(part, random)
    else:
        parts[at] = random.choice((*_CODES[:68], b")", b"]", b"}", b"N", b"t", b"\x85", b"\x86", b"\x87", b"R", b"b"))


def _flipped(part: bytes, random: Random) -> bytes:
    changed = bytearray(part)
    changed[random.randrange(1, len(changed))] = random.randrange(256)
    return bytes(changed)


def _nest(parts: list[bytes], at: int, random: Random) -> None:
    depth = random.choice((10, 100, 2_000))
    opening, closing = random.choice(
        ((b"]", b"a"), (b"(", b"t"), (b"(", b"l"), (b"}X\x01\x00\x00\x00a", b"s"), (b"", b"\x85"))
    )
    parts[at:at] = [opening * depth + b"N" + closing * depth]


def _repeat(parts: list[bytes], at: int, random: Random) -> None:
    """Double what is on the stack again and again: few bytes that stand for a huge object."""
    parts[at:at] = random.choice(
        ([b"2\x86"] * 40, [b"0"] * 20, [b"q\x00h\x00h\x00\x86"] * 30, [b"(" * 500], [b"1" * 5])
    )
