"""Pictures of weights: the right view for each shape, true colours, bounded size, and fast enough."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inspector.weights.colours import ABOVE, BELOW, NOT_FINITE
from inspector.weights.heatmap import block_means
from inspector.weights.mosaic import mosaic_columns
from inspector.weights.picture import WeightPicture, weight_picture


def pixels(picture: WeightPicture) -> npt.NDArray[np.int32]:
    flat = np.frombuffer(picture.rgba, np.uint8)
    return flat.reshape(picture.height, picture.width, 4).astype(np.int32)


def weights(*shape: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "mode", "caption"),
    [
        ((64, 3, 7, 7), "filters as RGB", "64 filters as RGB"),
        ((1, 3, 5, 5), "filters as RGB", "1 filter as RGB"),
        ((32, 1, 3, 3), "filters", "32 filters of 3 × 3"),
        ((512, 16, 3, 5), "filters", "512 filters of 3 × 5, mean over 16 channels"),
        ((128, 64, 1, 1), "heatmap", "128 × 64"),
        ((1000, 512), "heatmap", "1000 × 512"),
        ((512, 2000), "heatmap", "512 × 2000, every pixel is 1 × 2 weights"),
        ((1, 197, 768), "heatmap", "197 × 768"),
        ((8, 4, 3), "heatmap", "8 × 4 × 3 as 8 × 12"),
        ((4, 2, 3, 3, 3), "heatmap", "4 × 2 × 3 × 3 × 3 as 4 × 54"),
        ((60000, 2, 3, 3), "heatmap", "60000 × 2 × 3 × 3 as 60000 × 18, every pixel is 59 × 1 weights"),
        ((64,), "strip", "64 values"),
        ((96, 1, 1), "strip", "96 values"),
        ((), "strip", "1 value"),
        ((3000,), "strip", "3000 values, every bar spans 3 of them"),
    ],
)
def test_each_shape_gets_its_view(shape: tuple[int, ...], mode: str, caption: str) -> None:
    picture = weight_picture(weights(*shape))
    assert (picture.mode, picture.caption) == (mode, caption)
    assert pixels(picture)[..., 3].any()


@given(
    st.tuples(
        st.sampled_from(["f2", "f4", "f8", "i1", "i8", "?", "c8", "bfloat16", "float8_e5m2"]),
        hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6),
        st.lists(st.floats(width=32), min_size=1, max_size=8),
    )
)
def test_no_tensor_breaks_it(case: tuple[str, tuple[int, ...], list[float]]) -> None:
    name, shape, values = case
    with np.errstate(all="ignore"):
        array: npt.NDArray[Any] = np.resize(np.array(values), shape).astype(getattr(ml_dtypes, name, name))
    picture = weight_picture(array, 192)
    assert 1 <= picture.width <= 192
    assert len(picture.rgba) == 4 * picture.width * picture.height
    assert np.isfinite(picture.scale)


@pytest.mark.parametrize("shape", [(700, 3, 3, 3), (3000, 9, 3, 3), (5000, 70), (3, 90000), (90000,)])
def test_it_keeps_to_the_largest_side(shape: tuple[int, ...]) -> None:
    for max_side in (200, 512):
        picture = weight_picture(weights(*shape), max_side)
        assert max(picture.width, picture.height) <= max_side


def test_filters_in_colour_stand_where_they_should() -> None:
    filters = np.zeros((64, 3, 7, 7), np.float32)
    filters[1, 0] = 2.0  # all red
    filters[17, 2, 0, 0] = -0.25  # one weight: no blue, at a scale of its own
    picture = weight_picture(filters)
    image, cell = pixels(picture), picture.cell
    assert picture.columns == 16
    assert image[0, 0].tolist() == [128, 128, 128, 255]
    assert image[2, cell + 2].tolist() == [255, 128, 128, 255]
    assert image[cell, cell].tolist() == [128, 128, 1, 255]
    assert image[0, cell - 1, 3] == 0, "the gap between two filters is clear"
    assert picture.note == "62 filters are all zero"
    assert picture.scale == 0.0


def test_signs_are_blue_and_red_around_a_neutral_zero() -> None:
    image = pixels(weight_picture(np.array([[-1.0, 0.0, 1.0], [0.0, -0.5, 0.5]], np.float32)))
    size = image.shape[1] // 3
    below, zero, above = (image[5, 5 + size * column, :3] for column in range(3))
    assert below[2] > 2 * below[0]
    assert above[0] > 2 * above[2]
    assert zero.min() > 230
    assert np.ptp(zero) < 8
    half = image[5 + image.shape[0] // 2, :, :3]
    assert np.abs(half[5 + size] - BELOW).max() <= 3
    assert np.abs(half[5 + 2 * size] - ABOVE).max() <= 3


def test_what_is_not_finite_is_amber() -> None:
    matrix = weights(4, 4)
    matrix[0, 0], matrix[3, 3] = np.nan, np.inf
    filters = weights(12, 3, 3, 3)
    filters[0, 1, 0, 0] = np.nan
    for array in (matrix, filters, weights(5) + np.array([np.nan, 0, 0, 0, 0])):
        picture = weight_picture(array)
        assert pixels(picture)[3, 3].tolist() == list(NOT_FINITE)
        assert np.isfinite(picture.scale)


def test_an_outlier_does_not_turn_the_rest_neutral() -> None:
    matrix = weights(100, 100)
    matrix[50, 50] = 1e6
    assert weight_picture(matrix).scale < 1


def test_all_zeros_say_so() -> None:
    for shape in ((8, 8), (7,), (16, 4, 3, 3)):
        picture = weight_picture(np.zeros(shape))
        assert picture.scale == 0.0
        assert "zero" in picture.note
    assert weight_picture(np.empty((0, 3, 7, 7))).caption == "empty: nothing to see"


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([0.0, 0.0, 0.0, 0.0], "every weight is zero"),
        ([0.0, np.nan, 0.0, 0.0], "every weight is zero, NaN or infinite"),
        ([np.nan, np.inf, -np.inf, np.nan], "every weight is NaN or infinite"),
        ([1e300, 0.0, np.nan, -1e300], "too large or too small for colours"),
        ([1e-320, 0.0, 0.0, 0.0], "too large or too small for colours"),
    ],
)
@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_a_picture_without_colours_says_why(values: list[float], note: str, shape: tuple[int, ...]) -> None:
    picture = weight_picture(np.array(values).reshape(shape))
    assert picture.scale == 0
    assert picture.note == note


def test_bars_go_up_in_red_and_down_in_blue() -> None:
    image = pixels(weight_picture(np.array([1.0, -1.0, 0.5, 0.0])))
    wide = image.shape[1] // 4
    lengths = [[int((image[:, wide * i + 3, :3] == c).all(-1).sum()) for c in (ABOVE, BELOW)] for i in range(4)]
    assert lengths == [[80, 0], [0, 79], [40, 0], [0, 0]]


def test_blocks_are_averaged_and_the_edges_too() -> None:
    matrix = weights(103, 59)
    means = block_means(matrix, 4, 7)
    assert means.shape == (26, 9)
    for row, column in ((0, 0), (25, 3), (12, 8), (25, 8)):
        block = matrix[4 * row : 4 * row + 4, 7 * column : 7 * column + 7]
        assert means[row, column] == pytest.approx(block.mean(), abs=1e-6)


@given(st.integers(1, 3000), st.sampled_from([0.5, 1.0, 2.0]))
def test_mosaics_are_wide_and_full_where_possible(count: int, aspect: float) -> None:
    columns = mosaic_columns(count, aspect)
    assert 1 <= columns <= count
    if count >= 11:
        assert columns >= 11


def test_strided_weights_are_drawn_like_contiguous_ones() -> None:
    array = weights(40, 30, 3, 3)
    for view in (array[::2, ::-1], array.transpose(1, 0, 2, 3)):
        assert weight_picture(view) == weight_picture(np.ascontiguousarray(view))
