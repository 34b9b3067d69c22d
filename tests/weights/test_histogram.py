"""Histograms agree with numpy's, count every finite value once, and always have usable bins."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inspector.weights.chunks import CHUNK
from inspector.weights.histogram import histogram


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(d) for d in ("f2", "f4", "f8", "i1", "i8", "u8", "?")]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9),
    ),
    st.integers(1, 300),
)
def test_every_finite_value_is_counted_once(array: npt.NDArray[Any], bins: int) -> None:
    ours = histogram(array, bins)
    assert ours.edges.shape == (bins + 1,)
    assert ours.counts.shape == (bins,)
    assert np.isfinite(ours.edges).all()
    assert (np.diff(ours.edges / 4) > 0).all()
    finite = array[np.isfinite(array)].astype(np.float64)
    assert ours.counts.sum() == finite.size
    if finite.size:
        assert ours.edges[0] <= finite.min()
        assert finite.max() <= ours.edges[-1]


def test_it_equals_numpys_on_weights() -> None:
    array = np.random.default_rng(0).normal(0, 0.1, 3 * CHUNK + 5).astype(np.float32)
    ours = histogram(array)
    counts, edges = np.histogram(array.astype(np.float64), 256)
    np.testing.assert_allclose(ours.edges, edges, rtol=1e-14)
    np.testing.assert_array_equal(ours.counts, counts)
    assert ours.counts.dtype == np.int64


def test_bfloat16_over_several_pieces_and_strides() -> None:
    array = np.random.default_rng(0).normal(size=(600, 400)).astype(ml_dtypes.bfloat16)
    expected, _ = np.histogram(array.astype(np.float64), 64)
    difference = np.abs(histogram(array.T, 64).counts - expected).sum()
    assert difference <= array.size // 1000  # values on an edge may go either way


def test_nan_and_inf_are_left_out() -> None:
    ours = histogram(np.array([np.nan, -np.inf, 1.0, 2.0, np.inf]), 2)
    assert ours.edges.tolist() == [1.0, 1.5, 2.0]
    assert ours.counts.tolist() == [1, 1]


def test_a_given_range_leaves_out_what_lies_outside() -> None:
    ours = histogram(np.arange(10.0), 3, range=(2.0, 5.0))
    assert ours.counts.tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(0.0, -0.5, 0.5), (1.0, 0.5, 1.5), (-4.0, -6.0, -2.0), (1e-8, 0.5e-8, 1.5e-8)],
)
def test_a_constant_gets_a_sensible_range(value: float, low: float, high: float) -> None:
    ours = histogram(np.full(5, value), 4)
    assert (ours.edges[0], ours.edges[-1]) == pytest.approx((low, high))
    assert ours.counts.max() == 5


def test_nothing_to_count() -> None:
    for array in (np.empty((0, 3), np.float32), np.array([np.nan])):
        ours = histogram(array, 2)
        assert ours.counts.tolist() == [0, 0]
        assert ours.edges.tolist() == [0.0, 0.5, 1.0]


def test_the_widest_range_does_not_overflow() -> None:
    largest = np.finfo(np.float64).max
    ours = histogram(np.array([-largest, 0.0, largest]), 3)
    assert ours.counts.tolist() == [1, 1, 1]


def test_no_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="0 bins"):
        histogram(np.zeros(3), 0)


@pytest.mark.parametrize("low", [-1.0, 0.0, 3.0])
@pytest.mark.parametrize("width", [49, 103, 107, 1_997])
def test_values_on_edges_are_counted_above_them(low: float, width: int) -> None:
    edges = np.linspace(low, low + width / 512, 257)  # exact, for numbers of so few digits
    assert histogram(edges).counts.tolist() == [1] * 255 + [2]
