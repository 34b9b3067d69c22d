"""Comparing two tensors agrees with numpy's plain formulas in float64, on every dtype and on what breaks them."""

from __future__ import annotations

import math
import tracemalloc
from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inspector.weights import comparison as module
from inspector.weights.comparison import TensorDifference, compare, compare_arrays, difference

FLOATS = ["float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"]
OTHERS = ["bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "complex64", "complex128"]
Array = npt.NDArray[Any]


def dtype(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def reference(a: Array, b: Array) -> tuple[float, float, float]:
    """Max abs, relative L2 and cosine by numpy's plain formulas."""
    wide = np.complex128 if "c" in (a.dtype.kind, b.dtype.kind) else np.float64
    x, y = a.astype(wide).ravel(), b.astype(wide).ravel()
    norms = np.linalg.norm(x), np.linalg.norm(y)
    with np.errstate(all="ignore"):
        relative = np.divide(np.linalg.norm(y - x), norms[0])
        cosine = np.real(np.vdot(x, y)) / (norms[0] * norms[1])
    return float(np.abs(y - x).max()), float(relative), float(cosine)


def assert_agrees(found: TensorDifference, a: Array, b: Array) -> None:
    largest, relative, cosine = reference(a, b)
    assert found.max_abs == pytest.approx(largest, rel=1e-15)
    assert found.relative_l2 == pytest.approx(relative, rel=1e-12)
    assert found.cosine == pytest.approx(cosine, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("second", FLOATS + OTHERS)
@pytest.mark.parametrize("first", FLOATS + OTHERS)
def test_any_two_dtypes(first: str, second: str) -> None:
    rng = np.random.default_rng(5)
    a, b = np.abs(rng.standard_normal((2, 20_001)) * 3) * (rng.random((2, 20_001)) > 0.1)
    a, b = a.astype(dtype(first)), b.astype(dtype(second))
    found = compare_arrays(a, b)
    assert not found.equal
    assert found.not_finite == 0
    assert_agrees(found, a, b)


@pytest.mark.parametrize("name", FLOATS + OTHERS)
def test_what_is_equal_is_equal_in_every_dtype(name: str) -> None:
    a = np.array([0, 1, 1, 0, 1], dtype(name))
    assert compare_arrays(a, a.copy()) == TensorDifference(True)
    assert compare_arrays(a, a.astype(np.float64 if "complex" not in name else np.complex128)).equal


values = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(
    hnp.arrays(np.float32, st.integers(0, 40), elements=values).flatmap(
        lambda a: st.tuples(st.just(a), hnp.arrays(np.float32, a.shape, elements=values))
    )
)
def test_properties(both: tuple[Array, Array]) -> None:
    a, b = both
    found, back = compare_arrays(a, b), compare_arrays(b, a)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    assert found.equal == back.equal == bool(same.all())
    odd = ~same & ~(np.isfinite(a) & np.isfinite(b))
    assert found.not_finite == back.not_finite == np.count_nonzero(odd)
    if odd.any():
        with np.errstate(all="ignore"):
            is_nan = np.isnan(b[odd].astype(float) - a[odd].astype(float)).any()
        assert math.isnan(found.max_abs) if is_nan else found.max_abs == math.inf
        assert math.isnan(found.cosine)
    elif not found.equal:
        kept = np.isfinite(a)
        assert_agrees(found, a[kept], b[kept])
        assert back.max_abs == found.max_abs
        assert back.cosine == pytest.approx(found.cosine, nan_ok=True, abs=1e-12)


@given(st.integers(-290, 290), st.integers(-290, 290))
def test_numbers_whose_squares_leave_float64(large: int, step: int) -> None:
    a = np.array([1.0, -2.0, 3.0]) * 10.0**large
    b = a + np.array([1.0, 0.0, -1.0]) * 10.0**step
    if (a == b).all():
        return
    found = compare_arrays(a, b)
    between = b - a
    top = float(np.abs(between).max())
    norm = math.sqrt(float(((between / top) ** 2).sum()))
    if math.log10(top) - large < 300:
        expected = norm / math.sqrt(14) * (top / 10.0**large)
        assert found.relative_l2 == pytest.approx(expected, rel=1e-9)
    assert -1 <= found.cosine <= 1
    assert found.max_abs == top


def test_a_difference_beyond_float64_is_infinite_and_said() -> None:
    found = compare_arrays(np.array([1.7e308, 1.0]), np.array([-1.7e308, 1.0]))
    assert found.max_abs == math.inf
    assert found.relative_l2 == pytest.approx(2.0)
    assert found.cosine == pytest.approx(-1.0)
    assert found.not_finite == 0


def test_the_same_nan_and_infinities_are_equal_and_left_out_of_the_figures() -> None:
    a = np.array([np.nan, np.inf, -np.inf, 1.0, 2.0], np.float32)
    assert compare_arrays(a, a.astype(np.float64)).equal
    b = a.copy()
    b[4] = 5.0
    found = compare_arrays(a, b)
    assert (found.max_abs, found.not_finite) == (3.0, 0)
    assert found.relative_l2 == pytest.approx(3 / math.sqrt(5))
    b[1] = -np.inf
    assert compare_arrays(a, b).max_abs == math.inf
    b[0] = 0.0
    assert math.isnan(compare_arrays(a, b).max_abs)
    assert compare_arrays(a, b).not_finite == 2


def test_zeros_scalars_and_nothing() -> None:
    zeros, ones = np.zeros(3, np.float32), np.ones(3, np.float32)
    assert compare_arrays(zeros, -zeros).equal
    assert compare_arrays(zeros, ones).relative_l2 == math.inf
    assert math.isnan(compare_arrays(zeros, ones).cosine)
    assert compare_arrays(ones, zeros).relative_l2 == 1.0
    assert compare_arrays(np.array(2), np.array(-3)) == TensorDifference(False, 5.0, 2.5, -1.0)
    assert compare_arrays(np.zeros((0, 4)), np.zeros((0, 4), np.float32)).equal


@pytest.mark.parametrize("kind", ["int64", "uint64"])
def test_large_integers_differ_by_one(kind: str) -> None:
    a = np.array([2**62, 7], kind)
    found = compare_arrays(a, a + np.array([1, 0], kind))
    assert not found.equal
    assert found.max_abs == 1.0


def test_strides_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((30, 20, 50)), rng.standard_normal((30, 50, 20)).transpose(0, 2, 1)
    assert not b.flags.c_contiguous
    assert_agrees(compare_arrays(a, b), a, b)
    assert compare_arrays(b, np.ascontiguousarray(b)).equal


@pytest.mark.parametrize("narrow", ["float16", "bfloat16", "float8_e4m3fn"])
def test_a_copy_in_a_narrower_dtype_is_told_from_a_change(narrow: str) -> None:
    a = np.random.default_rng(2).standard_normal(30_000).astype(np.float32)
    b = a.astype(dtype(narrow))
    assert compare_arrays(a, b).rounded
    assert compare_arrays(b, a).rounded
    a[29_999] += 1
    assert not compare_arrays(a, b).rounded
    assert not compare_arrays(a, a + 1).rounded


def test_it_equals_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(300, 200, generator=generator)
    b = a + 0.01 * torch.randn(300, 200, generator=generator)
    found, wide = compare_arrays(a.numpy(), b.numpy()), (a.double(), b.double())
    between = wide[1] - wide[0]
    assert found.max_abs == between.abs().max().item()
    assert found.relative_l2 == pytest.approx((between.norm() / wide[0].norm()).item(), rel=1e-12)
    cosine = torch.nn.functional.cosine_similarity(wide[0].flatten(), wide[1].flatten(), dim=0)
    assert found.cosine == pytest.approx(cosine.item(), abs=1e-12)


def test_the_pieces_may_be_of_any_size() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal(50_000), rng.standard_normal(50_000)
    cut = [0, 1, 10_000, 10_001, 50_000]
    found = compare(lambda: [(a[i:j], b[i:j]) for i, j in pairwise(cut)])
    assert_agrees(found, a, b)


@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (5, 4), (1, 30), (3, 2, 5)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_difference_is_the_plain_one_in_pieces_of_any_size(
    shape: tuple[int, ...], turned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 6)
    made = np.random.default_rng(0)
    a, b = (np.asarray(made.normal(size=shape)).astype(ml_dtypes.bfloat16) for _ in range(2))
    if turned:
        a, b = a.T, b.T
    wanted = b.astype(np.float64) - a.astype(np.float64)
    found = difference(a, b)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, wanted)
    large = np.full(shape, 2**62, np.int64)
    np.testing.assert_array_equal(difference(large, large + 1), np.ones(shape))


def test_a_difference_takes_little_more_memory_than_itself() -> None:
    a, b = np.zeros((2, 5_000_000), np.float32), np.ones((2, 5_000_000), np.float32)
    tracemalloc.start()
    try:
        difference(a, b)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * 8 * a.size
