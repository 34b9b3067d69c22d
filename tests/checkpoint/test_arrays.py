"""numpy's arrays and scalars in checkpoints: tensors and plain numbers, read from the pickle itself."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inspector.checkpoint import CheckpointError, open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import TensorPlace, read_tensor

from .test_tar import members_of, tar_of

Save = Callable[[object], Path]
RANDOM = np.random.default_rng(5)

ARRAYS: dict[str, Any] = {
    **{
        name: RANDOM.integers(0, 256, 24 * np.dtype(name).itemsize, np.uint8).view(name).reshape(4, 6)
        for name in ("f8", "f4", "f2", "c16", "c8", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1")
    },
    "bool": RANDOM.integers(0, 2, 9).astype(bool),
    "big endian": np.arange(12, dtype=">f4").reshape(3, 4),
    "fortran": np.asfortranarray(RANDOM.random((3, 4))),
    "transposed": RANDOM.random((3, 4)).T,
    "sliced": RANDOM.random((6, 8))[::2, 1:5],
    "empty": np.zeros((0, 3)),
    "scalar array": np.array(2.5),
    "ascii bytes": np.full(300, 65, np.uint8),
    "large": RANDOM.integers(0, 256, 100_000, np.uint8),
}


def assert_equal(path: Path, name: str, expected: Any) -> None:
    with open_checkpoint(path) as checkpoint:
        tensor = checkpoint.tensors[name]
        assert checkpoint.warnings == []
        assert tensor.problem == ""
        assert tensor.shape == expected.shape
        assert tensor.read().tobytes() == expected.astype(expected.dtype.newbyteorder("<")).tobytes()
        summary = CheckpointSummary(*encode(checkpoint))
        place = TensorPlace.from_json(summary.place(summary.names.index(name)).to_json())
        assert read_tensor(checkpoint.files, place).tobytes() == tensor.read().tobytes()


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_in_torch_files(save: Save, name: str) -> None:
    path = save({"before": "x" * 70, "array": ARRAYS[name], "after": [1, 2], "tensor": torch.ones(2)})
    assert_equal(path, "array", ARRAYS[name])


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("name", ["f4", "fortran", "big endian", "bool", "empty", "ascii bytes"])
def test_arrays_in_bare_pickles(tmp_path: Path, name: str, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"array": ARRAYS[name]}, protocol=protocol))
    assert_equal(path, "array", ARRAYS[name])


def test_an_escaped_array_says_why_it_cannot_be_read(tmp_path: Path) -> None:
    """Protocol 0, of Python 1, writes bytes as text with escapes; torch never used it."""
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"array": np.arange(9.0)}, protocol=0))
    with open_checkpoint(path) as checkpoint, pytest.raises(CheckpointError, match="can't be found in the pickle"):
        checkpoint.tensors["array"].read()


def test_the_same_array_twice_and_equal_ones(save: Save) -> None:
    array = RANDOM.random(40)
    path = save({"first": array, "between": RANDOM.random(600), "again": array, "copy": array.copy()})
    for name in ("first", "again", "copy"):
        assert_equal(path, name, array)


def test_metrics_of_numpy_are_plain_numbers(save: Save) -> None:
    content = {
        "loss": np.float32(0.25), "epoch": np.int64(7), "best": np.bool_(True), "half": np.float16(1.5),
        "wide": np.float64(-1e300), "unsigned": np.uint8(200), "text": np.str_("adam"), "z": np.complex64(1 + 2j),
        "history": [np.float64(0.5), np.float64(0.25)],
    }  # fmt: skip
    with open_checkpoint(save(content)) as checkpoint:
        assert checkpoint.safety == "safe"
        assert checkpoint.metadata == {
            "loss": 0.25, "epoch": 7, "best": True, "half": 1.5, "wide": -1e300, "unsigned": 200, "text": "adam",
            "z": "(1+2j)", "history": [0.5, 0.25],
        }  # fmt: skip
        details = {node.label: node.detail for node in checkpoint.survey.root.children}
        assert (details["loss"], details["best"], details["history"]) == ("0.25", "True", "[0.5, 0.25]")


def test_arrays_of_texts_and_objects_are_lists(save: Save) -> None:
    content = {
        "names": np.array(["cat", "dög"]), "raw": np.array([b"ab", b"c"]),
        "mixed": np.array([1, "a", None], dtype=object), "tensor": torch.ones(1),
    }  # fmt: skip
    with open_checkpoint(save(content)) as checkpoint:
        details = {node.label: node.detail for node in checkpoint.survey.root.children}
        assert details["names"] == "[cat, dög]"
        assert details["raw"] == "[ab, c]"
        assert details["mixed"] == "[1, a, None]"
        assert [tensor.name for tensor in checkpoint.tensors] == ["tensor"]
        assert checkpoint.metadata["names"] == ["cat", "dög"]


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_arrays_among_numpy_s_own_objects(tmp_path: Path, name: str) -> None:
    """A dict saved with ``numpy.save`` is an object array of one, in a pickle behind the header."""
    path, weights = tmp_path / name, RANDOM.random((3, 4))
    held = np.array({"weights": weights, "epoch": np.int64(3)}, dtype=object)
    if name == "a.npy":
        np.save(path, held, allow_pickle=True)
    else:
        np.savez(path, held=held)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.safety == "safe"
        (tensor,) = checkpoint.tensors
        assert np.array_equal(tensor.read(), weights)


def test_arrays_in_torch_s_oldest_files(tmp_path: Path) -> None:
    weight, array = torch.arange(3.0), RANDOM.random(5)
    path = tar_of(tmp_path / "old.pth", members_of({"weight": weight, "array": array}, [weight]))
    assert_equal(path, "array", array)


def test_an_array_in_a_packed_pickle_says_why_it_cannot_be_read(tmp_path: Path) -> None:
    import zipfile

    path, packed = tmp_path / "a.pth", tmp_path / "packed.pth"
    torch.save({"array": np.arange(300), "tensor": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with open_checkpoint(packed) as checkpoint:
        with pytest.raises(CheckpointError, match="packed"):
            checkpoint.tensors["array"].read()
        assert checkpoint.tensors["tensor"].read().tolist() == [1, 1]


def test_a_lying_shape_is_a_problem(tmp_path: Path) -> None:
    code = pickle.dumps({"array": np.arange(4, dtype=np.int8)}, protocol=2)
    lying = code.replace(b"K\x04\x85", b"K\x09\x85")
    assert lying != code
    path = tmp_path / "a.pkl"
    path.write_bytes(lying)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.tensors["array"].problem == "its content does not fit its shape"
        with pytest.raises(CheckpointError):
            checkpoint.tensors["array"].read()
