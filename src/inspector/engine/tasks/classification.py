"""Classification: one image -> the likeliest classes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import nn

from inspector.engine.answers import ImagePrediction, Prediction
from inspector.engine.problems import PredictionError
from inspector.engine.tasks.task import NOT_NUMBERS, Output, Prepared, prepare_image

if TYPE_CHECKING:
    from inspector.engine.attach import Attachment


class Classification:
    """Image classification."""

    name = "classification"

    def prepare(self, attachment: Attachment, images: Sequence[Image.Image]) -> Prepared:
        """Prepare one image."""
        return prepare_image(attachment, images)

    def batch_key(self, prepared: Prepared) -> Hashable:
        """Return the input's shape: each image is computed by itself."""
        return prepared.inputs[0].shape

    def forward(self, model: nn.Module, device: str, batch: Sequence[Prepared]) -> list[Output]:
        """Return the logits of each image, float32 of shape (classes,)."""
        logits: torch.Tensor = model(torch.stack([prepared.inputs[0] for prepared in batch]).to(device))
        return [{"logits": row} for row in logits.float()]

    def answer(self, attachment: Attachment, prepared: Prepared, output: Output, top: int) -> ImagePrediction:
        """Return the ``top`` likeliest classes with their softmax probabilities."""
        scores = output["logits"].softmax(dim=0).cpu()
        if not bool(torch.isfinite(scores).all()):
            raise PredictionError(NOT_NUMBERS)
        values, indices = scores.topk(min(top, scores.numel()))
        predictions = tuple(
            Prediction(attachment.labels[index], index, score)
            for index, score in zip(indices.tolist(), values.tolist(), strict=True)
        )
        return ImagePrediction(
            predictions, prepared.milliseconds, width=prepared.width, height=prepared.height, note=prepared.note
        )
