"""Archives made to hurt or to deceive, each given to a reader process: one sentence, in bounded time and memory."""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Outcome, legacy_of, zip_of
from .test_hurting_files import assert_bounded
from .test_wrong_files import CENTRAL, patched, raw_zip

Read = Callable[[Path], Outcome]

PLAIN = pickle.dumps({"epoch": 3}, protocol=2)
HARMFUL = b"cos\nsystem\n(X\x02\x00\x00\x00idtR."

_PIECE = 16 << 20


def gigabyte(path: Path, announced: int = 64 * _PIECE) -> Path:
    """Write an archive whose pickle takes 1 MB packed, and 1 GB unpacked, whatever its size is said to be."""
    piece = b"N0" * (_PIECE // 2)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)  # stands for itself, so it can be repeated
    packed, checksum = first * 64 + packer.flush(), 0
    for _ in range(64):
        checksum = zlib.crc32(piece, checksum)
    name = b"archive/data.pkl"
    fields = (0, zlib.DEFLATED, 0, 33, checksum, len(packed), announced, len(name), 0)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, *fields) + name
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", CENTRAL, 20, 20, *fields, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local) + len(packed), 0)
    path.write_bytes(local + packed + entry + end)
    return path


def overlapping(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("a/data.pkl", PLAIN)
        made.writestr("a/data/0", bytes(200))
        made.getinfo("a/data/0").header_offset = 10
    return path


#: Archives that two programs could read differently, and archives that inflate: refused, with words of the sentence.
REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a pickle of 1 MB that inflates to 1 GB": (gigabyte, "too large to be an index"),
    "the same, said to be 1,000 bytes": (lambda path: gigabyte(path, 1_000), "announced checksum"),
    "the same name twice": (lambda path: raw_zip(path, [("a/data.pkl", PLAIN), ("a/data.pkl", HARMFUL)]), "or alike"),
    "Data.pkl beside data.pkl": (
        lambda path: raw_zip(path, [("a/data.pkl", PLAIN), ("a/Data.pkl", HARMFUL)]), "or alike"
    ),
    "a NUL in a name": (lambda path: raw_zip(path, [("a/data.pkl", PLAIN), ("a/x\0y", b"")]), "refused"),
    "two folders": (lambda path: raw_zip(path, [("a/data.pkl", PLAIN), ("b/data.pkl", HARMFUL)]), "not laid out"),
    "a name that climbs out": (lambda path: raw_zip(path, [("a/data.pkl", PLAIN), ("a/../b", b"")]), "refused"),
    "a wrong checksum": (lambda path: patched(zip_of(path, PLAIN), CENTRAL, 16, bytes(4)), "announced checksum"),
    "a size beyond the file": (
        lambda path: patched(zip_of(path, PLAIN), CENTRAL, 20, struct.pack("<II", 1 << 30, 1 << 30)), "refused"
    ),
    "an entry in another": (overlapping, "refused"),
    "said to be encrypted": (lambda path: patched(zip_of(path, PLAIN), CENTRAL, 8, b"\x01\0"), "encrypted"),
    "7-Zip instead of a pickle": (lambda path: zip_of(path, b"7z\xbc\xaf\x27\x1c" + bytes(400)), "can't be read"),
}  # fmt: skip

#: Files that stop early or hold more than they show: read as far as they go.
PARTIAL: dict[str, Callable[[Path], Path]] = {
    "zip, the end early": lambda path: zip_of(path, PLAIN + HARMFUL),
    "zip, broken behind the payload": lambda path: zip_of(path, b"\x80\x02" + HARMFUL[:-1] + b"0\xff"),
    "legacy, the end early": lambda path: legacy_of(path, PLAIN + HARMFUL, b"\x80\x02]."),
    "legacy, broken behind the payload": lambda path: legacy_of(path, b"\x80\x02" + HARMFUL[:-1] + b"0\xff"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_a_sentence(tmp_path: Path, read_in_process: Read, name: str) -> None:
    make, words = REFUSED[name]
    path = make(tmp_path / "hurting.pth")
    outcome = read_in_process(path)
    assert_bounded(outcome, path)
    assert outcome.error is not None
    assert words in outcome.error.sentence
    assert "hurting.pth" in outcome.error.sentence


def test_the_inflating_archive_is_what_it_claims(tmp_path: Path) -> None:
    path = gigabyte(tmp_path / "hurting.pth")
    assert path.stat().st_size < 1_100_000
    with zipfile.ZipFile(path) as made, made.open("archive/data.pkl") as unpacked:
        assert made.getinfo("archive/data.pkl").file_size == 1 << 30
        assert unpacked.read(6) == b"N0N0N0"


@pytest.mark.parametrize("name", PARTIAL)
def test_what_was_not_walked_is_never_called_safe(tmp_path: Path, read_in_process: Read, name: str) -> None:
    path = PARTIAL[name](tmp_path / "hurting.pth")
    outcome = read_in_process(path)
    assert_bounded(outcome, path)
    assert outcome.summary is not None
    summary = outcome.summary
    if name == "zip, the end early":  # torch stops there as well, so what follows is data
        assert summary.safety == "safe"
        assert summary.warnings == (f"{len(HARMFUL)} bytes follow the end of its pickle.",)
        return
    assert summary.safety == "dangerous"
    assert summary.globals[0] == ("os.system", "dangerous")
    assert summary.complete == ("broken" not in name)
