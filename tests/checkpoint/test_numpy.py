"""numpy's containers: equal to numpy's own reading, object arrays walked and never loaded."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.checkpoint import BrokenCheckpointError, Checkpoint, CheckpointError, LimitError, open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.numpy_header import parse_npy_header
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session.headlines import headline

Array = np.ndarray[Any, Any]

_TYPES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()


def saved(path: Path, content: Array) -> Path:
    np.save(path, content)
    return path


def header(text: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    raw = text.encode("utf-8")
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version[0] == 1 else "<I", len(raw)) + raw + data


def only(checkpoint: Checkpoint) -> Array:
    assert (checkpoint.container, checkpoint.kind, checkpoint.safety) == ("numpy", "tensor", "safe")
    assert (checkpoint.complete, checkpoint.warnings) == (True, [])
    (tensor,) = checkpoint.tensors
    assert tensor.problem == ""
    return tensor.read()


@pytest.mark.parametrize("kind", _TYPES)
@pytest.mark.parametrize("order", "<>")
def test_every_type_in_both_byte_orders(tmp_path: Path, kind: str, order: Literal["<", ">"]) -> None:
    content = np.arange(6).reshape(2, 3).astype(np.dtype(kind).newbyteorder(order))
    with open_checkpoint(saved(tmp_path / "a.npy", content)) as checkpoint:
        assert checkpoint.tensors[0].dtype == np.dtype(kind).name
        np.testing.assert_array_equal(only(checkpoint), content)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 3, 4), (1,) * 32])
@pytest.mark.parametrize("fortran", [False, True])
def test_every_shape_in_both_orders(tmp_path: Path, shape: tuple[int, ...], fortran: bool) -> None:
    content = np.arange(float(np.prod(shape))).reshape(shape)
    with open_checkpoint(saved(tmp_path / "a.npy", np.array(content, order="F" if fortran else "C"))) as checkpoint:
        found = only(checkpoint)
        assert found.shape == shape
        np.testing.assert_array_equal(found, content)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_and_other_writers_spellings(tmp_path: Path, version: tuple[int, int]) -> None:
    texts = [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n",
        '{"shape":(2,),"fortran_order":False,"descr":"f4"}',
        "{'descr':'f', 'shape': (2L,), 'fortran_order': False}     ",
    ]
    for text in texts:
        (tmp_path / "a.npy").write_bytes(header(text, np.array([1, 2], "f4").tobytes(), version))
        with open_checkpoint(tmp_path / "a.npy") as checkpoint:
            assert only(checkpoint).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (np.array(["a", "bb"]), "text"),
        (np.array([b"a"]), "bytes"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "dates"),
        (np.zeros(2, dtype="m8[s]"), "durations"),
        (np.zeros(2, dtype=[("x", "f4"), ("y", "i4", (2,))]), "records of fields"),
        (
            np.zeros((3, 2), dtype=np.dtype([("x", "i1"), ("y", [("z", "f8"), ("t", "U3")])], align=True)),
            "records of fields",
        ),
        (np.zeros(2, dtype="V6"), "raw bytes of an unknown type"),
        (np.zeros(2, dtype=np.longdouble), "numbers of more digits than torch has"),
    ],
)
def test_what_torch_has_no_dtype_for_is_shown_with_its_shape(tmp_path: Path, content: Array, what: str) -> None:
    with open_checkpoint(saved(tmp_path / "a.npy", content)) as checkpoint:
        (tensor,) = checkpoint.tensors
        assert (tensor.shape, tensor.problem) == (content.shape, f"its elements are {what}")
        assert (tensor.dtype, tensor.nbytes) == ("unknown", content.nbytes)
        assert_equal_beyond_the_border(checkpoint, f"The tensor can't be read: its elements are {what}.")
        assert (checkpoint.complete, checkpoint.safety, checkpoint.warnings) == (True, "safe", [])


def assert_equal_beyond_the_border(checkpoint: Checkpoint, sentence: str) -> None:
    """Assert that the window is told the same of the only tensor, and the same sentence when it is read."""
    (tensor,) = checkpoint.tensors
    summary = CheckpointSummary(*encode(checkpoint))
    assert (summary.dtype(0), summary.tensor_nbytes(0)) == (tensor.dtype, tensor.nbytes)
    for read in (tensor.read, lambda: summary.place(0)):
        with pytest.raises(CheckpointError) as told:
            read()
        assert told.value.message == sentence


def test_in_an_archive_and_in_a_pickle_the_sizes_are_the_same(tmp_path: Path) -> None:
    dates, texts = np.zeros(5, dtype="M8[ns]"), np.array(["a", "bcd"])
    np.savez_compressed(tmp_path / "a.npz", dates=dates, texts=texts)
    with open_checkpoint(tmp_path / "a.npz") as checkpoint:
        assert [(found.dtype, found.nbytes) for found in checkpoint.tensors] == [("unknown", 40), ("unknown", 24)]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"dates": dates}))
    with open_checkpoint(tmp_path / "a.pkl") as checkpoint:
        (tensor,) = checkpoint.tensors
        assert (tensor.dtype, tensor.nbytes) == ("unknown", 40)
        assert_equal_beyond_the_border(
            checkpoint, "dates can't be read: it holds numpy's <M8, which torch has no dtype for."
        )


def test_objects_are_walked_and_judged(tmp_path: Path) -> None:
    with open_checkpoint(saved(tmp_path / "a.npy", np.array([1, "two", None], dtype=object))) as checkpoint:
        assert (checkpoint.container, checkpoint.kind, checkpoint.safety) == ("numpy", "object", "safe")
        assert checkpoint.complete
    for descr in ("'|O'", "[('x', '<f4'), ('y', [('z', '|O')])]", "[('x', ('|O', (2,)))]"):
        text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}"
        (tmp_path / "evil.npy").write_bytes(header(text, b"\x80\x02cposix\nsystem\nX\x01\x00\x00\x00a\x85R."))
        with open_checkpoint(tmp_path / "evil.npy") as checkpoint:
            assert checkpoint.safety == "dangerous"
            assert checkpoint.globals == [("posix.system", "dangerous")]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_of_arrays(tmp_path: Path, save: Any) -> None:
    arrays = {"w": np.arange(6.0).reshape(2, 3), "b": np.arange(3, dtype=">i2"), "o": np.array([{}], dtype=object)}
    save(tmp_path / "a.npz", **arrays)
    with open_checkpoint(tmp_path / "a.npz") as checkpoint:
        assert (checkpoint.container, checkpoint.safety, checkpoint.complete) == ("numpy", "safe", True)
        assert [tensor.name for tensor in checkpoint.tensors] == ["w", "b"]
        for tensor in checkpoint.tensors:
            np.testing.assert_array_equal(tensor.read(), arrays[tensor.name])
        assert len(checkpoint.globals) == 3


def test_an_archive_whose_every_array_is_a_tensor_is_a_state_dict(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"fc.weight": np.zeros((2, 3), "f4"), "fc.bias": np.zeros(2, "f4")}
    np.savez(tmp_path / "a.npz", **arrays)
    with open_checkpoint(tmp_path / "a.npz") as checkpoint:
        assert (checkpoint.kind, checkpoint.state_dicts[0].parameters) == ("state_dict", 8)


def test_an_archive_of_arrays_is_no_state_dict_by_its_arrays_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=np.ones((2, 3)), b=np.arange(3))
    with open_checkpoint(tmp_path / "a.npz") as checkpoint:
        assert (checkpoint.kind, checkpoint.state_dicts) == ("object", [])
        assert [tensor.role for tensor in checkpoint.tensors] == ["other", "other"]
        assert headline(CheckpointSummary(*encode(checkpoint))) == "NumPy arrays: 2 arrays, 9 elements"


def test_a_broken_array_is_told_and_the_others_are_shown(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("good.npy", saved(tmp_path / "good.npy", np.arange(3)).read_bytes())
        archive.writestr("bad.npy", b"x")
        archive.writestr("short.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }", bytes(8)))
    with open_checkpoint(tmp_path / "a.npz") as checkpoint:
        assert [tensor.name for tensor in checkpoint.tensors] == ["good"]
        assert (checkpoint.complete, checkpoint.safety) == (False, "needs_trust")
        assert checkpoint.warnings == [
            "'bad' in it can't be read. It is no NumPy array of a known version.",
            "'short' in it can't be read. 28 bytes of it are missing.",
        ]


def test_an_archive_without_one_good_array_is_an_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("bad.npy", b"x")
    with pytest.raises(CheckpointError, match=r"no NumPy array of a known version"):
        open_checkpoint(tmp_path / "a.npz")


def test_a_compressed_bomb_costs_nothing_until_it_is_read(tmp_path: Path) -> None:
    zeros = header("{'descr': '|u1', 'fortran_order': False, 'shape': (200000000,), }") + bytes(200_000_000)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.npy", zeros)
    with open_checkpoint(tmp_path / "a.npz") as checkpoint:
        (tensor,) = checkpoint.tensors
        with pytest.raises(LimitError, match="too far to be honest"):
            tensor.read()


@pytest.mark.parametrize("missing", [2, 8, 24])
def test_a_cut_file_says_by_how_much(tmp_path: Path, missing: int) -> None:
    path = saved(tmp_path / "a.npy", np.arange(3))
    path.write_bytes(path.read_bytes()[:-missing])
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.warnings == [f"The file is cut short: {missing:,} bytes are missing."]
        assert checkpoint.tensors[0].problem == "its bytes are missing: the file is cut short"


def test_bytes_behind_the_end_are_told(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npy", np.arange(3))
    path.write_bytes(path.read_bytes() + b"more")
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.warnings == ["4 bytes follow its end."]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + 1",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 2}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}",
        "{'descr': '<f4', 'fortran_order': 1, 'shape': (2,)}",
        "{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f3', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<i16', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': [('a',)], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': [('a', '<f4', -1)], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': [('a', '<f4', (99999999999, 99999999999))], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': [('a', [('b', '<f8', 99999999999)], 99999999999)], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': 'float32', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1, " * 65 + ")}",
        "{'descr': " + "[" * 3_000 + "]" * 3_000 + ", 'fortran_order': False, 'shape': (2,)}",
        "__import__('os').system('true')",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
    ],
)
def test_headers_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.npy").write_bytes(header(text, bytes(8)))
    with pytest.raises(BrokenCheckpointError, match=r"^a\.npy is damaged\. Its header .*\.$"):
        open_checkpoint(tmp_path / "a.npy")


@given(st.binary(max_size=60), st.sampled_from([1, 2, 3]))
def test_any_header_is_read_or_refused(text: bytes, version: int) -> None:
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    with suppress(BrokenCheckpointError):
        assert parse_npy_header(b"\x93NUMPY" + bytes([version, 0]) + length + text).length > 8


@given(st.recursive(st.sampled_from(_TYPES), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=6))
def test_what_numpy_writes_is_understood(described: Any) -> None:
    def dtype(part: Any) -> Any:
        return part if isinstance(part, str) else [(f"f{place}", dtype(one)) for place, one in enumerate(part)]

    content = np.zeros((2, 1), dtype=dtype(described))
    file = io.BytesIO()
    np.save(file, content)
    found = parse_npy_header(file.getvalue())
    assert found.shape == (2, 1)
    assert found.dtype == (content.dtype.name if content.dtype.fields is None else "")
    assert found.item_size == content.dtype.itemsize
    assert file.getvalue()[found.length :] == content.tobytes()
