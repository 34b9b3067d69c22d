"""Predictions drawn on photographs: the right colours at the right places, from plain data."""

from __future__ import annotations

import io
import math
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.pictures.test_frames import animation, needs_pyav, video

from inspector import palette
from inspector.pictures.answer import Answer, AnswerError, Box, Found, Grid
from inspector.pictures.draw import MAX_SIDE, MIN_SIDE, caption, draw, draw_file

GREY = (120, 120, 120)
WIDTH, HEIGHT = 600, 400


def _photo(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    return Image.new("RGB", (width, height), GREY)


def _grid(kind: str, values: npt.NDArray[Any], place: Box = (0, 0, WIDTH, HEIGHT), prediction: int = -1) -> Grid:
    return Grid(kind, values.shape[1], values.shape[0], place, zlib.compress(values.tobytes()), prediction)


def _pixels(image: Image.Image) -> npt.NDArray[np.int64]:
    return np.asarray(image.convert("RGB"), np.int64)


def _changed(image: Image.Image) -> npt.NDArray[np.bool_]:
    """Where the photograph does not look as before; the strip below it left out."""
    found: npt.NDArray[np.bool_] = (_pixels(image)[:HEIGHT] != GREY).any(-1)
    return found


def _near(image: Image.Image, x: int, y: int, colour: palette.Rgb, most: int = 6) -> bool:
    return max(abs(int(a) - b) for a, b in zip(_pixels(image)[y, x], colour, strict=True)) <= most


def _answer(task: str, *found: Found, grids: tuple[Grid, ...] = (), note: str = "") -> Answer:
    return Answer(task, WIDTH, HEIGHT, found, grids, note)


def test_segmented_classes_have_their_colours_and_the_background_is_left_as_it_is() -> None:
    cells = np.zeros((4, 6), np.uint8)
    cells[:2, :3], cells[2:, 3:] = 15, 7
    found = (
        Found("__background__", 0, 0.9, area=0.5),
        Found("person", 15, 0.9, area=0.25),
        Found("car", 7, 0.8, area=0.25),
    )
    made = draw(_photo(), _answer("semantic_segmentation", *found, grids=(_grid("classes", cells),)), opacity=1.0)
    assert _near(made, 150, 100, palette.class_colour(15))
    assert _near(made, 450, 300, palette.class_colour(7))
    assert _near(made, 450, 100, GREY, 0)
    strip = _pixels(made)[HEIGHT:]
    for row in found:
        assert (strip == palette.class_colour(row.index, row.label)).all(-1).any(), row.label
    half = draw(_photo(), _answer("semantic_segmentation", *found, grids=(_grid("classes", cells),)), opacity=0.5)
    middle = [round((a + b) / 2) for a, b in zip(GREY, palette.class_colour(15), strict=True)]
    assert _near(half, 150, 100, (middle[0], middle[1], middle[2]), 2)


def test_boxes_lie_where_they_are_and_those_below_the_threshold_are_left_out() -> None:
    sure, unsure = Found("car", 3, 0.9, (100, 100, 300, 250)), Found("dog", 18, 0.3, (400, 200, 500, 300))
    made = draw(_photo(), _answer("detection", sure, unsure))
    assert _near(made, 100, 180, palette.class_colour(3), 30)
    assert _near(made, 300, 180, palette.class_colour(3), 30)
    assert _near(made, 200, 250, palette.class_colour(3), 30)
    assert _near(made, 200, 175, GREY, 0)
    assert not _changed(made)[190:310, 390:510].any()
    both = draw(_photo(), _answer("detection", sure, unsure), threshold=0.3)
    assert _changed(both)[190:310, 390:510].any()


def test_chips_stay_in_the_picture_and_off_each_other() -> None:
    corners = [(-50, -50, 40, 40), (560, -20, 700, 60), (-30, 370, 60, 450), (590, 390, 640, 440)]
    found = [Found("a class with a long name", 1, 0.9, corner) for corner in corners]
    made = _pixels(draw(_photo(), _answer("detection", *found)))[:HEIGHT]
    # a chip is the only thing so large in just this colour
    chip = (np.abs(made - palette.class_colour(1)) <= 2).all(-1)
    for rows, columns in ((slice(0, 100), slice(0, 300)), (slice(0, 100), slice(300, 600)),
                          (slice(300, 400), slice(0, 300)), (slice(300, 400), slice(300, 600))):  # fmt: skip
        assert chip[rows, columns].sum() > 1_000
    twice = [Found("car", 1, 0.9, (100, 200, 300, 300)), Found("car", 1, 0.8, (102, 202, 302, 302))]
    one = _pixels(draw(_photo(), _answer("detection", twice[0])))[:HEIGHT]
    two = _pixels(draw(_photo(), _answer("detection", *twice)))[:HEIGHT]
    areas = [(np.abs(pixels - palette.class_colour(1)) <= 2).all(-1).sum() for pixels in (one, two)]
    assert areas[1] > 1.7 * areas[0]


def test_masks_cover_their_objects_each_in_its_own_colour() -> None:
    full = np.full((8, 8), 255, np.uint8)
    half = full.copy()
    half[:, 4:] = 0
    found = (Found("person", 1, 0.9, (50, 50, 150, 350)), Found("person", 1, 0.8, (300, 50, 500, 350)))
    grids = (_grid("mask", full, (50, 50, 150, 350), 0), _grid("mask", half, (300, 50, 500, 350), 1))
    made = draw(_photo(), _answer("detection", *found, grids=grids), opacity=1.0)
    assert _near(made, 100, 200, palette.CLASSES[0])
    assert _near(made, 350, 200, palette.CLASSES[1])
    assert _near(made, 460, 200, GREY, 0)
    less = draw(_photo(), _answer("detection", *found, grids=grids), opacity=1.0, threshold=0.85)
    assert _near(less, 350, 200, GREY, 0)


def test_limbs_have_the_colours_of_their_sides_and_unseen_points_none() -> None:
    points = [(300.0, 100.0, -1.0)] * 17
    points[5], points[7] = (400.0, 100.0, 3.0), (400.0, 300.0, 3.0)  # left shoulder and elbow
    points[6], points[8] = (200.0, 100.0, 3.0), (200.0, 300.0, 3.0)
    points[9] = (550.0, 390.0, -0.1)  # a wrist that is not seen
    person = Found("person", 1, 0.9, (150, 50, 450, 350), keypoints=tuple(points))
    made = draw(_photo(), _answer("detection", person))
    assert _near(made, 400, 200, palette.LEFT, 25)
    assert _near(made, 200, 200, palette.RIGHT, 25)
    assert not _changed(made)[360:, 460:].any()


def test_arrows_point_where_it_moves() -> None:
    motion = np.zeros((40, 60, 2), "<f4")
    motion[:, :30, 0] = 20  # the left half moves to the right
    made = draw(_photo(), _answer("optical_flow", grids=(_grid("motion", motion),), note="Moves."))
    light = _pixels(made)[:HEIGHT].min(-1) > 180
    assert int(light[:, :290].sum()) > 5 * int(light[:, 310:].sum()) > 0
    # an arrow's head, at the right, is higher than its tail
    heights = light[: HEIGHT // 15, : WIDTH // 22 + 2].sum(0)
    assert int(heights[len(heights) // 2 :].max()) > int(heights[: len(heights) // 3].max()) > 0


def test_flow_colours_are_blended_over_all_of_it() -> None:
    colours = np.zeros((2, 2, 3), np.uint8)
    colours[..., 0] = 255
    made = draw(_photo(), _answer("optical_flow", grids=(_grid("picture", colours),)), opacity=0.5)
    assert _near(made, 300, 200, (188, 60, 60), 2)


def test_a_motion_that_is_no_number_is_none() -> None:
    motion = np.full((4, 6, 2), math.nan, "<f4")
    motion[0, 0] = (math.inf, 5)
    assert not _changed(draw(_photo(), _answer("optical_flow", grids=(_grid("motion", motion * np.float32(1)),))))[
        200:
    ].all()


def test_classes_lie_on_their_place_and_the_background_is_left_clear_at_any_index() -> None:
    cells = np.full((4, 6), 3, np.uint8)
    cells[:, 3:] = 7
    car, left = Found("car", 3, 0.9, area=0.5), Found("background", 7, 0.9, area=0.5)
    grid = _grid("classes", cells, (100, 100, 400, 300))
    made = draw(_photo(), _answer("semantic_segmentation", car, left, grids=(grid,)), opacity=1.0)
    assert _near(made, 200, 200, palette.class_colour(3))
    for x, y in ((50, 50), (50, 200), (200, 350), (350, 200)):
        assert _near(made, x, y, GREY, 0)


def test_what_is_drawn_is_scaled_to_a_smaller_copy() -> None:
    answer = _answer("detection", Found("car", 3, 0.9, (300, 200, 600, 400)))
    made = draw(_photo(WIDTH * 2, HEIGHT * 2), answer)
    assert _near(made, 600, 600, palette.class_colour(3), 30)
    tiny = draw(_photo(60, 40), answer)
    assert tiny.width == MIN_SIDE
    assert _near(tiny, MIN_SIDE // 2, 240, palette.class_colour(3), 30)


def test_captions_tell_the_class_and_the_number_of_objects() -> None:
    assert caption(_answer("classification", Found("cat", 3, 0.9996)), 0.5) == "cat  > 99.9 %"
    clip = caption(_answer("video_classification", Found("surfing", 3, 0.5)), 0.5)
    assert clip == "surfing  50.0 % (the clip's first frame)"
    objects = [Found("car", 3, 0.9, (0, 0, 1, 1)), Found("car", 3, 0.1, (0, 0, 1, 1))]
    assert caption(_answer("detection", *objects), 0.5) == "1 object of at least 50 %"
    assert caption(_answer("detection", *objects), 0.05) == "2 objects of at least 5 %"
    assert caption(_answer("detection", *objects), 0.95) == "No objects of at least 95 %"


def test_a_file_becomes_a_png_of_bounded_size() -> None:
    file = io.BytesIO()
    Image.new("RGB", (5_000, 100), GREY).save(file, "PNG")
    answer = Answer("detection", 5_000, 100, (Found("car", 3, 0.9, (2_500, 0, 5_000, 100)),))
    with Image.open(io.BytesIO(draw_file(file.getvalue(), answer, name="a.png"))) as made:
        assert (made.format, made.width) == ("PNG", MAX_SIDE)


_BEYOND: list[Box] = [
    (0, 0, 1e30, 1e30),
    (-1e9, -1e9, -1e8, -1e8),
    (5, 5, 5, 5),
    (9e9, 9e9, 9e9, 9e9),
    (500, 300, 20, 10),
]


@pytest.mark.parametrize("place", _BEYOND)
def test_places_beyond_the_picture_harm_nothing(place: Box) -> None:
    mask = _grid("mask", np.full((4, 4), 255, np.uint8), place, 0)
    classes = _grid("classes", np.full((4, 4), 3, np.uint8), place)
    found = Found("a" * 500, 1_000_000, 0.9, place, keypoints=((1e30, -1e30, 1.0),) * 17)
    made = draw(_photo(), _answer("detection", found, grids=(mask, classes)))
    assert made.width == WIDTH


@pytest.mark.parametrize("data", [b"", b"no zlib", zlib.compress(b"x"), zlib.compress(bytes(1_000_000))])
def test_damaged_grids_are_an_error_in_words(data: bytes) -> None:
    grid = Grid("classes", 6, 4, (0, 0, WIDTH, HEIGHT), data)
    with pytest.raises(AnswerError, match="picture of the prediction"):
        draw(_photo(), _answer("semantic_segmentation", grids=(grid,)))


def _message() -> dict[str, Any]:
    raster = {"kind": "mask", "width": 2, "height": 2, "place": [0, 0, 2, 2], "prediction": 0}
    row = {"label": "car", "index": 3, "score": 0.5, "box": [0, 0, 2, 2], "area": 0.1, "keypoints": None}
    return {"task": "detection", "width": 4, "height": 4, "predictions": [row], "rasters": [raster]}


def test_a_message_is_read() -> None:
    answer = Answer.from_message(_message(), [zlib.compress(bytes(4))])
    assert answer.found == (Found("car", 3, 0.5, (0, 0, 2, 2), 0.1),)
    assert answer.grids[0].cells().shape == (2, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"width": "x"},
        {"width": math.inf},
        {"task": "detection", "predictions": [{}]},
        {"predictions": [{"label": "x", "index": 1, "score": 1, "box": [0, 0, math.nan, 1]}]},
        {"predictions": [{"label": "x", "index": 1, "score": 1, "box": [0, 0, 1]}]},
        {"rasters": []},
        {"rasters": [{"kind": "odd", "width": 2, "height": 2, "place": [0, 0, 2, 2], "prediction": 0}]},
        {"rasters": [{"kind": "mask", "width": 10**9, "height": 2, "place": [0, 0, 2, 2], "prediction": 0}]},
    ],
)
def test_a_message_that_does_not_hold_together_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AnswerError):
        Answer.from_message(_message() | change, [b""])


@needs_pyav
def test_a_video_is_drawn_on_by_its_first_frame() -> None:
    answer = Answer("classification", 64, 48, (Found("dog", 1, 0.9),))
    with Image.open(io.BytesIO(draw_file(video([200, 20]), answer, name="a"))) as made:
        assert made.convert("RGB").getpixel((made.width // 2, 5)) == pytest.approx((200, 200, 200), abs=8)


def test_an_animation_is_drawn_on_by_its_first_frame() -> None:
    answer = Answer("classification", 8, 6, (Found("dog", 1, 0.9),))
    with Image.open(io.BytesIO(draw_file(animation("WEBP", [200, 20]), answer, name="a"))) as made:
        assert made.convert("RGB").getpixel((made.width // 2, 3)) == (200, 200, 200)
