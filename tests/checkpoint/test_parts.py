"""Tensors that are put together from parts: whether the parts fit, and that they cross the border whole."""

from __future__ import annotations

import json
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.checkpoint.chunks import covers
from inspector.checkpoint.columns import encode
from inspector.checkpoint.contents import Contents, StorageLocation
from inspector.checkpoint.errors import CheckpointError
from inspector.checkpoint.opening import Checkpoint
from inspector.checkpoint.source import InspectedFiles, Source
from inspector.checkpoint.summary import COLUMNS, CheckpointSummary
from inspector.checkpoint.tensor_bytes import TensorPlace, read_tensor
from inspector.checkpoint.values import (
    PickledDict,
    Quantization,
    StorageReference,
    TensorPart,
    TensorValue,
    UnusualTensor,
)


def window(key: str, shape: tuple[int, ...], dtype: str = "float32") -> TensorValue:
    strides = [1]
    for size in reversed(shape[1:]):
        strides.insert(0, strides[0] * size)
    return TensorValue(StorageReference(key, dtype, 0, "cpu"), 0, shape, tuple(strides[: len(shape)]), dtype)


def chunk(start: tuple[int, ...], shape: tuple[int, ...], key: str = "0") -> TensorPart:
    return TensorPart("chunk", start, window(key, shape))


def checkpoint_of(folder: Path, tensor: TensorValue, arrays: dict[str, np.ndarray[Any, Any]]) -> Checkpoint:
    """Make a checkpoint of one tensor whose storages lie in a file of their own each."""
    (folder / "index").write_bytes(b"index")
    contents = Contents("distributed", PickledDict("dict", ["a.weight", tensor]), {}, [], 5)
    for place, (key, values) in enumerate(arrays.items()):
        path = folder / f"part{place}"
        path.write_bytes(b"skipped!" + values.tobytes())
        contents.companions.append(Source(path))
        contents.storages[key] = StorageLocation(
            4, values.nbytes, values.nbytes + 4, file=place + 1, skip=4, big_endian=values.dtype.byteorder == ">"
        )
    return Checkpoint(Source(folder / "index"), contents)


@pytest.fixture
def chunked(tmp_path: Path) -> Checkpoint:
    whole = np.arange(12, dtype=np.float32).reshape(4, 3)
    parts = (chunk((0, 0), (2, 3), "a"), chunk((2, 0), (2, 1), "b"), chunk((2, 1), (2, 2), "c"))
    arrays = {"a": whole[:2].copy(), "b": whole[2:, :1].astype(">f4"), "c": whole[2:, 1:].copy()}
    return checkpoint_of(
        tmp_path, UnusualTensor(None, 0, (4, 3), (3, 1), "float32", layout="chunked", parts=parts), arrays
    )


def test_a_chunked_tensor_is_read_from_its_files(chunked: Checkpoint) -> None:
    with chunked:
        found = chunked.tensors["a.weight"]
        assert found.problem == ""
        assert found.read().tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


def test_its_parts_cross_the_border(chunked: Checkpoint) -> None:
    with chunked:
        header, buffers = encode(chunked)
        summary = CheckpointSummary(json.loads(json.dumps(header)), buffers)
        assert [file.path.name for file in summary.files] == ["index", "part0", "part1", "part2"]
        place = summary.place(0)
        assert place == chunked.tensors[0].place()
        again = TensorPlace.from_json(json.loads(json.dumps(place.to_json())))
        assert again == place
        with InspectedFiles(summary.files) as files:
            assert read_tensor(files, again)[3].tolist() == [9, 10, 11]


@pytest.mark.parametrize(
    ("column", "value"),
    [("part_owners", 5), ("part_owners", -1), ("part_roles", 99), ("part_dtypes", 99), ("part_storages", 9),
     ("part_storages", -1), ("part_shapes", -1), ("part_strides", -1), ("part_starts", -1), ("part_offsets", -1),
     ("part_ndims", 9)],
)  # fmt: skip
def test_a_part_that_points_outside_is_refused(chunked: Checkpoint, column: str, value: int) -> None:
    with chunked:
        header, buffers = encode(chunked)
    at = [name for name, _ in COLUMNS].index(column)
    numbers = array(COLUMNS[at][1])
    numbers.frombytes(buffers[at])
    numbers[0] = value
    with pytest.raises(CheckpointError):
        CheckpointSummary(header, [*buffers[:at], numbers.tobytes(), *buffers[at + 1 :]])


def test_quantization_crosses_the_border(tmp_path: Path) -> None:
    storage = StorageReference("q", "qint8", 3, "cpu")
    meant = Quantization(0.5, -3)
    tensor = UnusualTensor(storage, 0, (3,), (1,), "qint8", layout="quantized", quantization=meant)
    with checkpoint_of(tmp_path, tensor, {"q": np.array([1, 2, 3], np.int8)}) as checkpoint:
        summary = CheckpointSummary(*encode(checkpoint))
        assert summary.place(0).quantization == checkpoint.tensors[0].quantization == meant
        assert summary.place(0).layout == "quantized"


def test_a_part_beyond_its_storage_is_a_problem(tmp_path: Path) -> None:
    parts = (chunk((0,), (4,), "a"),)
    tensor = UnusualTensor(None, 0, (4,), (), "float32", layout="chunked", parts=parts)
    with checkpoint_of(tmp_path, tensor, {"a": np.zeros(3, np.float32)}) as checkpoint:
        assert "beyond its storage" in checkpoint.tensors[0].problem


@pytest.mark.parametrize(
    "parts",
    [
        [chunk((0, 0), (2, 2))],  # a half is missing
        [chunk((0, 0), (2, 2)), chunk((1, 0), (2, 2))],  # one lies in the other
        [chunk((0, 0), (4, 1)), chunk((0, 0), (2, 2))],
        [chunk((3, 0), (2, 2)), chunk((0, 0), (2, 2))],  # one reaches out
        [chunk((0,), (8,))],
        [chunk((-1, 0), (2, 2)), chunk((2, 0), (2, 2))],
    ],
)
def test_chunks_that_do_not_make_up_the_whole(parts: list[TensorPart]) -> None:
    assert not covers((4, 2), parts)


@given(st.data())
def test_a_grid_of_chunks_covers_its_shape(data: st.DataObject) -> None:
    cuts = [sorted(data.draw(st.sets(st.integers(1, 9), max_size=3)) | {0, 10}) for _ in range(2)]
    parts = [
        chunk((top, left), (bottom - top, right - left))
        for top, bottom in zip(cuts[0], cuts[0][1:], strict=False)
        for left, right in zip(cuts[1], cuts[1][1:], strict=False)
    ]
    shuffled = data.draw(st.permutations(parts))
    assert covers((10, 10), shuffled)
    assert not covers((10, 10), shuffled[1:])
    assert covers((), [chunk((), ())])
