"""Lines and words on a photograph: boxes with chips, skeletons, arrows; drawn at twice the size, so they are smooth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from PIL import Image, ImageDraw, ImageFont

from inspector.palette import KEYPOINTS, LIMBS, MIDDLE, PAPER, Rgb, limb_colour, text_on
from inspector.pictures.answer import Box, Floats
from inspector.pictures.text import shortened

#: Pixels on a side above which lines are drawn at the photograph's own size.
_SMOOTHED_TO = 1_400
_WHITE: Rgb = (255, 255, 255)


class Marks:
    """A clear sheet over a photograph; what is drawn on it is laid on the photograph at the context's end.

    All coordinates are the photograph's pixels.
    """

    def __init__(self, photo: Image.Image) -> None:
        self._photo = photo
        self._zoom = 2 if max(photo.size) <= _SMOOTHED_TO else 1
        self._sheet = Image.new("RGBA", (photo.width * self._zoom, photo.height * self._zoom))
        self._draw = ImageDraw.Draw(self._sheet)
        self._line = max(2.0, max(photo.size) / 320)
        self._letters = max(11, min(32, round(max(photo.size) / 42)))
        self._font = ImageFont.load_default(self._letters * self._zoom)
        self._chips: list[Box] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            sheet = self._sheet.resize(self._photo.size, Image.Resampling.BOX) if self._zoom > 1 else self._sheet
            self._photo.paste(sheet, (0, 0), sheet)

    def box(self, box: Box, colour: Rgb) -> None:
        """Draw a box, kept within the picture so that all its sides are seen; dark beside the line."""
        inset = self._line / 2
        left, right = sorted(min(max(x, inset), self._photo.width - inset) for x in (box[0], box[2]))
        top, bottom = sorted(min(max(y, inset), self._photo.height - inset) for y in (box[1], box[3]))
        for grown, ink in ((1.5, (*PAPER, 150)), (0.0, colour)):
            half = (self._line + grown) / 2
            corners = (left - half, top - half, right + half, bottom + half)
            self._draw.rectangle(self._scaled(corners), outline=ink, width=self._width(self._line + grown))

    def chip(self, box: Box, text: str, colour: Rgb) -> None:
        """Write a word at a box: above it, else within or below it; never beyond the picture, nor over another chip."""
        pad = self._letters * 0.35
        text = shortened(text, self._font, (self._photo.width - 2 * pad) * self._zoom)
        width = self._font.getlength(text) / self._zoom + 2 * pad
        height = self._letters + 2 * pad
        left = min(max(box[0] - self._line / 2, 0.0), max(0.0, self._photo.width - width))
        tops = (box[1] - height, box[1], box[3], box[3] - height)
        most = max(0.0, self._photo.height - height)
        clamped = [min(max(top, 0.0), most) for top in tops]
        places = [(left, top, left + width, top + height) for top in clamped]
        place = next((place for place in places if not any(_overlap(place, chip) for chip in self._chips)), places[0])
        self._chips.append(place)
        self._draw.rounded_rectangle(self._scaled(place), self._letters * self._zoom * 0.2, colour)
        middle = ((place[0] + pad) * self._zoom, (place[1] + place[3]) / 2 * self._zoom)
        self._draw.text(middle, text, text_on(colour), self._font, anchor="lm")

    def skeleton(self, points: Sequence[tuple[float, float, float]]) -> None:
        """Draw a person's limbs and points, those with a confidence above 0 that lie near the picture."""
        seen = {place: (x, y) for place, (x, y, score) in enumerate(points) if score > 0 and self._near(x, y)}
        if len(points) == len(KEYPOINTS):  # else nobody knows what joins them
            limbs = [limb for limb in LIMBS if limb[0] in seen and limb[1] in seen]
            for a, b in limbs:
                self._stroke([seen[a], seen[b]], limb_colour(a, b), 1.6 * self._line)
        for x, y in seen.values():
            self._dot(x, y, 1.5 * self._line, (*PAPER, 200))
            self._dot(x, y, 1.1 * self._line, MIDDLE)

    def arrows(self, motion: Floats, spacing: float) -> None:
        """Draw an arrow in each cell of a motion: its length beside the others' is how far that place moves.

        Parameters
        ----------
        motion
            Of shape ``(rows, columns, 2)``: pixels of the photograph to the right and down.
        spacing
            Between two arrows, in pixels; the longest arrow is a little shorter.
        """
        rows, columns = motion.shape[:2]
        lengths = (motion**2).sum(-1) ** 0.5
        longest = float(lengths.max(initial=0.0))
        if longest <= 0:
            return
        factor = 0.9 * spacing / longest
        for row in range(rows):
            for column in range(columns):
                dx, dy = (float(value) * factor for value in motion[row, column])
                x, y = (column + 0.5) * self._photo.width / columns, (row + 0.5) * self._photo.height / rows
                self._arrow((x - dx / 2, y - dy / 2), (x + dx / 2, y + dy / 2), spacing)

    def _arrow(self, tail: tuple[float, float], tip: tuple[float, float], spacing: float) -> None:
        length = math.dist(tail, tip)
        if length < 0.08 * spacing:
            self._dot(*tip, self._line / 3, (*_WHITE, 200))  # hardly moves
            return
        side = min(0.28 * spacing, 0.5 * length)
        angle = math.atan2(tip[1] - tail[1], tip[0] - tail[0])
        wings = [
            (tip[0] - side * math.cos(angle + turn), tip[1] - side * math.sin(angle + turn)) for turn in (0.5, -0.5)
        ]
        width = max(1.6, 0.7 * self._line)
        for ink, thick in (((*PAPER, 190), width + 2), ((*_WHITE, 255), width)):
            self._draw.line(self._points([tail, tip]), ink, self._width(thick))
            self._draw.line(self._points([wings[0], tip, wings[1]]), ink, self._width(thick), joint="curve")

    def _stroke(self, points: Sequence[tuple[float, float]], colour: Rgb, width: float) -> None:
        self._draw.line(self._points(points), (*PAPER, 150), self._width(width + 2))
        self._draw.line(self._points(points), colour, self._width(width))

    def _dot(self, x: float, y: float, radius: float, ink: Rgb | tuple[int, int, int, int]) -> None:
        self._draw.ellipse(self._scaled((x - radius, y - radius, x + radius, y + radius)), ink)

    def _near(self, x: float, y: float) -> bool:
        """Tell whether a point is on the picture, or beside it by no more than its size."""
        return -self._photo.width <= x <= 2 * self._photo.width and -self._photo.height <= y <= 2 * self._photo.height

    def _scaled(self, box: Box) -> Box:
        left, top, right, bottom = (value * self._zoom for value in box)
        return left, top, right, bottom

    def _points(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x * self._zoom, y * self._zoom) for x, y in points]

    def _width(self, width: float) -> int:
        return max(1, round(width * self._zoom))


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
