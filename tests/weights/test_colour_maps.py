"""Colour maps: told apart without colour vision, with amber for what is not finite, and values in their places."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.weights.colour_maps import COLOUR_MAPS, Scale, colour_table, table_rows
from inspector.weights.colours import NOT_FINITE


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_tables_are_steady(name: str) -> None:
    table = colour_table(name)
    assert table.shape == (256, 4)
    assert tuple(table[0]) == NOT_FINITE
    assert (table[:, 3] == 255).all()
    luminance = table[1:, :3] @ np.array([0.2126, 0.7152, 0.0722])
    arms = (luminance[:128], luminance[127:][::-1]) if name == "diverging" else (luminance,)
    for arm in arms:
        assert (np.diff(arm) > -0.9).all()
        assert arm[-1] - arm[0] > 100, "it survives in grey"


def test_ends_and_middles_are_the_published_ones() -> None:
    assert colour_table("viridis")[[1, 255], :3].tolist() == [[68, 1, 84], [253, 231, 37]]
    assert np.abs(colour_table("viridis")[128, :3].astype(int) - (33, 145, 140)).max() <= 2
    assert np.abs(colour_table("cividis")[128, :3].astype(int) - (124, 123, 120)).max() <= 2


def test_there_is_no_other_map() -> None:
    with pytest.raises(ValueError, match="no colour map jet"):
        colour_table("jet")


def test_values_have_their_places() -> None:
    values = np.array([-9, -1, 0, 0.5, 1, 9, np.nan, np.inf, -np.inf], np.float32)
    assert table_rows(values, Scale(-1, 1)).tolist() == [1, 1, 128, 192, 255, 255, 0, 0, 0]
    assert table_rows(values, Scale(0, 1)).tolist() == [1, 1, 1, 128, 255, 255, 0, 0, 0]
    assert table_rows(values, Scale(0, 0)).tolist() == [128, 128, 128, 128, 128, 128, 0, 0, 0]
    lifted = table_rows(np.array([0.0, 0.001, -0.001, 1.0, -1.0]), Scale(-1, 1, log=True)).tolist()
    assert lifted == [128, 128 + round(127 * math.log(1.999) / math.log(1000)), 128 - 13, 255, 1]


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
def test_any_values_and_ranges_keep_their_order(values: list[float], one: float, other: float, log: bool) -> None:
    array = np.array(sorted(values, key=lambda value: (math.isnan(value), value)))
    rows = table_rows(array, Scale(min(one, other), max(one, other), log)).astype(int)
    finite = np.isfinite(array)
    assert (rows[~finite] == 0).all()
    assert (rows[finite] >= 1).all()
    assert (np.diff(rows[finite]) >= 0).all()
