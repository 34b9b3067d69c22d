"""Optical flow: two images -> how far every pixel moves from the first to the second."""

from __future__ import annotations

import time
import zlib
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torchvision.utils import flow_to_image

from inspector.engine.answers import ImagePrediction, Raster
from inspector.engine.inputs import FlowPreprocessing
from inspector.engine.problems import PredictionError, UnsupportedTaskError
from inspector.engine.tasks.task import NOT_NUMBERS, Output, Prepared

if TYPE_CHECKING:
    from inspector.engine.attach import Attachment

#: RAFT halves its images three times, and looks at four scales of the result (``models/optical_flow/raft.py``).
_MULTIPLE, _LEAST_SIDE = 8, 128

#: Pixels of a motion that is still told: means and squares of it are numbers.
_FARTHEST = 1e30

#: Cells on a side of the picture of the flow, and of the grid of arrows.
_PICTURE_CELLS, _MOTION_CELLS = 512, 64


class OpticalFlow:
    """Optical flow."""

    name = "optical flow"

    def prepare(self, attachment: Attachment, images: Sequence[Image.Image]) -> Prepared:
        """Prepare two images: of one size, not too large, and padded to a size that RAFT takes."""
        preprocessing = attachment.preprocessing
        if not isinstance(preprocessing, FlowPreprocessing):
            raise UnsupportedTaskError(f"No preprocessing is known for {attachment.architecture}.")
        if len(images) != 2:
            raise PredictionError("Optical flow needs two images: the motion is from the first to the second.")
        started = time.perf_counter()
        first, second = images
        size = _input_size(first.size, preprocessing.max_size)
        notes = [] if second.size == first.size else [f"The second image was resized to {_size(first.size)} pixels."]
        if size != first.size:
            notes.append(f"Computed at {_size(size)} pixels.")
        first_input, second_input = attachment.transform([_resized(first, size), _resized(second, size)])
        inputs = (_padded(first_input), _padded(second_input))
        padded = inputs[0].shape[-1], inputs[0].shape[-2]
        if padded != size:
            notes.append(f"Its edges were repeated to {_size(padded)} pixels, and cut off again.")
        took = (time.perf_counter() - started) * 1000
        return Prepared(inputs, first.width, first.height, took, " ".join(notes), size)

    def batch_key(self, prepared: Prepared) -> Hashable:
        """Return the input's shape: each pair is computed by itself."""
        return prepared.inputs[0].shape

    def forward(self, model: nn.Module, device: str, batch: Sequence[Prepared]) -> list[Output]:
        """Return the last of RAFT's estimates for each pair, float32 of shape (2, height, width), padding included."""
        first, second = (torch.stack([prepared.inputs[i] for prepared in batch]).to(device) for i in (0, 1))
        flows: list[torch.Tensor] = model(first, second)
        return [{"flow": flow} for flow in flows[-1].float()]

    def answer(self, attachment: Attachment, prepared: Prepared, output: Output, top: int) -> ImagePrediction:
        """Return the motion in pixels of the first image: colours, a grid of arrows, and its size in words."""
        width, height = prepared.valid or prepared.inputs[0].shape[:0:-1]
        flow = output["flow"][:, :height, :width]
        scale = torch.tensor([prepared.width / width, prepared.height / height], device=flow.device)
        motion = flow * scale[:, None, None]
        length = motion.double().norm(dim=0)
        farthest = float(length.max())
        if not farthest <= _FARTHEST:  # also where it is no number
            raise PredictionError(NOT_NUMBERS)
        place = (0.0, 0.0, float(prepared.width), float(prepared.height))
        mean, (right, down) = float(length.mean()), motion.double().mean(dim=(1, 2)).tolist()
        told = f"Moves {_pixels(mean)} on average, {_figure(farthest)} at most."
        return ImagePrediction(
            (),
            prepared.milliseconds,
            width=prepared.width,
            height=prepared.height,
            rasters=(_picture(motion.cpu(), place), _arrows(motion.cpu(), place)),
            note=f"{told} {prepared.note}".rstrip(),
            own_frames=prepared.own_frames,
            motion=(mean, farthest, right, down),
        )


def _pixels(length: float) -> str:
    return "1 pixel" if _figure(length) == "1" else f"{_figure(length)} pixels"


def _figure(length: float) -> str:
    return f"{length:.3g}" if length < 999.5 else f"{length:.0f}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"


def _input_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.convert("RGB").resize(size, Image.Resampling.BILINEAR)


def _padded(tensor: torch.Tensor) -> torch.Tensor:
    """Repeat the last row and column until both sides are what RAFT takes."""
    height, width = (max(_LEAST_SIDE, -(-side // _MULTIPLE) * _MULTIPLE) for side in tensor.shape[-2:])
    missing = (0, width - tensor.shape[-1], 0, height - tensor.shape[-2])
    return functional.pad(tensor[None], missing, mode="replicate")[0] if any(missing) else tensor


def _reduced(motion: torch.Tensor, most: int) -> torch.Tensor:
    """Return the mean motion of the places of a grid of at most ``most`` cells a side."""
    height, width = motion.shape[-2:]
    scale = min(1.0, most / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return functional.interpolate(motion[None], size=size, mode="area")[0] if scale < 1 else motion


def _picture(motion: torch.Tensor, place: tuple[float, float, float, float]) -> Raster:
    colours = flow_to_image(_reduced(motion, _PICTURE_CELLS)).permute(1, 2, 0).contiguous()
    height, width, _ = colours.shape
    return Raster("picture", width, height, place, zlib.compress(colours.numpy().tobytes(), 1))


def _arrows(motion: torch.Tensor, place: tuple[float, float, float, float]) -> Raster:
    grid = _reduced(motion, _MOTION_CELLS).permute(1, 2, 0).contiguous()
    height, width, _ = grid.shape
    return Raster("motion", width, height, place, zlib.compress(grid.numpy().astype("<f4").tobytes(), 1))
