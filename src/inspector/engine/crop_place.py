"""Which part of an image a model sees: the shorter side is resized, then the middle is cut out."""

from __future__ import annotations

from inspector.engine.answers import Box
from inspector.engine.preprocessing import Preprocessing


def crop_place(preprocessing: Preprocessing, width: int, height: int) -> Box:
    """Return the box of an image that becomes the model's input.

    Parameters
    ----------
    width, height
        Of the upright image, in pixels.

    Returns
    -------
    tuple of float
        Left, top, right, bottom, in pixels of the image. Beyond its edges where the crop is larger than the resized
        image: torchvision then pads with zeros.
    """
    short, crop = preprocessing.resize_size, preprocessing.crop_size
    # torchvision cuts the longer side's fraction off (torchvision.transforms.functional.resize)
    if width <= height:
        resized_width, resized_height = short, int(short * height / width)
    else:
        resized_width, resized_height = int(short * width / height), short
    left, top = _offset(resized_width, crop), _offset(resized_height, crop)
    across, down = width / resized_width, height / resized_height
    return left * across, top * down, (left + crop) * across, (top + crop) * down


def _offset(side: int, crop: int) -> int:
    """Return where torchvision's centre crop begins (torchvision.transforms.functional.center_crop)."""
    return -((crop - side) // 2) if crop > side else round((side - crop) / 2.0)
