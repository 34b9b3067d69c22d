"""Variants of torch's containers that torch itself still loads: read to the same values, or told to be no such file.

Only files made here, from torch's own, are given to ``torch.load``, and only with ``weights_only=True``.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.errors import BrokenCheckpointError, CheckpointError, NotACheckpointError

WEIGHTS = {
    "a.weight": torch.arange(6.0).reshape(2, 3).t(),
    "a.bias": torch.tensor([1, -2, 300]),
    "a.half": torch.tensor([0.5, -1.25]).half(),
    "a.flag": torch.tensor([True, False]),
}


def saved(*, legacy: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(WEIGHTS, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def repacked(changes: dict[str, bytes | None], method: int = zipfile.ZIP_STORED) -> bytes:
    """Write torch's own archive again, with some records replaced, added, or left out (None)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(legacy=False))) as source, zipfile.ZipFile(buffer, "w", method) as target:
        records = {name.partition("/")[2]: source.read(name) for name in source.namelist()}
        for name, content in {**records, **changes}.items():
            if content is not None:
                target.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def swapped() -> dict[str, bytes | None]:
    """Return the records of a file that a big-endian machine would have written."""
    changes: dict[str, bytes | None] = {"byteorder": b"big"}
    for place, tensor in enumerate(WEIGHTS.values()):
        raw, size = bytes(tensor.untyped_storage()), tensor.element_size()
        changes[f"data/{place}"] = b"".join(raw[at : at + size][::-1] for at in range(0, len(raw), size))
    return changes


def assert_equal_to_torch(path: Path) -> None:
    expected = torch.load(path, weights_only=True)
    assert list(expected) == list(WEIGHTS)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.complete
        assert checkpoint.safety == "safe"
        assert [tensor.name for tensor in checkpoint.tensors] == list(expected)
        for name, tensor in expected.items():
            assert torch.equal(torch.from_numpy(checkpoint.tensors[name].read().copy()), tensor)
            assert torch.equal(tensor, WEIGHTS[name])


LOADED: dict[str, Callable[[], bytes]] = {
    "as it is": lambda: saved(legacy=False),
    "written by a big-endian machine": lambda: repacked(swapped()),
    "without a byte order, as before torch 2.0": lambda: repacked({"byteorder": None}),
    **{
        f"version {version}": lambda version=version: repacked({"version": f"{version}\n".encode()})  # type: ignore[misc]
        for version in (1, 2, 3, 4, 10)
    },
    "without the newer records": lambda: repacked(
        {".format_version": None, ".storage_alignment": None, ".data/serialization_id": None, "byteorder": None}
    ),
    "deflated": lambda: repacked({}, zipfile.ZIP_DEFLATED),
    "a few bytes behind its end": lambda: saved(legacy=False) + b"\n\n\n",
    "60,000 bytes behind its end": lambda: saved(legacy=False) + bytes(60_000),
    "legacy": lambda: saved(legacy=True),
    "legacy, bytes behind its end": lambda: saved(legacy=True) + b"behind",
}


@pytest.mark.parametrize("name", LOADED)
def test_what_torch_loads_is_read_to_the_same_values(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(LOADED[name]())
    assert_equal_to_torch(path)


def test_sizes_and_offsets_in_zip64_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 8)  # the size from which zipfile writes them: 2 GiB
    path = tmp_path / "a.pth"
    path.write_bytes(repacked({}))
    assert path.read_bytes().count(b"\xff\xff\xff\xff\xff\xff\xff\xff") >= len(WEIGHTS)
    assert_equal_to_torch(path)


def test_a_legacy_file_of_a_big_endian_machine(tmp_path: Path) -> None:
    """Its elements are little-endian all the same: torch swaps them as it writes, and never looks at the note."""
    data, path = saved(legacy=True), tmp_path / "a.pth"
    at = data.index(b"\x88", data.index(b"little_endian"))  # True
    path.write_bytes(data[:at] + b"\x89" + data[at + 1 :])
    assert_equal_to_torch(path)


@pytest.mark.parametrize("order", [b"big\n", b"BIG", b"middle", b"", b"little" * 10])
def test_a_byte_order_that_torch_does_not_know(tmp_path: Path, order: bytes) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(repacked({"byteorder": order}))
    with pytest.raises(ValueError, match="Unknown endianness"):
        torch.load(path, weights_only=True)
    with pytest.raises(BrokenCheckpointError, match=r"a\.pth is damaged: its byte order"):
        open_checkpoint(path)


@pytest.mark.parametrize("legacy", [False, True])
def test_bytes_before_its_beginning(tmp_path: Path, legacy: bool) -> None:
    """zipfile finds an archive behind anything; torch looks at the first bytes, and so does this reader."""
    path = tmp_path / "a.pth"
    path.write_bytes(b"xyz" + saved(legacy=legacy))
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        torch.load(path, weights_only=True)
    with pytest.raises(NotACheckpointError):
        open_checkpoint(path)


def test_too_much_behind_its_end(tmp_path: Path) -> None:
    """Neither finds the directory any more, which lies 64 KiB before the end at the most."""
    path = tmp_path / "a.pth"
    path.write_bytes(saved(legacy=False) + bytes(70_000))
    with pytest.raises((OSError, RuntimeError)):
        torch.load(path, weights_only=True)
    with pytest.raises(CheckpointError):
        open_checkpoint(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_bare_pickles_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    content = {
        "epoch": 3, "big": -(1 << 70), "rate": -0.125, "name": "Größe", "none": None, "yes": True,
        "list": [1, [2, "x"]], "pair": (1, 2), "nested": {"a": 1}, "empty": [(), [], ""],
    }  # fmt: skip
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.container, checkpoint.complete, checkpoint.safety) == ("pickle", True, "safe")
        shown = {**content, "pair": [1, 2], "empty": [[], [], ""]}
        assert checkpoint.metadata == shown
