"""A line of values loses no extreme when it is drawn with fewer points than it has values."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inspector.weights import series as module
from inspector.weights.series import in_order, line, series


@given(
    hnp.arrays(st.sampled_from([np.dtype(d) for d in ("f2", "f4", "f8", "i1", "i8", "?")]), st.integers(0, 200)),
    st.integers(-5, 210),
    st.integers(-5, 210),
    st.integers(1, 70),
)
def test_every_group_tells_its_range(array: npt.NDArray[Any], start: int, stop: int, groups: int) -> None:
    ours = series(array, start, stop, groups)
    begin, end = max(0, start), max(min(stop, array.size), max(0, start))
    count = max(0, min(stop, array.size) - begin)
    assert ours.low.size == ours.high.size == ours.odd.size == min(groups, count)
    assert (ours.starts[0], ours.starts[-1]) == (begin, end if count else begin)
    assert (np.diff(ours.starts) > 0).all()
    for i in range(ours.low.size):
        group = array[ours.starts[i] : ours.starts[i + 1]].astype(np.float64)
        finite = group[np.isfinite(group)]
        assert ours.odd[i] == group.size - finite.size
        if finite.size:
            assert (ours.low[i], ours.high[i]) == (finite.min(), finite.max())
        else:
            assert np.isnan([ours.low[i], ours.high[i]]).all()


@pytest.mark.parametrize("groups", [1, 3, 1000])
def test_many_values_in_runs_of_any_size(groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RUN", 64)
    array = np.random.default_rng(0).normal(size=5_003).astype(ml_dtypes.bfloat16)
    array[17] = np.nan
    ours = series(array, 3, 5_000, groups)
    parts = [array[a:b].astype(np.float64) for a, b in zip(ours.starts, ours.starts[1:], strict=False)]
    np.testing.assert_array_equal(ours.low, [np.nanmin(part) for part in parts])
    np.testing.assert_array_equal(ours.high, [np.nanmax(part) for part in parts])
    assert ours.odd.sum() == 1


def test_one_outlier_among_millions_is_seen() -> None:
    array = np.zeros(3_000_001, np.float32)
    array[1_234_567] = -9
    ours = series(array, 0, array.size, 1_000)
    group = int(np.argmin(ours.low))
    assert ours.low[group] == -9
    assert ours.starts[group] <= 1_234_567 < ours.starts[group + 1]


def test_lines_of_a_tensor() -> None:
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    np.testing.assert_array_equal(line(array, 1, (1, 0, 2)), array[1, :, 2])
    np.testing.assert_array_equal(line(array[:, ::-1], 2, (0, 2, 0)), array[0, 0])
    np.testing.assert_array_equal(line(np.array(7), 0, ()), [7])
    assert line(np.zeros((0, 3)), 0, (0, 1)).size == 0


def test_complex_numbers_are_shown_by_their_magnitudes() -> None:
    values = np.array([3 + 4j, np.nan])
    np.testing.assert_array_equal(series(values, 0, 2, 5).low, [5, np.nan])
    if hasattr(ml_dtypes, "complex32"):
        np.testing.assert_array_equal(series(values.astype(ml_dtypes.complex32), 0, 2, 5).low, [5, np.nan])
        np.testing.assert_array_equal(in_order(values[:1].astype(ml_dtypes.complex32)), [5])


@pytest.mark.parametrize(
    "name", ["float8_e4m3fn", "bfloat16", "float16", "float32", "float64", "int8", "int64", "bool"]
)
def test_values_in_order(name: str) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name, None) or name)
    array = (np.random.default_rng(0).normal(size=999) * 2).astype(dtype)[::-1]
    ordered = in_order(array)
    np.testing.assert_array_equal(ordered.astype(np.float64), np.sort(array.astype(np.float64)))


def test_too_many_are_not_put_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SORTED_AT_MOST", 10)
    with pytest.raises(ValueError, match="11 values"):
        in_order(np.zeros(11))
