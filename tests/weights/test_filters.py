"""Filters as tiles: what is shown of them, and in which order."""

from __future__ import annotations

import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from inspector.weights import filters as module
from inspector.weights.filters import as_filters, filter_norms, filter_order, filter_tiles, rgb_pixels


def _filters(shape: tuple[int, ...] = (6, 3, 2, 2), seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


DTYPES = [np.float32, np.float16, np.int8, ml_dtypes.bfloat16, np.complex64, np.bool_]
if hasattr(ml_dtypes, "complex32"):  # since 0.5.4
    DTYPES.append(ml_dtypes.complex32)


@pytest.mark.parametrize("dtype", DTYPES)
def test_means_channels_and_norms_are_numpys(dtype: type) -> None:
    is_complex = "complex" in np.dtype(dtype).name
    made = _filters() * (4 + 3j) if is_complex else _filters() * 4
    filters: npt.NDArray[Any] = made.astype(np.complex64 if is_complex else np.float32).astype(dtype)
    plain = np.abs(filters.astype(np.complex128)) if is_complex else filters.astype(np.float64)
    np.testing.assert_allclose(filter_tiles(filters, "mean").values, plain.mean(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(filter_tiles(filters, 2).values, plain[:, 2], rtol=1e-6)
    np.testing.assert_allclose(filter_norms(filters), np.linalg.norm(plain.reshape(6, -1), axis=1), rtol=1e-6)


def test_every_kind_of_convolution_becomes_filters() -> None:
    assert as_filters(np.zeros((4, 3, 5))).shape == (4, 3, 1, 5)
    assert as_filters(np.zeros((4, 3, 5, 6))).shape == (4, 3, 5, 6)
    deep = np.arange(4 * 3 * 2 * 5 * 6).reshape(4, 3, 2, 5, 6)
    assert as_filters(deep).shape == (4, 3, 10, 6)
    assert (as_filters(deep)[1, 2, 5:] == deep[1, 2, 1]).all()


def test_the_largest_norm_comes_first_and_what_is_not_finite_before_it() -> None:
    filters = _filters()
    filters[2] = 0
    filters[4, 0, 0, 0] = np.nan
    norms = filter_norms(filters)
    order = filter_order(filters, "norm", norms)
    assert order[0] == 4
    assert order[-1] == 2
    assert (np.diff(norms[order[1:]]) <= 0).all()
    assert filter_order(filters, "position", norms).tolist() == list(range(6))


def test_filters_that_are_alike_stand_side_by_side() -> None:
    base = _filters((2, 3, 3, 3), seed=1)
    filters = np.concatenate([base * 1.0, base * 0.5, base * 2.0, np.zeros((1, 3, 3, 3), np.float32)])
    order = filter_order(filters, "similarity", filter_norms(filters)).tolist()
    assert sorted(order) == list(range(7))
    kinds = [number % 2 for number in order[:-1]]
    assert kinds == sorted(kinds) or kinds == sorted(kinds, reverse=True)
    assert order[-1] == 6, "what is all zero comes last"


def test_colours_are_scaled_by_each_filters_own_largest_weight() -> None:
    filters = np.zeros((2, 3, 1, 2), np.float32)
    filters[0, :, 0, 0] = [1e-3, -1e-3, 0]
    filters[1, 0, 0, 0] = np.inf
    pixels = rgb_pixels(filter_tiles(filters, "rgb").values)
    assert pixels[0, 0, 0].tolist() == [255, 1, 128, 255]
    assert pixels[1, 0, 0].tolist() == [255, 176, 0, 255], "amber for what is not finite"
    assert pixels[1, 0, 1].tolist() == [128, 128, 128, 255]


@pytest.mark.skipif(not hasattr(ml_dtypes, "complex32"), reason="this ml_dtypes knows no complex32")
def test_norms_of_half_precision_complex_filters_are_of_both_parts() -> None:
    filters = np.full((2, 1, 2, 2), 3 + 4j).astype(ml_dtypes.complex32)
    np.testing.assert_allclose(filter_norms(filters), [10.0, 10.0])


def test_likeness_does_not_depend_on_how_many_weights_are_taken_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    filters = _filters((40, 6, 5, 5), seed=3)
    wanted = filter_order(filters, "similarity", filter_norms(filters)).tolist()
    monkeypatch.setattr(module, "_BLOCK", 300)
    assert filter_order(filters, "similarity", filter_norms(filters)).tolist() == wanted


def test_likeness_takes_no_copies_of_all_filters() -> None:
    filters = np.random.default_rng(0).normal(size=(300, 100, 20, 20)).astype(np.float32)
    norms = filter_norms(filters)
    tracemalloc.start()
    try:
        filter_order(filters, "similarity", norms)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < filters.nbytes + 120e6, "one of those that are not zero, and pieces"
