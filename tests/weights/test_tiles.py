"""Tiles of planes: equal to plain numpy for every dtype, layout, level and edge, and read in bounded memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inspector.checkpoint.contents import StorageLocation
from inspector.checkpoint.source import Files, Source
from inspector.checkpoint.tensor_bytes import TensorPlace, contiguous
from inspector.weights import planes, tiles
from inspector.weights.planes import ArrayPlane, FilePlane, Plane, is_plain, numbers
from inspector.weights.tiles import Tiles, block_means, exact_range, level_range

Array = npt.NDArray[Any]
DTYPES = {
    "float32": "f4", "float64": "f8", "float16": "f2", "int64": "i8", "int32": "i4", "uint8": "u1", "uint64": "u8",
    "bool": "?", "complex64": "c8", "complex128": "c16", "bfloat16": "bfloat16", "float8_e4m3fn": "float8_e4m3fn",
    "float8_e5m2": "float8_e5m2", "float8_e8m0fnu": "float8_e8m0fnu", "complex32": "complex32",
}  # fmt: skip


def numpy_dtype(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, DTYPES[name], DTYPES[name]))


def sample(dtype: str, shape: tuple[int, ...], seed: int = 0) -> Array:
    made = np.random.default_rng(seed).normal(0, 3, shape)
    if dtype.startswith("complex"):
        both = (made + 1j * made[::-1] if made.ndim else made + 1j).astype(np.complex64)
        return np.asarray(both.astype(numpy_dtype(dtype)))
    if dtype.startswith("uint") or dtype.endswith("e8m0fnu"):
        made = np.abs(made) + 1
    return np.asarray(np.asarray(made > 0) if dtype == "bool" else made.astype(numpy_dtype(dtype)))


def reference(array: Array, plane: Plane) -> npt.NDArray[np.float64]:
    """Return a plane in float64, the plain way."""
    wide = array.astype(np.complex128) if "complex" in array.dtype.name else array.astype(np.float64)
    values = np.abs(wide) if np.iscomplexobj(wide) else wide
    index = tuple(slice(None) if axis in (plane.rows, plane.columns) else at for axis, at in enumerate(plane.at))
    matrix = values[index]
    if plane.rows > plane.columns >= 0:
        matrix = matrix.T
    height = array.shape[plane.rows] if plane.rows >= 0 else 1
    return np.asarray(matrix.reshape(height, -1) if matrix.size else np.zeros(plane.shape(array.shape)), np.float64)


def mean_blocks(matrix: Array, tall: int, wide: int) -> Array:
    rows, columns = range(0, matrix.shape[0], tall), range(0, matrix.shape[1], wide)
    means = [[matrix[r : r + tall, c : c + wide].mean() for c in columns] for r in rows]
    return np.array(means).reshape(len(rows), len(columns))


class _Files:
    def __init__(self, source: Source) -> None:
        self._source = source

    def __getitem__(self, index: int, /) -> Source:
        return self._source


OnDisk = Callable[[Array, str], tuple[Files, TensorPlace]]


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[OnDisk]:
    """Write an array's bytes; return the files and the array's place in them."""
    sources: list[Source] = []

    def write(array: Array, dtype: str) -> tuple[Files, TensorPlace]:
        path = tmp_path / "raw.bin"
        path.write_bytes(b"head" + array.tobytes())
        location = StorageLocation(4, array.nbytes, array.nbytes, "", 0, 0, False, False)
        sources.append(Source(path))
        return _Files(sources[-1]), TensorPlace(location, dtype, array.shape, contiguous(array.shape), 0)

    yield write
    for source in sources:
        source.close()


# -- planes ------------------------------------------------------------------------------------------------------


@st.composite
def arrays_and_planes(draw: Any) -> tuple[str, Array, Plane]:
    dtype = draw(st.sampled_from(sorted(DTYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=5, min_side=1, max_side=7))
    array = sample(dtype, shape, draw(st.integers(0, 9)))
    axes = draw(st.permutations(range(len(shape))))
    columns = axes[0] if axes else -1
    rows = axes[1] if len(axes) > 1 and (len(axes) > 2 or draw(st.booleans()) or len(shape) == 2) else -1
    return dtype, array, Plane(rows, columns, tuple(draw(st.integers(0, size - 1)) for size in shape))


@given(arrays_and_planes(), st.data())
def test_any_piece_of_any_plane_is_numpys(case: tuple[str, Array, Plane], data: Any) -> None:
    _, array, plane = case
    source = ArrayPlane(array, plane)
    expected = reference(array, plane)
    assert source.shape == expected.shape
    cuts = [sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size)))) for size in source.shape]
    rows, columns = (range(*cut) for cut in cuts)
    found = numbers(source.read(rows, columns))
    assert found.dtype in (np.float32, np.float64)
    wanted = expected[rows.start : rows.stop, columns.start : columns.stop]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, 0), (0, 3), (3, 2), (-1, 1)])
def test_pieces_of_a_file_are_numpys(on_disk: OnDisk, dtype: str, axes: tuple[int, int]) -> None:
    array = sample(dtype, (5, 6, 3, 4))
    files, place = on_disk(array, dtype)
    plane = Plane(*axes, (4, 5, 2, 3))
    assert is_plain(files, place)
    source = FilePlane(files, place, plane)
    found = numbers(source.read(range(0, source.shape[0]), range(1, source.shape[1])))
    np.testing.assert_allclose(found, reference(array, plane)[:, 1:], rtol=1e-6)


def test_only_what_is_wanted_is_read(on_disk: OnDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    array = sample("float32", (512, 4_096))
    files, place = on_disk(array, "float32")
    lengths: list[int] = []
    whole = Source.read_into

    def read_into(self: Source, offset: int, room: memoryview) -> None:
        lengths.append(len(room))
        whole(self, offset, room)

    monkeypatch.setattr(Source, "read_into", read_into)
    for plane, piece in ((Plane(0, 1, (0, 0)), (range(512), range(8))), (Plane(1, 0, (0, 0)), (range(8), range(512)))):
        lengths.clear()
        found = FilePlane(files, place, plane).read(*piece)
        expected = array[:, :8] if plane.rows == 0 else array[:, :8].T
        np.testing.assert_array_equal(found, expected)
        assert sum(lengths) <= 8 << 20, "not far more than a strip"
    monkeypatch.setattr(planes, "_MOST_AT_ONCE", 1 << 16)
    lengths.clear()
    np.testing.assert_array_equal(FilePlane(files, place, Plane(0, 1, (0, 0))).read(range(512), range(8)), array[:, :8])
    assert max(lengths) <= 1 << 16


def test_strides_that_overlap_and_jump_are_followed(on_disk: OnDisk) -> None:
    storage = sample("float32", (10_000,))
    files, place = on_disk(storage, "float32")
    odd = TensorPlace(place.location, "float32", (30, 40, 2), (3, 200, 0), 7)
    expected = np.lib.stride_tricks.as_strided(storage[7:], (30, 40, 2), (12, 800, 0))
    for axes in ((0, 1), (1, 0), (2, 1)):
        plane = Plane(*axes, (29, 39, 1))
        source = FilePlane(files, odd, plane)
        found = source.read(range(source.shape[0]), range(source.shape[1]))
        np.testing.assert_array_equal(found, reference(expected, plane).astype(np.float32))


@pytest.mark.parametrize("plane", [Plane(0, 0, (0, 0)), Plane(0, 2, (0, 0)), Plane(0, -1, (0, 9)), Plane(0, 1, (0,))])
def test_planes_that_a_tensor_has_not_are_refused(plane: Plane) -> None:
    with pytest.raises(ValueError, match="has no plane"):
        ArrayPlane(np.zeros((2, 3)), plane)


# -- tiles -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["float32", "float64", "int64", "bool", "bfloat16", "complex64", "float8_e5m2", "uint8"]),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
    st.booleans(),
    st.sampled_from([64, 300, 1 << 22]),  # a tile's own weights at the least
)
def test_tiles_are_means_of_blocks(
    dtype: str, shape: tuple[int, int], level: tuple[int, int], turned: bool, at_once: int
) -> None:
    array = sample(dtype, shape)
    plane = Plane(1, 0, (0, 0)) if turned else Plane(0, 1, (0, 0))
    expected = reference(array, plane)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "_MOST_WEIGHTS", at_once)
        patch.setattr(tiles, "TILE", 8)
        made = Tiles(ArrayPlane(array, plane))
        means = mean_blocks(expected, 1 << level[0], 1 << level[1])
        for row in range(-(-means.shape[0] // 8)):
            for column in range(-(-means.shape[1] // 8)):
                found = made.tile(level, row, column)
                wanted = means[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
                np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)
        assert made.tile(level, 1 + means.shape[0] // 8, 0).size == 0, "there is nothing beyond the edge"


@pytest.mark.parametrize("at_once", [64, 1 << 22])
def test_one_odd_weight_is_seen_at_every_level(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(tiles, "_MOST_WEIGHTS", at_once)
    monkeypatch.setattr(tiles, "TILE", 8)
    matrix = sample("float32", (70, 50))
    matrix[69, 49], matrix[10, 20], matrix[40, 3] = np.nan, np.inf, -np.inf
    made = Tiles(ArrayPlane(matrix, Plane(0, 1, (0, 0))))
    for step in range(6):
        parts = [[made.tile((step, step), row, column) for column in range(7)] for row in range(9)]
        found = np.concatenate([np.concatenate(line, axis=1) for line in parts if line[0].size])
        wanted = {(69 >> step, 49 >> step), (10 >> step, 20 >> step), (40 >> step, 3 >> step)}
        assert {(int(r), int(c)) for r, c in zip(*np.nonzero(~np.isfinite(found)), strict=True)} == wanted


def test_means_of_the_greatest_numbers_stay_finite() -> None:
    matrix = np.full((64, 64), np.finfo(np.float32).max, np.float32)
    np.testing.assert_allclose(block_means(matrix, 64, 64), matrix[:1, :1], rtol=1e-5)
    wide = np.full((4, 4), np.finfo(np.float64).max)
    np.testing.assert_allclose(block_means(wide, 4, 4), wide[:1, :1], rtol=1e-12)


def test_no_dimensions_one_and_empty() -> None:
    assert Tiles(ArrayPlane(np.array(3.5), Plane(-1, -1, ()))).tile((0, 0), 0, 0).tolist() == [[3.5]]
    row = Tiles(ArrayPlane(np.arange(5), Plane(-1, 0, (0,))))
    assert row.shape == (1, 5)
    assert row.tile((0, 1), 0, 0).tolist() == [[0.5, 2.5, 4.0]]
    empty = Tiles(ArrayPlane(np.zeros((0, 4), np.float32), Plane(0, 1, (0, 0))))
    assert empty.tile((0, 0), 0, 0).size == 0
    assert level_range(ArrayPlane(np.zeros((0, 4)), Plane(0, 1, (0, 0))), (0, 0)).scale == 0.0


def test_memory_stays_bounded() -> None:
    class Endless:
        """A plane of 40,000 × 40,000 that is made up as it is read."""

        shape = (40_000, 40_000)
        most = 0

        def read(self, rows: range, columns: range) -> Array:
            self.most = max(self.most, len(rows) * len(columns))
            return np.ones((len(rows), len(columns)), np.float16)

    source = Endless()
    made = Tiles(source)
    tracemalloc.start()
    for at in range(3):  # parts of 4,096 × 4,096 each
        assert made.tile((4, 4), at, at).mean() == 1.0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert source.most <= 1 << 22
    assert peak < 120 << 20
    assert made.nbytes <= 48 << 20


# -- ranges ------------------------------------------------------------------------------------------------------


def test_range_of_a_small_plane_is_exact() -> None:
    matrix = sample("float32", (200, 300))
    matrix[0, 0], matrix[1, 1] = np.nan, np.inf
    found = level_range(ArrayPlane(matrix, Plane(0, 1, (0, 0))), (0, 0))
    finite = matrix[np.isfinite(matrix)]
    assert not found.is_sample
    assert found.scale == pytest.approx(np.quantile(np.abs(finite), 0.995))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(finite, (0.0025, 0.9975))))
    assert exact_range(ArrayPlane(matrix, Plane(0, 1, (0, 0)))) == (finite.min(), finite.max())


@pytest.mark.parametrize("shape", [(300, 40_000), (40_000, 300), (3_000, 4_000), (1, 9_000_000), (9_000_000, 1)])
@pytest.mark.parametrize("level", [(0, 0), (2, 3)])
def test_range_of_a_large_plane_is_judged_by_a_sample(shape: tuple[int, int], level: tuple[int, int]) -> None:
    matrix = np.random.default_rng(3).standard_normal(shape, np.float32)
    source = ArrayPlane(matrix, Plane(0, 1, (0, 0)))
    found = level_range(source, level)
    means = block_means(matrix, 1 << level[0], 1 << level[1])
    assert found.is_sample
    assert found.scale == pytest.approx(np.quantile(np.abs(means), 0.995), rel=0.15)
    assert found.low == pytest.approx(np.quantile(means, 0.0025), rel=0.15)
    assert exact_range(source) == (matrix.min(), matrix.max())


def test_range_of_nothing_finite_and_of_mostly_zeros() -> None:
    nothing = level_range(ArrayPlane(np.full((3, 3), np.nan), Plane(0, 1, (0, 0))), (0, 0))
    assert (nothing.scale, nothing.low, nothing.high) == (0.0, 0.0, 0.0)
    matrix = np.zeros((100, 100))
    matrix[3, 4] = -8.0
    mostly = level_range(ArrayPlane(matrix, Plane(0, 1, (0, 0))), (0, 0))
    assert (mostly.scale, mostly.low, mostly.high) == (8.0, -8.0, 0.0)
    assert exact_range(ArrayPlane(np.full((2, 2), np.inf), Plane(0, 1, (0, 0)))) == (0.0, 0.0)
