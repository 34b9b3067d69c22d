"""A prediction drawn on its photograph, as the task is best looked at; numpy and pillow, from plain data."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from inspector.palette import CLASSES, Rgb, class_colour, is_background
from inspector.pictures.answer import Answer, Box, Floats, Found
from inspector.pictures.decode import PILLOW_ERRORS, damaged
from inspector.pictures.frames import decode_first
from inspector.pictures.marks import Marks
from inspector.pictures.overlays import lay_classes, lay_mask, lay_picture
from inspector.pictures.text import with_caption, with_legend

MAX_SIDE = 2_048
"""Copies are for looking at: a PNG of a 50-megapixel photograph takes tens of seconds."""

MIN_SIDE = 480
"""Photographs that are smaller are enlarged to this, or the words on them would cover them."""

_MOST_OBJECTS = 300
_OBJECTS = ("detection", "instance_segmentation", "keypoint_detection")
_MOST_LEGEND = 24
_ARROWS = 22  # along the longer side
_LARGEST_ENLARGEMENT = 16


def draw_file(data: bytes, answer: Answer, *, name: str, threshold: float = 0.5, opacity: float = 0.55) -> bytes:
    """Return a PNG of an image file, or of a clip's first frame, with its prediction drawn on it.

    Parameters
    ----------
    data
        The whole file.
    name
        What to call it in an error.
    threshold, opacity
        As `draw`.

    Raises
    ------
    ImageError
        As :func:`inspector.pictures.frames.decode_first`.
    AnswerError
        A grid of the answer is damaged.
    """
    photo = decode_first(data, name=name)
    try:
        photo.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        draw(photo, answer, threshold=threshold, opacity=opacity).save(file, "PNG", compress_level=4)
    except PILLOW_ERRORS as error:
        raise damaged(name) from error
    return file.getvalue()


def draw(photo: Image.Image, answer: Answer, *, threshold: float = 0.5, opacity: float = 0.55) -> Image.Image:
    """Return a picture of what a model says of a photograph.

    Segmented classes are coloured, with a legend of their areas below; the background is left as it is. Objects get a
    box and a chip in their class's colour; with masks, each object has a colour of its own, so that neighbours of one
    class are told apart; persons get a skeleton, their left side sky, their right side orange. A flow gets its colours
    and arrows, whose lengths compare with each other. Classes of the whole picture are a caption.

    Parameters
    ----------
    photo
        RGB and upright, of any size: what is drawn is scaled to it. It is not changed.
    threshold
        Objects with a smaller score are left out.
    opacity
        Of the colours, from 0 to 1.

    Raises
    ------
    AnswerError
        A grid is damaged.
    """
    if not answer.grids and all(found.box is None for found in answer.found):
        return with_caption(photo, caption(answer, threshold))
    picture = _enlarged(photo)
    drawing = _Drawing(picture, answer, opacity)
    drawing.lay_grids(threshold)
    if any(grid.kind == "classes" for grid in answer.grids):
        return with_legend(picture, _legend(answer))
    drawing.mark_objects(threshold)
    return with_caption(picture, caption(answer, threshold))


def caption(answer: Answer, threshold: float) -> str:
    """Return what is written below a picture, as one line."""
    best = answer.found[0] if answer.found else None
    if best is not None and best.box is None:
        frame = " (the clip's first frame)" if answer.task == "video_classification" else ""
        return f"{best.label}  {_percent(best.score)}{frame}"
    if best is None and (answer.note or answer.task not in _OBJECTS):
        return answer.note or "Nothing found."
    shown = [found for found in answer.found if found.score >= threshold]
    return f"{len(shown) or 'No'} {'object' if len(shown) == 1 else 'objects'} of at least {threshold:.0%}".replace(
        "%", " %"
    )


class _Drawing:
    """What lies where on one picture."""

    def __init__(self, picture: Image.Image, answer: Answer, opacity: float) -> None:
        self._picture, self._answer, self._opacity = picture, answer, opacity
        self._scale = (picture.width / answer.width, picture.height / answer.height)
        self._has_masks = any(grid.kind == "mask" for grid in answer.grids)

    def lay_grids(self, threshold: float) -> None:
        """Lay all that covers the picture: the surest object's mask last, on top."""
        answer = self._answer
        labels = {found.index: found.label for found in answer.found}
        clear = {index for index, label in labels.items() if is_background(label)}
        for grid in reversed(answer.grids):
            if grid.kind == "classes":
                lay_classes(self._picture, grid, self._scaled(grid.place), labels, clear, self._opacity)
            elif grid.kind == "picture":
                lay_picture(self._picture, grid, self._opacity)
            elif grid.kind == "mask" and 0 <= grid.prediction < min(len(answer.found), _MOST_OBJECTS):
                found = answer.found[grid.prediction]
                if found.score >= threshold:
                    colour = self._colour(grid.prediction, found)
                    lay_mask(self._picture, grid, self._scaled(grid.place), colour, self._opacity)
        motion = next((grid.motion() for grid in answer.grids if grid.kind == "motion"), None)
        if motion is not None:
            self._lay_arrows(motion)

    def _lay_arrows(self, motion: Floats) -> None:
        picture = self._picture
        spacing = max(picture.size) / _ARROWS
        columns, rows = (max(1, round(side / spacing)) for side in picture.size)
        across = np.minimum((np.arange(columns) + 0.5) * motion.shape[1] / columns, motion.shape[1] - 1).astype(int)
        down = np.minimum((np.arange(rows) + 0.5) * motion.shape[0] / rows, motion.shape[0] - 1).astype(int)
        with Marks(picture) as marks:
            marks.arrows(motion[np.ix_(down, across)] * np.array(self._scale, np.float32), spacing)

    def mark_objects(self, threshold: float) -> None:
        """Draw boxes, skeletons and chips: the surest on top, its chip where it belongs."""
        shown = [
            (place, found)
            for place, found in enumerate(self._answer.found[:_MOST_OBJECTS])
            if found.box is not None and found.score >= threshold
        ]
        with Marks(self._picture) as marks:
            for place, found in reversed(shown):
                assert found.box is not None
                marks.box(self._scaled(found.box), self._colour(place, found))
            for _, found in reversed(shown):
                marks.skeleton([(x * self._scale[0], y * self._scale[1], s) for x, y, s in found.keypoints])
            for place, found in shown:
                assert found.box is not None
                text = f"{found.label} {_whole_percent(found.score)}"
                marks.chip(self._scaled(found.box), text, self._colour(place, found))

    def _colour(self, place: int, found: Found) -> Rgb:
        if self._has_masks:  # masks lie on each other
            return CLASSES[place % len(CLASSES)]
        return class_colour(found.index)

    def _scaled(self, box: Box) -> Box:
        across, down = self._scale
        return box[0] * across, box[1] * down, box[2] * across, box[3] * down


def _enlarged(photo: Image.Image) -> Image.Image:
    """Return a copy, large enough to write on."""
    factor = min(MIN_SIDE / max(photo.size), _LARGEST_ENLARGEMENT)
    if factor <= 1:
        return photo.copy()
    size = (max(1, round(photo.width * factor)), max(1, round(photo.height * factor)))
    return photo.resize(size, Image.Resampling.BICUBIC)


def _legend(answer: Answer) -> list[tuple[Rgb, str, str]]:
    rows = [
        (class_colour(found.index, found.label), found.label.strip("_"), _percent(found.area or 0.0))
        for found in answer.found[:_MOST_LEGEND]
    ]
    return rows or [(class_colour(0, "background"), "nothing", "")]


def _whole_percent(score: float) -> str:
    """Return a score in few letters; never rounded up to all."""
    return f"{min(math.floor(100 * score + 0.5), 99 if score < 1 else 100)} %" if math.isfinite(score) else "–"


def _percent(share: float) -> str:
    """Return a share in words, never rounded up to all nor down to none."""
    if not math.isfinite(share):
        return "–"
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{share:.1%}".replace("%", " %")
