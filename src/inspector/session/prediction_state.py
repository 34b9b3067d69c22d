"""What a checkpoint's model says of an image: the same state for every task. Nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from inspector.session.failure import Failure
from inspector.session.phase import Phase

Box = tuple[float, float, float, float]
RasterKind = Literal["classes", "mask", "picture", "motion"]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class of a prediction: its label, its index, its probability from 0 to 1; and where it is.

    Attributes
    ----------
    box
        Of a detected object: left, top, right, bottom, in pixels of the upright image.
    area
        The share of the image that it covers, 0 to 1: of a segmented class, or of an object's mask.
    keypoints
        Of a person: x and y in pixels, and a confidence that is above 0 where the point is likely seen.
    """

    label: str
    index: int
    score: float
    box: Box | None = None
    area: float | None = None
    keypoints: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Raster:
    """Values on a grid over a place of the image, as `inspector.engine.answers.Raster` describes them.

    Attributes
    ----------
    kind
        ``classes``: a byte per cell, the class's index; ``mask``: a byte, the probability times 255; ``picture``:
        three bytes, RGB; ``motion``: two little-endian float32, pixels to the right and down.
    width, height
        Of the grid, in cells.
    place
        What of the image it covers: left, top, right, bottom, in pixels.
    data
        Compressed; `cells` are the values.
    prediction
        The index of the prediction it belongs to, -1 where it is of them all.
    """

    kind: RasterKind
    width: int
    height: int
    place: Box
    data: bytes
    prediction: int = -1


class Motion(NamedTuple):
    """How the pixels of a picture move, in pixels.

    Attributes
    ----------
    mean, largest
        Lengths: on average, and of the pixel that moves the furthest.
    right, down
        The mean motion.
    """

    mean: float
    largest: float
    right: float
    down: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a checkpoint predicts for an image; the likeliest classes (largest regions, surest objects) first.

    Attributes
    ----------
    task
        Of the attachment that predicted it.
    width, height
        Of the upright image, in pixels, which boxes, keypoints and rasters refer to.
    note
        What else should be known, as a sentence: how many frames of a clip were taken.
    own_frames
        Of optical flow: the motion is between a clip's own first two frames, not from an image to the next one.
    motion
        Of optical flow.
    rasters_dropped
        It had rasters, which were let go for the memory of others; they are made again when it is looked at.
    """

    phase: Phase = "waiting"
    classes: tuple[ClassScore, ...] = ()
    milliseconds: float = 0.0
    device: str = ""
    failure: Failure | None = None
    task: str = "classification"
    width: int = 0
    height: int = 0
    rasters: tuple[Raster, ...] = ()
    note: str = ""
    own_frames: bool = False
    motion: Motion | None = None
    rasters_dropped: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the images are that are to be predicted.

    Attributes
    ----------
    done, total
        Images, since some were first to be predicted.
    rate
        Images per second over the last seconds, None until that can be told.
    remaining
        Seconds, None until that can be told.
    """

    done: int
    total: int
    rate: float | None = None
    remaining: float | None = None
