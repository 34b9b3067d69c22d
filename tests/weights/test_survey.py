"""The survey's figures agree with slower, plainer ways to reckon them, for every dtype and shape."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inspector.weights.chunks import is_complex
from inspector.weights.figures import TensorFigures
from inspector.weights.histogram import Histogram, bins_per_unit, histogram
from inspector.weights.pieces import NARROW_FROM
from inspector.weights.statistics import tensor_statistics
from inspector.weights.stream import PIECE
from inspector.weights.survey import tensor_figures

FLOATS = ("float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz")
OTHERS = ("bool", "int8", "uint8", "int16", "int32", "int64", "uint16", "uint64", "complex64", "complex128")
HALF_COMPLEX = [name for name in ("complex32", "bcomplex32") if hasattr(ml_dtypes, name)]
Array = npt.NDArray[Any]


def dtype(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def slow_slices(array: Array) -> tuple[int, int]:
    """Count dead slices, and those that equal an earlier one, by looking at each."""
    if array.ndim < 2 or not array.size:
        return 0, 0
    dead, seen, twins = 0, set(), 0
    for part in array:
        if not np.any(part.astype(np.complex128 if is_complex(part.dtype) else np.float64) != 0):
            dead += 1
            continue
        raw = np.ascontiguousarray(part).tobytes()
        twins += raw in seen
        seen.add(raw)
    return dead, twins


def check_counts(found: TensorFigures, array: Array, bins: Histogram) -> None:
    """Counts are exact; where bins are found in float32, values just below an edge may be counted above it."""
    is_narrow = array.dtype == np.float32 or array.dtype in map(dtype, FLOATS[:2] + FLOATS[3:])
    if not is_narrow or array.size < NARROW_FROM:
        assert list(found.counts) == bins.counts.tolist()
        return
    values = array.astype(np.float64).ravel()
    values = np.sort(values[np.isfinite(values)])
    assert sum(found.counts) == values.size
    if values.size:
        place = (values - found.low) * bins_per_unit(found.low, found.high, 256)
        below, edges = np.cumsum(found.counts)[:-1], np.arange(1, 256)
        assert (below <= np.searchsorted(place, edges)).all()
        assert (below >= np.searchsorted(place, edges - 1e-4)).all()


def check(array: Array) -> None:
    found, wanted, bins = tensor_figures(array), tensor_statistics(array), histogram(array, 256)
    ours = found.statistics
    for name in ("numel", "min", "max", "zeros", "nan", "inf"):
        assert getattr(ours, name) == getattr(wanted, name), name
    largest = max(abs(float(wanted.min or 0)), abs(float(wanted.max or 0)))
    assert (ours.mean is None) == (wanted.mean is None)
    if ours.mean is not None and ours.std is not None and wanted.mean is not None and wanted.std is not None:
        assert ours.mean == pytest.approx(wanted.mean, rel=1e-12, abs=1e-14 * largest)
        assert ours.std == pytest.approx(wanted.std, rel=1e-9, abs=1e-14 * largest)
    assert ours.norm == pytest.approx(wanted.norm, rel=1e-12)
    assert (found.low, found.high) == (bins.edges[0], bins.edges[-1])
    check_counts(found, array, bins)
    assert (found.dead, found.duplicates) == slow_slices(array)


@settings(deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.dtype(d) for d in ("f2", "f4", "f8", "i1", "u1", "i2", "i4", "i8", "u8", "?", "c8")]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
    )
)
def test_they_equal_the_plain_ways(array: Array) -> None:
    check(array)


@pytest.mark.parametrize("name", FLOATS + OTHERS)
@pytest.mark.parametrize("shape", [(2 * PIECE + 77,), (3, PIECE // 2 + 5), (2, PIECE + 3), (70, 33, 3, 3)])
def test_every_dtype_over_several_pieces(name: str, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(3)
    array = random.normal(size=shape) * (2 if name in FLOATS else 40)
    array[-1] = array[0] if len(shape) > 1 else 0
    if name.startswith("u"):
        array = np.abs(array)
    elif "complex" in name:
        array = (array * (1 + 2j)).astype(np.complex64)
    check(array.astype(dtype(name)))


@pytest.mark.parametrize("name", FLOATS)
def test_nan_and_inf_anywhere(name: str) -> None:
    array = np.random.default_rng(0).normal(size=(5, PIECE // 4)).astype(dtype(name))
    array[0, 3] = array[4, 7] = float("nan")
    if name not in ("float8_e4m3fn", "float8_e4m3fnuz"):
        array[2, 0], array[2, 1] = float("inf"), float("-inf")
    check(array)
    array[:] = float("nan")
    check(array)


@pytest.mark.parametrize(
    "array",
    [
        np.full(10, 1e200),
        np.full(10, 1e-200),
        np.array([1e308, -1e308]),
        np.array([2**63 - 1, 2**63 - 2]),
        np.full((3, 4), 7.25, np.float32),
        np.full(PIECE + 1, 1e6 + 0.25),
        np.array([1e6, 1e6 + 0.25], np.float32),
        np.array([0.0, -0.0], np.float32),
        np.array([65504.0, 6e-8, -6e-8], np.float16),
        np.arange(256, dtype=np.float32),
        np.float32(3.5).reshape(()),
        np.zeros((0, 4), np.float32),
    ],
)
def test_numbers_that_break_naive_ways(array: Array) -> None:
    check(array)


def test_views_of_every_kind() -> None:
    base = np.random.default_rng(1).normal(size=(40, 50, 6)).astype(np.float32)
    check(base.T)
    check(base[::7, ::-3, 1])
    check(base[:, 0])
    check(np.broadcast_to(base[:1], (9, 50, 6)))
    check(np.broadcast_to(base[:, :1], (40, 11, 6)))
    check(np.broadcast_to(np.zeros((1, 4), np.float32), (6, 4)))
    check(np.broadcast_to(np.float32(2), (3, 5)))


def test_an_expanded_tensor_costs_no_more_than_what_it_repeats() -> None:
    found = tensor_figures(np.broadcast_to(np.float32(2), (1 << 20, 1 << 20)))
    assert found.statistics.numel == 1 << 40
    assert found.statistics.norm == 2 * math.sqrt(1 << 40)
    assert sum(found.counts) == 1 << 40
    assert (found.dead, found.duplicates) == (0, (1 << 20) - 1)


def test_slices_that_only_begin_and_end_alike_are_no_duplicates() -> None:
    array = np.zeros((4, 1000), np.float32)
    array[:, 0] = array[:, -1] = 1
    array[1, 501] = array[2, 502] = 3
    check(array)
    assert tensor_figures(array).duplicates == 1


@pytest.mark.parametrize("name", HALF_COMPLEX)
def test_half_precision_complex_numbers_are_measured_by_their_magnitudes(name: str) -> None:
    made = np.random.default_rng(0)
    check((made.normal(size=(8, 5)) + 1j * made.normal(size=(8, 5))).astype(dtype(name)))


@pytest.mark.parametrize(
    ("low", "width"), [(0.0, 1.0), (-128.0, 1.0), (-1.0, 2.0**-7), (1.5, 2.0**-20), (0.3, 0.1), (-7e-12, 3e-13)]
)
def test_no_value_on_an_edge_is_counted_below_it(low: float, width: float) -> None:
    edges = (np.float32(low) + np.arange(257) * np.float64(np.float32(width))).astype(np.float32)
    array = np.repeat(edges, 200)
    check(array)
    exact = [200] * 255 + [400]
    if (edges.astype(np.float64) == np.linspace(float(edges[0]), float(edges[-1]), 257)).all():
        assert list(tensor_figures(array).counts) == exact
    check(
        np.concatenate(
            [array, np.nextafter(edges[1:], np.float32(-np.inf)), np.nextafter(edges[:-1], np.float32(np.inf))]
        )
    )


@pytest.mark.parametrize("name", ["bfloat16", "float16", "float8_e4m3fn"])
def test_values_of_few_digits_are_counted_exactly(name: str) -> None:
    array = (np.random.default_rng(2).normal(size=3 * NARROW_FROM) * 0.1).astype(dtype(name))
    array[0], array[1] = -0.5, 0.5
    array = np.clip(array.astype(np.float32), -0.5, 0.5).astype(dtype(name))
    wide = histogram(array.astype(np.float64), 256)
    place = (array.astype(np.float64) + 0.5) * 256
    near = np.abs(place - np.ceil(place)) < 1e-4
    assert not (near & (place != np.ceil(place)) & (np.abs(array.astype(np.float32)) > 1e-3)).any()
    found = np.array(tensor_figures(array).counts)
    moved = np.flatnonzero(found != wide.counts)
    assert set(moved.tolist()) <= {127, 128}  # only beside zero do they lie that close to an edge


@pytest.mark.parametrize(
    "array",
    [
        np.linspace(-3e38, 3e38, 2 * NARROW_FROM).astype(np.float32),
        np.linspace(0, 1e-42, 2 * NARROW_FROM).astype(np.float32),
        np.linspace(-1e-38, 1e-38, 2 * NARROW_FROM).astype(np.float32),
        np.linspace(1e6, 1e6 + 1, 2 * NARROW_FROM).astype(np.float32),
        np.full(2 * NARROW_FROM, 0.1, np.float32),
        np.full(2 * NARROW_FROM, -3e38, np.float32),
        np.zeros(2 * NARROW_FROM, np.float32),
        np.full(2 * NARROW_FROM, -0.0, np.float32),
        np.append(np.zeros(2 * NARROW_FROM, np.float32), np.float32(1e30)),
        np.append(np.full(2 * NARROW_FROM, 1e-45, np.float32), np.float32(1)),
    ],
)  # fmt: skip
def test_ends_of_float32_among_many_elements(array: Array) -> None:
    check(array)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, PIECE, 2 * PIECE + 76])
def test_one_odd_value_in_one_piece_only(odd: float, at: int) -> None:
    array = np.random.default_rng(5).normal(size=2 * PIECE + 77).astype(np.float32)
    array[at] = odd
    check(array)


def test_more_elements_than_are_counted_together() -> None:
    array = np.random.default_rng(6).normal(size=(9, PIECE // 2 + 3)).astype(np.float32)
    array[4, 100:200] = np.nan
    check(array)
