"""Statistics agree with exact arithmetic, on every dtype and on the numbers that break naive formulas."""

from __future__ import annotations

import math
import tracemalloc
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inspector.weights.chunks import CHUNK
from inspector.weights.statistics import tensor_statistics

FLOATS = ["float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"]


def dtype(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def exact(values: list[Fraction]) -> tuple[float, float, float]:
    """Return mean, population std and norm, rounded once."""
    mean = sum(values, Fraction()) / len(values)
    variance = sum(((v - mean) ** 2 for v in values), Fraction()) / len(values)
    return float(mean), root(variance), root(sum((v * v for v in values), Fraction()))


def root(value: Fraction) -> float:
    """The square root, also where the square itself is beyond float64."""
    half = (value.numerator.bit_length() - value.denominator.bit_length()) // 2
    with np.errstate(over="ignore"):
        return float(np.ldexp(math.sqrt(value / Fraction(4) ** half), half)) if value else 0.0


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(d) for d in ("f4", "f8", "i1", "u1", "i4", "i8", "u8", "?")]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9),
    )
)
def test_they_equal_exact_fractions(array: npt.NDArray[Any]) -> None:
    ours = tensor_statistics(array)
    values = [Fraction(v) for v in array.ravel().tolist() if math.isfinite(v)]
    assert ours.numel == array.size
    assert ours.zeros == sum(v == 0 for v in values)
    assert ours.nan + ours.inf == array.size - len(values)
    if not values:
        assert (ours.min, ours.max, ours.mean, ours.std, ours.norm) == (None, None, None, None, 0.0)
        return
    assert ours.min == min(values)
    assert ours.max == max(values)
    mean, std, norm = exact(values)
    largest = float(max(map(abs, values)))
    assert ours.mean == pytest.approx(mean, rel=1e-12, abs=1e-15 * largest)
    assert ours.std == pytest.approx(std, rel=1e-9, abs=1e-15 * largest)
    if math.isfinite(ours.norm):
        assert ours.norm == pytest.approx(norm, rel=1e-12)


@pytest.mark.parametrize("name", FLOATS)
def test_every_float_kind_over_several_pieces(name: str) -> None:
    array = (np.random.default_rng(0).normal(size=(3, CHUNK // 2 + 7)) * 2).astype(dtype(name))
    plain = array.astype(np.float64)
    ours = tensor_statistics(array)
    assert (ours.min, ours.max) == (plain.min(), plain.max())
    assert ours.mean == pytest.approx(plain.mean(), abs=1e-13)
    assert ours.std == pytest.approx(plain.std(), rel=1e-12)
    assert ours.norm == pytest.approx(np.sqrt((plain**2).sum()), rel=1e-12)
    assert ours.zeros == np.count_nonzero(plain == 0)


@pytest.mark.parametrize("name", FLOATS)
def test_nan_and_inf_are_counted_and_left_out(name: str) -> None:
    array = np.array([1.0, 2.0, 0.0, -0.0, -3.0], dtype(name))
    ours = tensor_statistics(np.concatenate([array, np.array([np.nan, np.nan], dtype(name))]))
    assert (ours.numel, ours.nan, ours.inf, ours.zeros) == (7, 2, 0, 2)
    assert (ours.min, ours.max, ours.mean) == (-3.0, 2.0, 0.0)
    if not name.startswith("float8_e4m3"):  # these two have no infinity
        mixed = tensor_statistics(np.array([np.inf, 1.0, -np.inf, np.nan], dtype(name)))
        assert (mixed.nan, mixed.inf, mixed.mean, mixed.std) == (1, 2, 1.0, 0.0)


def test_a_small_spread_on_a_large_mean_is_not_lost() -> None:
    array = np.tile([1e9, 1e9 + 1], CHUNK)
    assert tensor_statistics(array).std == pytest.approx(0.5, rel=1e-9)


def test_large_integers_keep_their_last_digit() -> None:
    array = np.tile(np.array([2**62, 2**62 + 2], np.int64), CHUNK)
    ours = tensor_statistics(array)
    assert (ours.min, ours.max, ours.std) == (2**62, 2**62 + 2, 1.0)
    limits = tensor_statistics(np.array([-(2**63), 2**63 - 1], np.int64))
    assert (limits.min, limits.max) == (-(2**63), 2**63 - 1)
    assert limits.std == pytest.approx(2.0**63)
    unsigned = tensor_statistics(np.array([2**64 - 1, 2**64 - 3], np.uint64))
    assert (unsigned.max, unsigned.std) == (2**64 - 1, 1.0)


@pytest.mark.parametrize("size", [1e-300, 1e200, 5e-324, 1e307])
def test_squares_neither_overflow_nor_vanish(size: float) -> None:
    ours = tensor_statistics(np.array([size, -size, size, -size]))
    assert ours.std == pytest.approx(size)
    assert ours.norm == pytest.approx(2 * size)


def test_complex_numbers_are_measured_by_their_magnitudes() -> None:
    ours = tensor_statistics(np.array([3 + 4j, 0, complex("nan"), complex("inf")], np.complex64))
    assert (ours.min, ours.max, ours.mean, ours.norm) == (0.0, 5.0, 2.5, 5.0)
    assert (ours.zeros, ours.nan, ours.inf) == (1, 1, 1)


def test_bool_and_scalars() -> None:
    ours = tensor_statistics(np.array([True, False, True, True]))
    assert (ours.min, ours.max, ours.mean, ours.zeros) == (0, 1, 0.75, 1)
    assert type(ours.min) is int
    assert tensor_statistics(np.array(7, np.int64)).norm == 7.0


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_any_strides_give_the_same_figures(name: str) -> None:
    array = np.random.default_rng(1).normal(size=(300, 40, 20)).astype(dtype(name))
    for view in (array.transpose(2, 0, 1), array[::3, 5:, ::-2], np.broadcast_to(array[0], (4, 40, 20))):
        ours, whole = tensor_statistics(view), tensor_statistics(np.ascontiguousarray(view))
        assert (ours.min, ours.max, ours.zeros) == (whole.min, whole.max, whole.zeros)
        assert ours.std == pytest.approx(whole.std, rel=1e-12)
        assert ours.norm == pytest.approx(whole.norm, rel=1e-12)


def test_memory_stays_bounded() -> None:
    array = np.ones((2000, 4000), np.float32)
    for view in (array, array.T, array[:, ::2]):
        tracemalloc.start()
        tensor_statistics(view)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 40 * CHUNK < array.nbytes / 8


def test_half_sized_complex_numbers_are_measured_by_their_magnitudes() -> None:
    """numpy itself does not know that ml_dtypes' ``complex32`` is complex."""
    found = tensor_statistics(np.array([3 + 4j, 0], np.complex64).astype(ml_dtypes.complex32))
    assert (found.min, found.max, found.zeros) == (0.0, 5.0, 1)
