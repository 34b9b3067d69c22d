"""A small mask within a box -> a raster over that box, as torchvision would paste it into the image."""

from __future__ import annotations

import math
import zlib

import torch
from torch.nn import functional

from inspector.engine.answers import Box, Raster

#: Cells on a side: sharper than the model's 28 × 28 by far.
_MOST_CELLS = 256
_THRESHOLD = 0.5


def mask_raster(mask: torch.Tensor, box: Box, size: tuple[int, int], prediction: int) -> tuple[Raster, float]:
    """Return an object's mask as a raster, and the share of the image that it covers.

    The numbers are those of torchvision's ``paste_masks_in_image`` (``models/detection/roi_heads.py``): the mask gets
    a border of zeros, the box grows with it and is cut to whole pixels, and each pixel takes the bilinear value
    between the mask's cells. Boxes of more than 256 pixels a side are sampled at 256 places.

    Parameters
    ----------
    mask
        Probabilities of shape (28, 28), on the CPU.
    box
        In pixels of the image.
    size
        The image's width and height.
    prediction
        Which one it belongs to.
    """
    padded = functional.pad(mask.float()[None, None], (1, 1, 1, 1))
    grown = _grown(box, padded.shape[-1] / mask.shape[-1])
    left, right = _whole(box[0], box[2], size[0])
    top, bottom = _whole(box[1], box[3], size[1])
    width, height = min(right - left, _MOST_CELLS), min(bottom - top, _MOST_CELLS)
    x = _within(left, right, width, grown[0], grown[2])
    y = _within(top, bottom, height, grown[1], grown[3])
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)
    values = functional.grid_sample(padded, grid[None], padding_mode="border", align_corners=False)[0, 0]
    outside = (x.abs() > 1).expand(height, width) | (y.abs() > 1)[:, None]
    values = values.masked_fill(outside, 0.0)
    share = float((values > _THRESHOLD).double().mean()) * (right - left) * (bottom - top) / (size[0] * size[1])
    cells = (values.clamp(0, 1) * 255).round().to(torch.uint8)
    place = (float(left), float(top), float(right), float(bottom))
    return Raster("mask", width, height, place, zlib.compress(cells.numpy().tobytes(), 1), prediction), share


def _grown(box: Box, scale: float) -> tuple[int, int, int, int]:
    """Grow a box about its middle, then cut its corners to whole numbers, towards zero as torch does."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half_width, half_height = (box[2] - box[0]) / 2 * scale, (box[3] - box[1]) / 2 * scale
    return int(x - half_width), int(y - half_height), int(x + half_width), int(y + half_height)


def _whole(start: float, end: float, most: int) -> tuple[int, int]:
    """Return the pixels that a side of a box touches; at least one."""
    first = min(max(0, math.floor(start)), most - 1)
    return first, max(first + 1, min(most, math.ceil(end)))


def _within(start: int, end: int, cells: int, first: int, last: int) -> torch.Tensor:
    """Return the middles of cells in coordinates of the mask, -1 to 1 from its first edge to its last."""
    step = (end - start) / cells
    middles = start + (torch.arange(cells, dtype=torch.float64) + 0.5) * step
    pixels = max(1, last - first + 1)
    return ((middles - first) / pixels * 2 - 1).float()
