"""What every task can do."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from PIL import Image
from torch import nn

from inspector.engine.answers import ImagePrediction

if TYPE_CHECKING:
    from inspector.engine.attach import Attachment

NOT_NUMBERS = "The model's scores are not numbers: some of its weights are NaN, Inf or far too large."

Output = Mapping[str, torch.Tensor]
"""What a model gives for one image, by name, on its device: ``logits``; ``boxes``, ``labels``, ``scores`` …"""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One image, clip or pair of images as a model's input.

    Attributes
    ----------
    inputs
        Without a batch dimension: one tensor; two for optical flow. On the CPU, until they are sent to the device.
    width, height
        Of the upright image (a clip's first) that the answer refers to.
    milliseconds
        What it took.
    note
        What should be known of how it was prepared.
    valid
        Width and height of what of the input is image, from its upper left corner; None where all of it is.
    own_frames
        Of optical flow: its two pictures are a clip's own first frames, not an image and the next one.
    """

    inputs: tuple[torch.Tensor, ...]
    width: int
    height: int
    milliseconds: float
    note: str = ""
    valid: tuple[int, int] | None = None
    own_frames: bool = False


def prepare_image(attachment: Attachment, images: Sequence[Image.Image]) -> Prepared:
    """Apply an attachment's own transform to one image: what the tasks of still images prepare."""
    started = time.perf_counter()
    (image,) = images
    tensor = attachment.transform(image)
    return Prepared((tensor,), image.width, image.height, (time.perf_counter() - started) * 1000)


class Task(Protocol):
    """How images go into a model, and what comes out of it."""

    @property
    def name(self) -> str:
        """Its name, as `inspector.engine.building.task_of` has it."""

    def prepare(self, attachment: Attachment, images: Sequence[Image.Image]) -> Prepared:
        """Turn pictures into the model's input; safe on any thread.

        Parameters
        ----------
        images
            Upright, of any mode that Pillow converts to RGB: one; the frames of a clip; two for optical flow.

        Raises
        ------
        PredictionError
            They can't be used.
        """

    def batch_key(self, prepared: Prepared) -> Hashable:
        """Return what must be equal for inputs to go into one batch without changing each other's answers."""

    def forward(self, model: nn.Module, device: str, batch: Sequence[Prepared]) -> list[Output]:
        """Run the model on inputs of one `batch_key`; under ``torch.inference_mode``, on one thread at a time.

        Returns
        -------
        list of Output
            One per input, on the device.
        """

    def answer(self, attachment: Attachment, prepared: Prepared, output: Output, top: int) -> ImagePrediction:
        """Reduce an output to what is told of the image; ``milliseconds`` is the preparation's alone.

        Parameters
        ----------
        top
            How many classes are told, where the task ranks them.
        """
