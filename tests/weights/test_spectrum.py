"""Singular values and projections, beside numpy's and torch's own."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.weights import spectrum as module
from inspector.weights.projection import projection
from inspector.weights.spectrum import as_matrix, spectrum

SIDES = st.integers(1, 40)


@settings(deadline=None, max_examples=60)
@given(SIDES, SIDES, st.integers(0, 2**32 - 1), st.sampled_from([1e-30, 1.0, 1e30]))
def test_singular_values_are_torchs(rows: int, columns: int, seed: int, size: float) -> None:
    matrix = np.random.default_rng(seed).normal(size=(rows, columns)) * size
    found = spectrum(matrix)
    expected = torch.linalg.svdvals(torch.from_numpy(matrix)).numpy()
    np.testing.assert_allclose(found.values, expected, rtol=1e-9, atol=1e-12 * expected[0])
    assert found.rank(2.0**-52) == int(torch.linalg.matrix_rank(torch.from_numpy(matrix)))
    assert found.needed(1.0) == pytest.approx(min(rows, columns), abs=min(rows, columns))
    shares = expected / expected.sum()
    assert found.effective_rank == pytest.approx(math.exp(-(shares * np.log(shares)).sum()), rel=1e-6)
    assert found.stable_rank == pytest.approx((expected / expected[0] @ (expected / expected[0])), rel=1e-9)


@pytest.mark.parametrize("shape", [(300, 120), (120, 300)])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_products_give_the_same_values_within_what_is_said(
    shape: tuple[int, int], dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DIRECT_SIDE", 10)
    monkeypatch.setattr(module, "_BLOCK", 5_000)
    random = np.random.default_rng(0)
    matrix = random.normal(size=shape) @ np.diag(np.logspace(0, -12, shape[1]))
    if dtype is np.complex64:
        matrix = matrix + 1j * random.normal(size=shape)
    matrix = matrix.astype(dtype)
    told: list[float] = []
    found = spectrum(matrix, told.append)
    expected = np.linalg.svd(matrix.astype(np.complex128), compute_uv=False)
    assert 0 < found.tolerance < 1e-5 * expected[0]
    assert np.abs(found.values - expected).max() <= found.tolerance
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_spectrum_of_few_directions_says_so() -> None:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(80, 3)) @ random.normal(size=(3, 60))
    found = spectrum(matrix.astype(np.float32))
    assert found.rank(2.0**-23) == 3
    assert found.needed(0.99) <= 3
    assert found.effective_rank < 3.01
    noise = spectrum(random.normal(size=(300, 200)))
    assert noise.values[0] < noise.noise_edge * 1.05


def test_zeros_have_a_spectrum_too() -> None:
    found = spectrum(np.zeros((4, 6), np.float32))
    assert found.values.tolist() == [0.0] * 4
    assert found.effective_rank == found.stable_rank == found.noise_edge == 0.0
    assert found.rank(2.0**-23) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_has_none(bad: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        spectrum(np.array([[1.0, bad]]))


def test_filters_are_flattened_and_small_floats_are_exact() -> None:
    filters = np.random.default_rng(2).normal(size=(8, 3, 2, 2)).astype(ml_dtypes.bfloat16)
    found = spectrum(as_matrix(filters))
    expected = np.linalg.svd(filters.astype(np.float64).reshape(8, 12), compute_uv=False)
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(3, 60), st.integers(3, 20), st.integers(0, 2**32 - 1))
def test_projections_keep_the_largest_variances(rows: int, columns: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(size=(rows, columns)) * np.arange(1, columns + 1)
    found = projection(matrix)
    centred = matrix - matrix.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)[:3]
    np.testing.assert_allclose(np.linalg.norm(found.points, axis=0), values, rtol=1e-6, atol=1e-6 * values[0])
    np.testing.assert_allclose(found.shares, values**2 / np.square(centred).sum(), rtol=1e-6, atol=1e-9)
    assert found.rows.tolist() == list(range(rows))


def test_rows_that_are_not_finite_are_left_out_and_many_are_thinned() -> None:
    matrix = np.random.default_rng(3).normal(size=(100, 4)).astype(np.float32)
    matrix[7, 2] = np.nan
    found = projection(matrix, max_points=40)
    assert 7 not in found.rows
    assert len(found.rows) == 33
    assert found.points.shape == (33, 3)
    whole = projection(matrix, max_points=200)
    np.testing.assert_allclose(whole.points[::3], found.points, atol=1e-12)


def test_one_row_is_no_cloud() -> None:
    with pytest.raises(ValueError, match="fewer than two"):
        projection(np.ones((1, 5)))


@pytest.mark.skipif(not hasattr(ml_dtypes, "complex32"), reason="ml_dtypes knows it since 0.5.4")
def test_half_precision_complex_numbers_keep_their_imaginary_parts() -> None:
    matrix = np.array([[3j, 0], [0, 1]], np.complex64).astype(ml_dtypes.complex32)
    np.testing.assert_allclose(spectrum(matrix).values, [3, 1])


@pytest.mark.skipif(not hasattr(ml_dtypes, "complex32"), reason="this ml_dtypes knows no complex32")
@pytest.mark.parametrize("direct", [10, 1_024])
def test_half_precision_complex_matrices_keep_their_imaginary_parts(
    direct: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DIRECT_SIDE", direct)
    made = np.random.default_rng(0)
    matrix = (made.normal(size=(30, 20)) + 1j * made.normal(size=(30, 20))).astype(ml_dtypes.complex32)
    expected = np.linalg.svd(matrix.astype(np.complex128), compute_uv=False)
    np.testing.assert_allclose(spectrum(matrix).values, expected, rtol=1e-6)
