"""A drawn street, and what models of each task might say of it: made up, for tests and for looking at the views."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable

from PIL import Image, ImageDraw

from inspector.session.prediction_state import Box, ClassScore, Motion, Prediction, Raster

WIDTH, HEIGHT = 960, 640
ROAD, PERSON, CAR = 3, 15, 7

#: Two people, a car, a dog: where they stand in the first frame.
PEOPLE: tuple[Box, ...] = ((140, 270, 230, 540), (300, 250, 385, 520))
VEHICLE: Box = (520, 330, 860, 520)
DOG: Box = (400, 430, 490, 530)


def street(frame: int = 0) -> Image.Image:
    """Draw a street; the car moves to the left from frame to frame, and the people to the right."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "#bcd9ef")
    draw = ImageDraw.Draw(image)
    for x, top, color in ((0, 120, "#b8886a"), (180, 60, "#9aa7b5"), (370, 150, "#c9b28c"), (600, 90, "#8d97a8")):
        draw.rectangle((x, top, x + 200, 420), fill=color)
        for row in range(top + 20, 380, 50):
            for column in range(x + 18, x + 180, 42):
                draw.rectangle((column, row, column + 22, row + 28), fill="#eef4f8")
    draw.ellipse((800, 120, 960, 300), fill="#5f9350")
    draw.rectangle((870, 280, 890, 420), fill="#6b4a2f")
    draw.rectangle((0, 420, WIDTH, 470), fill="#c5c3bd")
    draw.rectangle((0, 470, WIDTH, HEIGHT), fill="#5d6068")
    for x in range(20, WIDTH, 120):
        draw.rectangle((x, 560, x + 60, 568), fill="#f0e9c8")
    for box, coat in zip(PEOPLE, ("#b5483f", "#3d5c8f"), strict=True):
        _person(draw, _moved(box, 8 * frame), coat)
    _car(draw, _moved(VEHICLE, -14 * frame))
    _dog(draw, DOG)
    return image


def _moved(box: Box, by: float) -> Box:
    return box[0] + by, box[1], box[2] + by, box[3]


def _person(draw: ImageDraw.ImageDraw, box: Box, coat: str) -> None:
    left, top, right, bottom = box
    middle, height = (left + right) / 2, bottom - top
    for side in (-1, 1):
        draw.line((middle + 8 * side, top + 0.55 * height, middle + 18 * side, bottom), fill="#2d3038", width=18)
        draw.line(
            (middle + 22 * side, top + 0.24 * height, middle + 34 * side, top + 0.52 * height), fill=coat, width=14
        )
    draw.rounded_rectangle((middle - 27, top + 0.2 * height, middle + 27, top + 0.6 * height), 14, fill=coat)
    draw.ellipse((middle - 21, top, middle + 21, top + 0.18 * height), fill="#e3b594")


def _car(draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    draw.rounded_rectangle((left + 70, top, right - 60, top + 110), 40, fill="#39414d")
    draw.rounded_rectangle((left, top + 60, right, bottom - 30), 26, fill="#2f6fb0")
    for x in (left + 70, right - 80):
        draw.ellipse((x - 38, bottom - 76, x + 38, bottom), fill="#22252b")
        draw.ellipse((x - 16, bottom - 54, x + 16, bottom - 22), fill="#aab2bd")


def _dog(draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    draw.rounded_rectangle((left + 10, top + 34, right - 22, bottom - 26), 16, fill="#7a5534")
    draw.ellipse((right - 40, top + 8, right, top + 52), fill="#7a5534")
    for x in (left + 18, left + 34, right - 46, right - 32):
        draw.rectangle((x, bottom - 34, x + 8, bottom), fill="#6a4729")
    draw.line((left + 14, top + 44, left, top + 14), fill="#7a5534", width=8)


def packed(image: Image.Image) -> bytes:
    """Return an image's bytes as an answer has them."""
    return zlib.compress(image.tobytes())


def segmentation() -> Prediction:
    """A road, two people and a car, on 520 by 347 cells over the image."""
    across, down = 520, 347
    classes = Image.new("L", (across, down), 0)
    draw = ImageDraw.Draw(classes)
    scale = across / WIDTH
    draw.rectangle((0, round(470 * scale), across, down), fill=ROAD)
    draw.rounded_rectangle([round(value * scale) for value in VEHICLE], 14, fill=CAR)
    for box in PEOPLE:
        draw.rounded_rectangle([round(value * scale) for value in box], 16, fill=PERSON)
    histogram, cells = classes.histogram(), across * down
    names = {0: "__background__", ROAD: "road", CAR: "car", PERSON: "person"}
    found = [ClassScore(name, index, 0.9, area=histogram[index] / cells) for index, name in names.items()]
    found.sort(key=lambda score: -(score.area or 0.0))
    raster = Raster("classes", across, down, (0, 0, WIDTH, HEIGHT), packed(classes))
    return Prediction(
        "ready", tuple(found), 212.0, "cpu", task="semantic_segmentation", width=WIDTH, height=HEIGHT, rasters=(raster,)
    )


def _objects() -> tuple[ClassScore, ...]:
    sure = (
        ClassScore("person", 1, 0.984, PEOPLE[0]),
        ClassScore("car", 3, 0.962, VEHICLE),
        ClassScore("person", 1, 0.931, PEOPLE[1]),
        ClassScore("dog", 18, 0.64, DOG),
    )
    unsure = tuple(
        ClassScore(label, index, score, (x, 90, x + 70, 200))
        for label, index, score, x in (
            ("clock", 85, 0.41, 210), ("tv", 72, 0.33, 420), ("bus", 6, 0.28, 560), ("bench", 15, 0.12, 30),
        )
    )  # fmt: skip
    return sure + unsure


def detection() -> Prediction:
    """Four objects above one half, and four below."""
    return Prediction("ready", _objects(), 640.0, "cpu", task="detection", width=WIDTH, height=HEIGHT)


def instances() -> Prediction:
    """The same objects with masks: an ellipse in each box."""
    rasters, scores = [], []
    for row, score in enumerate(_objects()):
        left, top, right, bottom = box = score.box or (0, 0, 1, 1)
        scale = min(1.0, 256 / max(right - left, bottom - top))
        size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        mask = Image.new("L", size, 0)
        ImageDraw.Draw(mask).ellipse((0, 0, size[0] - 1, size[1] - 1), fill=250)
        area = math.pi / 4 * (right - left) * (bottom - top) / (WIDTH * HEIGHT)
        rasters.append(Raster("mask", *size, box, packed(mask), row))
        scores.append(ClassScore(score.label, score.index, score.score, box, area))
    return Prediction(
        "ready", tuple(scores), 880.0, "cpu", task="instance_segmentation", width=WIDTH, height=HEIGHT,
        rasters=tuple(rasters),
    )  # fmt: skip


#: A standing person in COCO's order, as shares of its box.
_BODY = (
    (0.5, 0.1), (0.56, 0.07), (0.44, 0.07), (0.64, 0.08), (0.36, 0.08), (0.76, 0.24), (0.24, 0.24), (0.84, 0.4),
    (0.16, 0.4), (0.88, 0.52), (0.12, 0.52), (0.62, 0.56), (0.38, 0.56), (0.66, 0.78), (0.34, 0.78), (0.7, 0.97),
    (0.3, 0.97),
)  # fmt: skip


def keypoints() -> Prediction:
    """Two people with skeletons; the ankles of the second are not seen."""
    found = []
    for number, box in enumerate(PEOPLE):
        left, top, right, bottom = box
        points = tuple(
            (left + x * (right - left), top + y * (bottom - top), -2.0 if number and place > 14 else 6.0)
            for place, (x, y) in enumerate(_BODY)
        )
        found.append(ClassScore("person", 1, 0.98 - 0.05 * number, box, keypoints=points))
    return Prediction("ready", tuple(found), 910.0, "cpu", task="keypoint_detection", width=WIDTH, height=HEIGHT)


def flow() -> Prediction:
    """The car moves 14 pixels to the left, the people 8 to the right, all else stands."""
    across, down = 60, 40
    picture, motion = Image.new("RGB", (across * 8, down * 8), "white"), bytearray()
    draw = ImageDraw.Draw(picture)
    for row in range(down):
        for column in range(across):
            x, y = (column + 0.5) * WIDTH / across, (row + 0.5) * HEIGHT / down
            dx = -14.0 if _inside(VEHICLE, x, y) else 8.0 if any(_inside(box, x, y) for box in PEOPLE) else 0.0
            motion += struct.pack("<2f", dx, 0.0)
            color = {-14.0: "#00ffff", 8.0: "#ff9292", 0.0: "white"}[dx]
            draw.rectangle((column * 8, row * 8, column * 8 + 7, row * 8 + 7), fill=color)
    place = (0.0, 0.0, float(WIDTH), float(HEIGHT))
    rasters = (
        Raster("picture", *picture.size, place, packed(picture)),
        Raster("motion", across, down, place, zlib.compress(bytes(motion))),
    )
    return Prediction(
        "ready", (), 1240.0, "cpu", task="optical_flow", width=WIDTH, height=HEIGHT, rasters=rasters,
        note="Moves 2.1 pixels on average, at most 14.0.", motion=Motion(2.1, 14.0, -1.7, 0.0),
    )  # fmt: skip


def _inside(box: Box, x: float, y: float) -> bool:
    return box[0] <= x < box[2] and box[1] <= y < box[3]


def classification() -> Prediction:
    """Five classes."""
    names = (("street sign", 0.62), ("sports car", 0.21), ("cab", 0.09), ("minivan", 0.04), ("dalmatian", 0.01))
    classes = tuple(ClassScore(name, 100 + place, score) for place, (name, score) in enumerate(names))
    return Prediction("ready", classes, 38.0, "cpu", width=WIDTH, height=HEIGHT)


PREDICTIONS: dict[str, Callable[[], Prediction]] = {
    "classification": classification,
    "segmentation": segmentation,
    "detection": detection,
    "instances": instances,
    "keypoints": keypoints,
    "flow": flow,
}
