"""Old and unusual ways of saving: legacy containers that today's torch no longer writes but still loads, bare pickles.

Only files made here are given to ``torch.load``.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inspector.checkpoint import open_checkpoint

from .conftest import legacy_of

Text = Callable[[str], bytes]

THREE = struct.pack("<q3f", 3, 1, 2, 3)


def unicode_text(text: str) -> bytes:
    """As Python 3 pickled text."""
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def byte_text(text: str) -> bytes:
    """As Python 2 pickled its ``str``."""
    return b"U" + bytes([len(text)]) + text.encode()


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(b"K" + bytes([value]) for value in values) + b"t"


def tensor(
    text: Text,
    key: str,
    numel: int,
    *,
    offset: int = 0,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    view: tuple[str, int, int] | None = None,
) -> bytes:
    """Return the opcodes of a float32 tensor; ``view`` is a part of its storage, as (key, offset, numel)."""
    part = b"N" if view is None else b"(" + text(view[0]) + b"K" + bytes([view[1]]) + b"K" + bytes([view[2]]) + b"t"
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + b"K" + bytes([numel])
    window = b"K" + bytes([offset]) + numbers(shape) + numbers(stride)
    return b"ctorch._utils\n_rebuild_tensor\n(" + storage + part + b"tQ" + window + b"tR"


def state_dict(text: Text, tensors: dict[str, bytes]) -> bytes:
    items = b"".join(text(name) + opcodes for name, opcodes in tensors.items())
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u."


def assert_equal_to_torch(path: Path, *, weights_only: bool = True) -> None:
    expected = torch.load(path, weights_only=weights_only)
    with open_checkpoint(path) as checkpoint:
        assert (checkpoint.container, checkpoint.complete, checkpoint.warnings) == ("legacy", True, [])
        assert checkpoint.safety == "safe"
        assert [found.name for found in checkpoint.tensors] == list(expected)
        for name, wanted in expected.items():
            assert torch.equal(torch.from_numpy(checkpoint.tensors[name].read().copy()), wanted)


@pytest.mark.parametrize("text", [unicode_text, byte_text], ids=["Python 3", "Python 2"])
def test_views_of_a_storage(tmp_path: Path, text: Text) -> None:
    """torch before 0.4 had storages that are parts of others; their elements stand in the file once."""
    whole = struct.pack("<q10f", 10, *range(10))
    tensors = {
        "part": tensor(text, "base", 10, view=("one", 2, 3), shape=(3,), stride=(1,)),
        "all": tensor(text, "base", 10, view=("two", 0, 10), offset=4, shape=(2, 3), stride=(3, 1)),
        "itself": tensor(text, "base", 10, shape=(10,), stride=(1,)),
        "part of the part": tensor(text, "base", 10, view=("one", 2, 3), offset=1, shape=(2,), stride=(1,)),
    }
    path = legacy_of(tmp_path / "old.pth", state_dict(text, tensors), pickle.dumps(["base"], 2) + whole)
    assert_equal_to_torch(path)
    only = legacy_of(
        tmp_path / "part.pth", state_dict(text, {"part": tensors["part"]}), pickle.dumps(["base"], 2) + whole
    )
    assert_equal_to_torch(only)


def test_storages_in_another_order_than_in_the_object(tmp_path: Path) -> None:
    tensors = {key: tensor(unicode_text, key, 3, shape=(3,), stride=(1,)) for key in ("a", "b")}
    tail = pickle.dumps(["b", "a"], 2) + struct.pack("<q3f", 3, 7, 8, 9) + THREE
    assert_equal_to_torch(legacy_of(tmp_path / "old.pth", state_dict(unicode_text, tensors), tail))


@pytest.mark.parametrize("protocol", range(1, pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_that_torch_can_write(tmp_path: Path, protocol: int) -> None:
    """With protocol 0 torch writes a file that it can't load itself."""
    path = tmp_path / "old.pth"
    content = {"a.weight": torch.arange(6.0).reshape(2, 3).t(), "a.bias": torch.tensor([1, -2, 300])}
    torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    assert_equal_to_torch(path, weights_only=False)  # which knows protocol 2 alone


@pytest.mark.parametrize(
    "storage", [struct.pack("<q2f", 2, 1, 2), struct.pack("<q4f", 4, 1, 2, 3, 4)], ids=["fewer", "more"]
)
def test_a_storage_of_another_length_than_the_object_says(tmp_path: Path, storage: bytes) -> None:
    tensors = {"a": tensor(unicode_text, "k", 3, shape=(2,), stride=(1,))}
    path = legacy_of(tmp_path / "old.pth", state_dict(unicode_text, tensors), pickle.dumps(["k"], 2) + storage)
    with pytest.raises(RuntimeError, match="wrong byte size"):
        torch.load(path, weights_only=True)
    with open_checkpoint(path) as checkpoint:
        assert not checkpoint.complete
        (warning,) = checkpoint.warnings
        assert "'k'" in warning
        assert "3 elements" in warning
