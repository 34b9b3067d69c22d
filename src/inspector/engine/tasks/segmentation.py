"""Semantic segmentation: one image -> the class of every pixel."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from inspector.engine.answers import ImagePrediction, Prediction, Raster
from inspector.engine.problems import PredictionError
from inspector.engine.tasks.task import NOT_NUMBERS, Output, Prepared, prepare_image

if TYPE_CHECKING:
    from inspector.engine.attach import Attachment

#: What a byte per pixel can tell apart.
_MOST_CLASSES = 256
#: Cells on a side of a raster.
_MOST_CELLS = 4_096


class Segmentation:
    """Semantic segmentation. An auxiliary head, which only training needs, is not asked."""

    name = "segmentation"

    def prepare(self, attachment: Attachment, images: Sequence[Image.Image]) -> Prepared:
        """Prepare one image."""
        return prepare_image(attachment, images)

    def batch_key(self, prepared: Prepared) -> Hashable:
        """Return the input's shape: each image is computed by itself."""
        return prepared.inputs[0].shape

    def forward(self, model: nn.Module, device: str, batch: Sequence[Prepared]) -> list[Output]:
        """Return the logits of each image, float32 of shape (classes, height, width), as large as its input."""
        said = model(torch.stack([prepared.inputs[0] for prepared in batch]).to(device))
        return [{"logits": logits} for logits in said["out"].float()]

    def answer(self, attachment: Attachment, prepared: Prepared, output: Output, top: int) -> ImagePrediction:
        """Return every class that is there, the largest first, and the map of them; ``top`` does not matter."""
        logits = output["logits"]
        if logits.shape[0] > _MOST_CLASSES:
            raise PredictionError(f"The model has {logits.shape[0]} classes; a map of more than 256 can't be drawn.")
        best, classes = logits.max(dim=0)
        certainty = (best - logits.logsumexp(dim=0)).exp()
        if not bool(torch.isfinite(certainty).all()):
            raise PredictionError(NOT_NUMBERS)
        place = (0.0, 0.0, float(prepared.width), float(prepared.height))
        return ImagePrediction(
            _regions(attachment.labels, classes.cpu(), certainty.cpu()),
            prepared.milliseconds,
            width=prepared.width,
            height=prepared.height,
            rasters=(_map(classes, place),),
            note=prepared.note,
        )


def _regions(labels: Sequence[str], classes: torch.Tensor, certainty: torch.Tensor) -> tuple[Prediction, ...]:
    flat = classes.flatten()
    counts = torch.bincount(flat, minlength=len(labels))
    # summed in float64: a million float32 numbers lose digits
    sums = torch.bincount(flat, weights=certainty.flatten().double(), minlength=len(labels))
    there = sorted((index for index, count in enumerate(counts.tolist()) if count), key=lambda i: -int(counts[i]))
    return tuple(
        Prediction(labels[index], index, float(sums[index] / counts[index]), area=float(counts[index]) / flat.numel())
        for index in there
    )


def _map(classes: torch.Tensor, place: tuple[float, float, float, float]) -> Raster:
    height, width = classes.shape
    cells = classes.to(torch.uint8)
    if max(height, width) > _MOST_CELLS:
        scale = _MOST_CELLS / max(height, width)
        height, width = max(1, int(height * scale)), max(1, int(width * scale))
        cells = functional.interpolate(cells[None, None], size=(height, width), mode="nearest-exact")[0, 0]
    return Raster("classes", width, height, place, zlib.compress(cells.cpu().contiguous().numpy().tobytes(), 1))
