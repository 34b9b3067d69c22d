"""Where cells are: zooming keeps what is under the pointer, nothing is lost, and the level fits the screen."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.gui.views.raster_viewport import LARGEST, TILE, Viewport, tick_step


def viewport(rows: int, columns: int, width: float = 600, height: float = 400, ratio: float = 1) -> Viewport:
    made = Viewport(rows, columns)
    made.resize(width, height, ratio)
    return made


def test_fitted_plane_is_seen_whole() -> None:
    view = viewport(1_000, 500)
    assert view.scale == pytest.approx(0.4)
    assert view.seen() == (range(1_000), range(500))
    assert view.level == (2, 2), "cells of 1.6 pixels"
    assert viewport(1_000, 500, ratio=2).level == (1, 1)
    assert viewport(3, 4).scale == 32.0, "small ones are not blown up beyond all measure"


def test_thin_planes_are_bands() -> None:
    row = viewport(1, 100_000)
    assert row.cell == pytest.approx((0.006, 28.0))
    assert row.level == (0, 8)
    tall = viewport(50_000, 64)
    assert tall.cell == pytest.approx((1.5, 0.008))
    tall.zoom_by(20_000, 10, 10)
    assert tall.cell == (LARGEST, LARGEST), "weights become squares as they are enlarged"


@given(
    st.tuples(st.integers(1, 300_000), st.integers(1, 300_000)),
    st.lists(st.tuples(st.floats(0.2, 8), st.floats(0, 600), st.floats(0, 400)), max_size=8),
    st.lists(st.tuples(st.floats(-900, 900), st.floats(-900, 900)), max_size=4),
    st.sampled_from([1.0, 1.25, 2.0]),
)
def test_whatever_one_does_the_plane_fills_the_room_and_tiles_cover_it(
    shape: tuple[int, int],
    zooms: list[tuple[float, float, float]],
    moves: list[tuple[float, float]],
    ratio: float,
) -> None:
    view = viewport(*shape, ratio=ratio)
    for zoom in zooms:
        view.zoom_by(*zoom)
    for move in moves:
        view.move_by(*move)
    wide, tall = view.cell
    assert 0 <= view.left <= max(0, shape[1] - view.width / wide) + 1e-6
    assert 0 <= view.top <= max(0, shape[0] - view.height / tall) + 1e-6
    for cell, step in ((tall, view.level[0]), (wide, view.level[1])):
        pixels = cell * (1 << step) * ratio
        assert pixels > 0.999
        assert step == 0 or pixels < 2.001
    rows, columns = view.seen()
    tiles = view.tiles()
    assert rows
    assert columns
    assert len(tiles) == len(set(tiles)) <= (600 * ratio / TILE + 2) * (400 * ratio / TILE + 2)
    for row, column in ((rows[0], columns[0]), (rows[-1], columns[-1])):
        assert (view.level, row // (TILE << view.level[0]), column // (TILE << view.level[1])) in tiles


@given(st.floats(1.1, 30), st.floats(0, 600), st.floats(0, 400))
def test_zooming_keeps_what_is_under_the_pointer(factor: float, x: float, y: float) -> None:
    view = viewport(3_000, 4_500)
    before = view.weight_at(x, y)
    view.zoom_by(factor, x, y)
    assert view.weight_at(x, y) == pytest.approx(before, abs=1e-6)
    view.zoom_by(1e-9, x, y)
    assert view.is_fitted


def test_nothing_happens_to_an_empty_plane() -> None:
    view = viewport(0, 5)
    view.zoom_by(2, 1, 1)
    view.move_by(3, 3)
    assert view.tiles() == []


@given(st.floats(1e-4, 200), st.floats(8, 120))
def test_ticks_have_room_and_round_steps(cell: float, room: float) -> None:
    step = tick_step(cell, room)
    assert step * cell >= room * 0.999 or step == math.ceil(room / cell)
    assert str(step).rstrip("0") in ("1", "2", "5")
