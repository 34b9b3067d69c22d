"""Colours laid over a photograph: the classes of a segmentation, objects' masks, a flow's colours."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from inspector.palette import Rgb, class_colour
from inspector.pictures.answer import Box, Grid


def lay_classes(
    photo: Image.Image, grid: Grid, place: Box, labels: dict[int, str], clear: Collection[int], opacity: float
) -> None:
    """Colour each class of a ``classes`` grid.

    Parameters
    ----------
    photo
        Changed in place.
    place
        Where the grid lies on the photograph, in its pixels.
    labels
        Of the classes by index, for what has a colour of its own.
    clear
        Indices of classes that are left as they are.
    opacity
        From 0 to 1.
    """
    cells = grid.cells()
    corner, size = _whole(place)
    if not _meets(corner, size, photo):
        return
    colours = np.array([class_colour(index, labels.get(index, "")) for index in range(256)], np.uint8)
    shares = np.full(256, round(255 * opacity), np.uint8)
    shares[[index for index in clear if 0 <= index < 256]] = 0
    # by index, not by colour: a colour between two classes would be a third one's
    indices = np.asarray(Image.fromarray(cells).resize(size, Image.Resampling.NEAREST))
    photo.paste(Image.fromarray(colours[indices]), corner, Image.fromarray(shares[indices]))


def lay_mask(photo: Image.Image, grid: Grid, place: Box, colour: Rgb, opacity: float) -> None:
    """Colour an object's ``mask`` where its probability is above one half, and draw its edge.

    Parameters
    ----------
    place
        Where the grid lies on the photograph, in its pixels.
    """
    corner, size = _whole(place)
    if not _meets(corner, size, photo):
        return
    likely = Image.fromarray(grid.cells()).resize(size, Image.Resampling.BILINEAR)
    inside = likely.point([0] * 128 + [255] * 128)
    thickness = 2 * max(1, max(photo.size) // 700) + 1
    edge = ImageChops.subtract(inside, inside.filter(ImageFilter.MinFilter(thickness)))
    share = inside.point([round(value * opacity) for value in range(256)])
    photo.paste(colour, corner, ImageChops.lighter(share, edge))


def lay_picture(photo: Image.Image, grid: Grid, opacity: float) -> None:
    """Blend a ``picture`` over the whole photograph: the colours of a flow."""
    colours = Image.fromarray(grid.cells()).resize(photo.size, Image.Resampling.BILINEAR)
    photo.paste(Image.blend(photo, colours, opacity))


def _whole(place: Box) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the corner and the size of a place in whole pixels, at least one."""
    left, top = int(np.floor(place[0])), int(np.floor(place[1]))
    return (left, top), (max(1, round(place[2]) - left), max(1, round(place[3]) - top))


def _meets(corner: tuple[int, int], size: tuple[int, int], photo: Image.Image) -> bool:
    """Tell whether a place lies on the photograph at all, and is not many times as large."""
    (left, top), (width, height) = corner, size
    meets = left < photo.width and top < photo.height and left + width > 0 and top + height > 0
    return meets and width <= 4 * photo.width and height <= 4 * photo.height
