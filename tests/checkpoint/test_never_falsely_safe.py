"""What our walk did not see can't be called safe; what torch reads as another container is not read as ours."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest

from inspector.checkpoint import CheckpointError, open_checkpoint

NAMES_CODE = b"cposix\ngetpid\n)R0"


def zipped(pickled: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/data.pkl", pickled)
    return packed.getvalue()


@pytest.mark.parametrize("trick", [b"I0x1\n0", b"I010\n0", b"(" * 10_001 + b"1" * 10_001])
def test_what_stops_the_walk_is_not_safe(tmp_path: Path, trick: bytes) -> None:
    pickled = b"\x80\x02}X\x01\x00\x00\x00aK\x01s" + trick + NAMES_CODE + b"."
    path = tmp_path / "trick.pth"
    path.write_bytes(zipped(pickled))
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.safety != "safe"


def test_a_pickle_behind_many_others_is_not_overlooked(tmp_path: Path) -> None:
    path = tmp_path / "many.pkl"
    path.write_bytes(b"\x80\x02}." * 1_000 + b"\x80\x02" + NAMES_CODE + b"N.")
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.safety != "safe"
        assert not checkpoint.complete


@pytest.mark.parametrize("first", ["PKx", "sys_info", "\x80\x02"])
def test_a_tar_with_something_else_in_it_is_a_tar(tmp_path: Path, first: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo(first))
    path = tmp_path / "both.pth"
    path.write_bytes(packed.getvalue() + zipped(pickle.dumps({"w": 1}, protocol=2)))
    with pytest.raises(CheckpointError, match="tar archive"):
        open_checkpoint(path)
