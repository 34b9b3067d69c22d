"""Tensors as numpy's files: numpy.load finds what torch has."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.dtypes import DTYPE_NAMES
from inspector.checkpoint.errors import CheckpointError, FileChangedError
from inspector.checkpoint.summary import CheckpointSummary
from inspector.export.array_names import safe_names
from inspector.export.arrays import Written, save_arrays
from inspector.export.errors import ExportError, TargetError, TargetExistsError

pytestmark = pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")

#: Dtypes of torch whose tensors are made of plain numbers.
PLAIN = [
    name
    for name in DTYPE_NAMES
    if isinstance(getattr(torch, name, None), torch.dtype) and not name.startswith(("q", "bits", "bcomplex", "float4"))
]
Save = Callable[..., tuple[Written, Path]]


def summary_of(path: Path) -> CheckpointSummary:
    with open_checkpoint(path) as checkpoint:
        return CheckpointSummary(*encode(checkpoint))


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save tensors, all where none are named, of what torch saves: ``save({"a": tensor}, ".npz", "a")``."""
    numbers = count()

    def make(content: Any, suffix: str, *names: str) -> tuple[Written, Path]:
        path, out = tmp_path / f"{next(numbers)}.pth", tmp_path / f"out-{next(numbers)}{suffix}"
        torch.save(content, path)
        summary = summary_of(path)
        tensors = [summary.names.index(name) for name in names] or list(range(len(summary)))
        shares: list[float] = []
        made = save_arrays(summary, tensors, out, "token", lambda a, b: shares.append(a / b), force=False)
        assert made.nbytes == out.stat().st_size
        assert shares == sorted(shares)
        assert max(shares, default=1.0) == 1.0
        return made, out

    return make


def of_dtype(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return a tensor of random bits."""
    dtype = getattr(torch, name)
    numel, size = torch.Size(shape).numel(), torch.empty(0, dtype=dtype).element_size()
    raw = torch.randint(0, 2 if name == "bool" else 256, (numel * size,), dtype=torch.uint8)
    return raw.view(dtype).reshape(shape) if numel else torch.empty(shape, dtype=dtype)


def expected(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return what numpy has to find; what it has no type for in the next wider one."""
    try:
        return tensor.resolve_conj().resolve_neg().numpy()
    except TypeError:
        return tensor.to(torch.complex64 if tensor.is_complex() else torch.float32).numpy()


def assert_equal(found: np.ndarray[Any, Any], tensor: torch.Tensor) -> None:
    wanted = expected(tensor)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", PLAIN)
def test_every_dtype_and_form(save: Save, name: str) -> None:
    matrix = of_dtype(name, (6, 5))
    tensors = {
        "matrix": matrix,
        "scalar": of_dtype(name, ()),
        "empty": of_dtype(name, (0, 4)),
        "turned": of_dtype(name, (4, 3)).t(),
        "steps": matrix[1::2, ::3],
        "repeated": of_dtype(name, (1, 3)).expand(4, 3),
        "deep": of_dtype(name, (2, 3, 4, 2)).permute(3, 0, 2, 1),
    }
    made, out = save(tensors, ".npz")
    assert (made.tensors, made.left_out, made.renamed) == (7, 0, 0)
    with np.load(out, allow_pickle=False) as found:
        assert set(found.files) == set(tensors)
        for key, tensor in tensors.items():
            assert_equal(found[key], tensor)
    is_known = isinstance(getattr(np, "bool_" if name == "bool" else name, None), type)
    assert made.widened == (0 if is_known else 7)
    for key, tensor in tensors.items():
        one, out = save(tensors, ".npy", key)
        assert_equal(np.load(out, allow_pickle=False), tensor)
        assert one.tensors == 1


def test_more_than_is_held_at_a_time(save: Save) -> None:
    large = torch.arange(3_000_001, dtype=torch.float32)
    tensors = {"large": large, "half": large.to(torch.bfloat16), "turned": large[:3_000_000].reshape(1000, 3000).t()}
    _, out = save(tensors, ".npz")
    with np.load(out, allow_pickle=False) as found:
        for key, tensor in tensors.items():
            assert_equal(found[key], tensor)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_what_torch_shows_of_unusual_ones(save: Save) -> None:
    values = torch.tensor([[0.5, -1.0], [2.0, 3.25]])
    tensors = {
        "quantized": torch.quantize_per_tensor(values, 0.05, 3, torch.qint8),
        "sparse": values.to_sparse(),
        "conj": torch.complex(values, values).conj(),
        "negative": torch.complex(values, values).conj().imag,
        "nan": torch.tensor([math.nan, math.inf, -math.inf]),
    }
    made, out = save(tensors, ".npz")
    assert made.left_out == 0
    with np.load(out, allow_pickle=False) as found:
        np.testing.assert_array_equal(found["quantized"], tensors["quantized"].dequantize().numpy())
        np.testing.assert_array_equal(found["sparse"], values.numpy())
        for key in ("conj", "negative", "nan"):
            assert_equal(found[key], tensors[key])


def test_what_cannot_be_read_is_left_out_and_told(save: Save) -> None:
    tensors = {"a": torch.ones(2), "meta": torch.empty(3, device="meta"), "b": torch.zeros(1)}
    made, out = save(tensors, ".npz")
    assert (made.tensors, made.left_out) == (2, 1)
    assert "meta" in made.problem
    with np.load(out, allow_pickle=False) as found:
        assert found.files == ["a", "b"]
    with pytest.raises(CheckpointError, match="None of the tensors"):
        save({"meta": tensors["meta"]}, ".npz")
    with pytest.raises(CheckpointError, match="meta"):
        save(tensors, ".npy", "meta")


def test_names_that_lead_elsewhere(save: Save, tmp_path: Path) -> None:
    names = [
        "../../up",
        "/root",
        "a\\b",
        "c:d",
        "",
        "..",
        "x\x00y",
        "e\u202ef",
        "same",
        "same.npy",
        "same_npy",
        "é.weight",
    ]
    made, out = save({name: torch.tensor(float(place)) for place, name in enumerate(names)}, ".npz")
    assert made.tensors == len(names)
    assert made.renamed == 10
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "inside")
        inside = {path.name for path in (tmp_path / "inside").iterdir()}
        assert inside == set(archive.namelist())
    with np.load(out, allow_pickle=False) as found:
        assert sorted(float(found[key]) for key in found.files) == [float(place) for place in range(len(names))]
        assert float(found["same"]) == 8
        assert float(found["é.weight"]) == 11


@given(st.lists(st.text(max_size=300), max_size=30))
def test_safe_names_are_harmless_and_differ(names: list[str]) -> None:
    found = list(safe_names(names))
    assert len(set(found)) == len(names)
    for name in found:
        assert name
        assert name.isprintable()
        assert not set(name) & set('/\\:*?"<>|')
        assert len(f"{name}.npy".encode()) < 255


def test_numpy_finds_each_by_its_safe_name() -> None:
    keys = list(safe_names(["a", "a.npy", "a.NPY", "a", "a.npy.npy", "a~2"]))
    raw = io.BytesIO()
    arrays: dict[str, Any] = {key: np.array(place) for place, key in enumerate(keys)}
    np.savez(raw, **arrays)
    raw.seek(0)
    with np.load(raw, allow_pickle=False) as found:
        assert [int(found[key]) for key in keys] == list(range(len(keys)))


def test_never_over_what_is_there(tmp_path: Path) -> None:
    path, out = tmp_path / "model.npy", tmp_path / "out.npy"
    np.save(path, np.arange(3))
    out.write_bytes(b"mine")
    before, summary = path.read_bytes(), summary_of(path)
    with pytest.raises(TargetExistsError):
        save_arrays(summary, [0], out, "t", lambda *_: None, force=False)
    assert out.read_bytes() == b"mine"
    with pytest.raises(TargetError, match="checkpoint itself"):
        save_arrays(summary, [0], path, "t", lambda *_: None, force=True)
    assert path.read_bytes() == before
    save_arrays(summary, [0], out, "t", lambda *_: None, force=True)
    assert np.load(out, allow_pickle=False).tolist() == [0, 1, 2]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_changed_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    path, out = tmp_path / "model.pth", tmp_path / "out.npz"
    torch.save({"a": torch.ones(3)}, path)
    summary = summary_of(path)
    torch.save({"a": torch.ones(4), "b": torch.ones(3)}, path)
    with pytest.raises(FileChangedError):
        save_arrays(summary, [0], out, "t", lambda *_: None, force=False)
    assert not out.exists()


def test_a_tensor_made_to_fill_the_disk(save: Save) -> None:
    with pytest.raises(ExportError, match="far more than"):
        save({str(number): torch.zeros(1).expand(1000, 1000) for number in range(20)}, ".npz")
