"""Images -> what an attached model says of them."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from PIL import Image
from torch import nn

from inspector.engine.answers import ImagePrediction, Prediction
from inspector.engine.attach import Attachment
from inspector.engine.devices import device_trouble, wait_for
from inspector.engine.evaluation import require_eval
from inspector.engine.problems import PredictionError
from inspector.engine.tasks import Output, Prepared, Task, task_named

__all__ = ["ImagePrediction", "Prediction", "predict_batch", "predict_image", "predict_images", "predict_prepared"]


def predict_image(attachment: Attachment, image: Image.Image, top: int = 5) -> ImagePrediction:
    """Predict one image.

    Parameters
    ----------
    image
        Upright; of any mode that Pillow converts to RGB.
    top
        How many classes to return, where the task ranks them; all, where there are fewer.

    Raises
    ------
    UnsupportedTaskError
        The attachment's task has no predictions yet.
    PredictionError
        The image can't be prepared, or the scores are not numbers.
    DeviceMemoryError, DeviceLostError
        The device's memory is full, or it does not answer any more.
    """
    return predict_images(attachment, [image], top)


def predict_images(attachment: Attachment, images: Sequence[Image.Image], top: int = 5) -> ImagePrediction:
    """Predict what may take several pictures: a clip's frames, a pair for optical flow.

    Parameters and errors are those of `predict_image`.
    """
    (prediction,) = _predict(attachment, [images], top)
    if prediction.problem:
        raise PredictionError(prediction.problem)
    return prediction


def predict_prepared(attachment: Attachment, prepared: Prepared, top: int = 5) -> ImagePrediction:
    """Predict what :func:`inspector.engine.items.prepare_item` made; errors are those of `predict_image`."""
    task = task_named(attachment.task)
    started = time.perf_counter()
    (output,) = run_forward(attachment, task, [prepared])
    prediction = answer_of(attachment, task, prepared, output, top, (time.perf_counter() - started) * 1000)
    if prediction.problem:
        raise PredictionError(prediction.problem)
    return prediction


def predict_batch(attachment: Attachment, images: Sequence[Image.Image], top: int = 5) -> list[ImagePrediction]:
    """Predict several images together; a bad image is a `problem` of its own.

    Parameters and errors are those of `predict_image`, but for PredictionError, which means the whole
    batch: the model can't take images of this size.

    Returns
    -------
    list of ImagePrediction
        As many as `images`, in their order.
    """
    return _predict(attachment, [[image] for image in images], top)


def _predict(attachment: Attachment, items: Sequence[Sequence[Image.Image]], top: int) -> list[ImagePrediction]:
    task = task_named(attachment.task)
    if top < 1:
        raise ValueError(f"the {top} likeliest classes can't be returned")
    answers: dict[int, ImagePrediction] = {}
    batches: dict[object, list[tuple[int, Prepared]]] = {}
    for place, images in enumerate(items):
        started = time.perf_counter()
        try:
            prepared = task.prepare(attachment, images)
        except PredictionError as error:
            answers[place] = ImagePrediction((), (time.perf_counter() - started) * 1000, error.sentence)
            continue
        batches.setdefault(task.batch_key(prepared), []).append((place, prepared))
    for batch in batches.values():
        started = time.perf_counter()
        outputs = run_forward(attachment, task, [prepared for _, prepared in batch])
        share = (time.perf_counter() - started) * 1000 / len(batch)
        for (place, prepared), output in zip(batch, outputs, strict=True):
            answers[place] = answer_of(attachment, task, prepared, output, top, share)
    return [answers[place] for place in range(len(items))]


def answer_of(
    attachment: Attachment, task: Task, prepared: Prepared, output: Output, top: int, forward: float
) -> ImagePrediction:
    """Return what is told of an image; outputs that make no sense are its `problem`.

    Parameters
    ----------
    forward
        Milliseconds of the forward pass that are this image's share.
    """
    try:
        made = task.answer(attachment, prepared, output, top)
    except PredictionError as error:
        made = ImagePrediction((), prepared.milliseconds, error.sentence)
    return replace(made, milliseconds=made.milliseconds + forward)


@torch.inference_mode()
def run_forward(
    attachment: Attachment, task: Task, batch: Sequence[Prepared], model: nn.Module | None = None
) -> list[Output]:
    """Run the model on one batch, and wait for it.

    Parameters
    ----------
    model
        A faster copy of the attachment's own.

    Raises
    ------
    DeviceMemoryError, DeviceLostError
        The device's memory is full, or it does not answer any more.
    PredictionError
        The model can't take images of this size.
    """
    require_eval(attachment.model)
    with told(attachment.device, batch[0]):
        outputs = task.forward(attachment.model if model is None else model, attachment.device, batch)
        wait_for(attachment.device)  # so that the time measured is the work's, and its errors come here
    return outputs


@contextmanager
def told(device: str, prepared: Prepared) -> Iterator[None]:
    """Turn what torch raises while a model runs into sentences.

    Parameters
    ----------
    prepared
        What it runs on, whose size is told.

    Raises
    ------
    DeviceMemoryError, DeviceLostError
        The device's memory is full, or it does not answer any more.
    PredictionError
        The model can't take images of this size.
    """
    try:
        yield
    except (RuntimeError, AssertionError, MemoryError) as error:
        # its frames hold all that the model had computed by then: a full memory would stay full
        traceback.clear_frames(error.__traceback__)
        trouble = device_trouble(error, device)
        if trouble is not None:
            raise trouble from error
        size = " × ".join(map(str, prepared.inputs[0].shape[:-3:-1]))  # width first, as everywhere
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise PredictionError(f"The model can't take images of {size} pixels: {reason}.") from error
