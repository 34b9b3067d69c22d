"""Percentiles equal numpy's, however they are found and whatever the tensor is made of."""

from __future__ import annotations

import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inspector.weights import percentiles as module
from inspector.weights.chunks import CHUNK
from inspector.weights.percentiles import PERCENTS, order_statistics, percentiles

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "uint64", "float16", "float32", "float64", "complex64",
          "bfloat16", "float8_e4m3fn", "float8_e5m2", "int4"]  # fmt: skip


def dtype(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def plain(array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    real = np.abs(array.astype(np.complex128)) if array.dtype.kind == "c" else array.astype(np.float64)
    finite: npt.NDArray[np.float64] = real[np.isfinite(real)]
    return finite


def expect(found: tuple[float, ...] | None, array: npt.NDArray[Any]) -> None:
    assert found is not None
    expected = np.percentile(plain(array), PERCENTS)
    np.testing.assert_allclose(np.array(found), expected, rtol=1e-13, atol=0)


@pytest.fixture(params=["partitioned", "counted"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to find a rank, each on the same small tensors."""
    if request.param == "counted":
        monkeypatch.setattr(module, "SORTED_AT_ONCE", 0)
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_over_several_pieces(name: str) -> None:
    values = np.random.default_rng(0).normal(size=CHUNK + 77) * 3
    array = (values + 2j * values if name == "complex64" else values).astype(dtype(name))
    expect(percentiles(array), array)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16"])
def test_nan_inf_and_strides(name: str) -> None:
    array = np.random.default_rng(1).normal(size=(300, 41, 5)).astype(dtype(name))
    array[::7, 3] = np.nan
    array[::11, 4, 1] = np.inf
    array[::13, 4, 2] = -np.inf
    turned = array.transpose(2, 0, 1)[::-2, ::3]
    expect(percentiles(turned), turned)


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(d) for d in ("f2", "f4", "f8", "i1", "u1", "i4", "i8", "u8", "?")]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9),
    ),
    st.lists(st.floats(0, 100), min_size=1, max_size=5),
)
def test_any_array_equals_numpy(array: npt.NDArray[Any], percents: list[float]) -> None:
    ours = percentiles(array, percents)
    finite = plain(array)
    if not finite.size:
        assert ours is None
        return
    assert ours is not None
    with np.errstate(over="ignore", invalid="ignore"):
        expected = np.percentile(finite, percents)
    largest = float(np.abs(finite).max())
    for found, numpys in zip(ours, expected, strict=True):
        assert finite.min() <= found <= finite.max()
        if np.isfinite(numpys):  # numpy's own interpolation overflows between huge numbers
            assert found == pytest.approx(numpys, rel=1e-12, abs=4e-16 * largest)


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(d) for d in ("f4", "f8", "i1", "i8", "u8", "?")]), st.integers(1, 60),
    ),
    st.data(),
)  # fmt: skip
def test_counting_finds_what_sorting_finds(array: npt.NDArray[Any], data: st.DataObject) -> None:
    finite = array[np.isfinite(array)]
    if not finite.size:
        return
    ranks = sorted(data.draw(st.sets(st.integers(0, finite.size - 1), min_size=1)))
    expected = [float(value) for value in np.sort(finite)[ranks]]
    assert module._counted(array, ranks) == expected
    assert order_statistics(array, ranks, finite.size) == expected


def test_nothing_finite_has_none() -> None:
    assert percentiles(np.zeros((0, 4))) is None
    assert percentiles(np.array([np.nan, np.inf, -np.inf])) is None


def test_a_scalar_is_its_own_percentiles() -> None:
    assert percentiles(np.array(2.5, np.float32)) == (2.5,) * len(PERCENTS)


def test_many_values_are_counted_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SORTED_AT_ONCE", 1 << 16)
    array = np.random.default_rng(0).normal(size=6_000_000).astype(np.float32)
    tracemalloc.start()
    try:
        ours = percentiles(array)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    expect(ours, array)
    assert peak < 40 << 20, f"{peak:,} bytes for 24 MB of values"
