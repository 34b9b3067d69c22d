"""Images -> labels with scores, by an attached model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from inspector.engine.attach import Attachment
from inspector.engine.evaluation import require_eval
from inspector.engine.preprocessing import Transform
from inspector.engine.problems import DeviceError, PredictionError, UnsupportedTaskError


@dataclass(frozen=True, slots=True)
class Prediction:
    """One class with its score.

    Attributes
    ----------
    label, index
        Of the class.
    score
        Its softmax probability, 0 to 1.
    """

    label: str
    index: int
    score: float


@dataclass(frozen=True, slots=True)
class ImagePrediction:
    """What a model says of one image.

    Attributes
    ----------
    predictions
        The likeliest classes, best first; empty where there is a `problem`.
    milliseconds
        Preprocessing and this image's share of the forward pass.
    problem
        One sentence where this image could not be predicted, else empty.
    """

    predictions: tuple[Prediction, ...]
    milliseconds: float
    problem: str = ""


def predict_image(attachment: Attachment, image: Image.Image, top: int = 5) -> ImagePrediction:
    """Predict one image.

    Parameters
    ----------
    image
        Upright; of any mode that Pillow converts to RGB.
    top
        How many classes to return; all, where there are fewer.

    Raises
    ------
    UnsupportedTaskError
        The attachment is not for classification.
    PredictionError
        The image can't be prepared, or the scores are not numbers.
    DeviceError
        The device's memory is full.
    """
    prediction = predict_batch(attachment, [image], top)[0]
    if prediction.problem:
        raise PredictionError(prediction.problem)
    return prediction


def predict_batch(attachment: Attachment, images: Sequence[Image.Image], top: int = 5) -> list[ImagePrediction]:
    """Predict several images in one forward pass; a bad image is a `problem` of its own.

    Parameters and errors are those of `predict_image`, but for PredictionError, which means the whole
    batch: the model can't take images of this size.

    Returns
    -------
    list of ImagePrediction
        As many as `images`, in their order.
    """
    transform = attachment.transform
    if attachment.task != "classification" or transform is None:
        raise UnsupportedTaskError(f"Predictions for {attachment.task} are not available yet.")
    if top < 1:
        raise ValueError(f"the {top} likeliest classes can't be returned")
    prepared = [_prepare(transform, image) for image in images]
    inputs = [tensor for tensor, _, _ in prepared if tensor is not None]
    started = time.perf_counter()
    scores = iter(_scores(attachment, inputs)) if inputs else iter(())
    share = (time.perf_counter() - started) * 1000 / max(1, len(inputs))
    return [
        ImagePrediction((), spent, problem) if tensor is None else _best(attachment, next(scores), spent + share, top)
        for tensor, spent, problem in prepared
    ]


def _prepare(transform: Transform, image: Image.Image) -> tuple[torch.Tensor | None, float, str]:
    """Return the model's input (None with a problem), the milliseconds it took, and the problem."""
    started = time.perf_counter()
    try:
        tensor, problem = transform(image), ""
    except PredictionError as error:
        tensor, problem = None, error.sentence
    return tensor, (time.perf_counter() - started) * 1000, problem


@torch.inference_mode()
def _scores(attachment: Attachment, inputs: list[torch.Tensor]) -> torch.Tensor:
    """Return softmax probabilities on the CPU, float32 of shape (images, classes)."""
    require_eval(attachment.model)
    batch = torch.stack(inputs)
    try:
        logits: torch.Tensor = attachment.model(batch.to(attachment.device))
        # bringing the scores back waits for the device, so that the time measured is the work's
        return logits.float().softmax(dim=1).cpu()
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"The memory of {attachment.device} is full.", "Predict fewer images at a time, or choose cpu."
        ) from error
    except (RuntimeError, AssertionError) as error:
        size = " × ".join(map(str, batch.shape[2:]))
        reason = str(error).strip().split("\n")[0]
        raise PredictionError(f"The model can't take images of {size} pixels: {reason}.") from error


def _best(attachment: Attachment, scores: torch.Tensor, milliseconds: float, top: int) -> ImagePrediction:
    if not bool(torch.isfinite(scores).all()):
        problem = "The model's scores are not numbers: some of its weights are NaN, Inf or far too large."
        return ImagePrediction((), milliseconds, problem)
    values, indices = scores.topk(min(top, scores.numel()))
    predictions = tuple(
        Prediction(attachment.labels[index], index, score)
        for index, score in zip(indices.tolist(), values.tolist(), strict=True)
    )
    return ImagePrediction(predictions, milliseconds)
