"""What a model says of an image, a clip or a pair of images, as plain data: the same shape for every task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels of the upright image."""

Motion = tuple[float, float, float, float]
"""Of all pixels, in pixels: the mean and the largest length, the mean to the right, the mean down."""

RasterKind = Literal["classes", "mask", "picture", "motion"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One class with its score, and where it is, where the task tells that.

    Attributes
    ----------
    label, index
        Of the class.
    score
        Its probability, 0 to 1: softmax for classification, the detector's own for detection, the mean over its
        pixels for segmentation.
    box
        Of a detected object.
    area
        Share of the image that it covers, 0 to 1: of a segmented class, or of an object's mask.
    keypoints
        Of a person: x and y in pixels of the image, and the model's confidence (a logit; above 0 it is likely seen).
    """

    label: str
    index: int
    score: float
    box: Box | None = None
    area: float | None = None
    keypoints: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Raster:
    """Values on a grid over a place of the image, for a window that draws them.

    Attributes
    ----------
    kind
        ``classes``: one byte per cell, the index of the class. ``mask``: one byte, the probability of the object times
        255. ``picture``: three bytes, RGB. ``motion``: two little-endian float32, how far it moves to the right and
        down, in pixels of the image.
    width, height
        Of the grid, in cells.
    place
        What of the image the grid covers.
    data
        The values, row by row from the top, compressed by zlib.
    prediction
        Which of the predictions it belongs to; -1 where it is of them all.
    """

    kind: RasterKind
    width: int
    height: int
    place: Box
    data: bytes
    prediction: int = -1


@dataclass(frozen=True, slots=True)
class ImagePrediction:
    """What a model says of one image, clip or pair.

    Attributes
    ----------
    predictions
        Best first: the likeliest classes; the segmented classes, the largest first; the objects, the surest first.
        Empty where there is a `problem`, where nothing was found, and for optical flow.
    milliseconds
        Preprocessing and this image's share of the forward pass.
    problem
        One sentence where this image could not be predicted, else empty.
    width, height
        Of the upright image that `box`, `keypoints` and `rasters` refer to.
    rasters
        Masks, or the flow.
    note
        What else should be known of it, as a sentence: how many frames were taken.
    own_frames
        Of optical flow: the motion is between a clip's own first two frames, not from an image to the next one.
    motion
        Of optical flow: its figures.
    """

    predictions: tuple[Prediction, ...]
    milliseconds: float
    problem: str = ""
    width: int = 0
    height: int = 0
    rasters: tuple[Raster, ...] = ()
    note: str = ""
    own_frames: bool = False
    motion: Motion | None = None
