"""Detection: one image -> boxes with labels and scores; masks and keypoints where the model tells them."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import nn

from inspector.engine.answers import ImagePrediction, Prediction, Raster
from inspector.engine.problems import PredictionError
from inspector.engine.tasks.masks import mask_raster
from inspector.engine.tasks.task import NOT_NUMBERS, Output, Prepared

if TYPE_CHECKING:
    from inspector.engine.attach import Attachment

#: A detector takes 12 bytes for each pixel of an image, several times; larger ones are made smaller first.
_MOST_PIXELS = 50_000_000

#: Objects that are told: torchvision's detectors find 100 to 300 at the most, but how many is an option of theirs.
_MOST_OBJECTS = 1_000

#: The modules whose outputs become boxes, masks and keypoints. NaN in them is seen nowhere later: what is no number is
#: below every threshold, and the answer would be "nothing found".
_HEADS = (
    "head",
    "rpn.head",
    "roi_heads.box_predictor",
    "roi_heads.mask_predictor",
    "roi_heads.keypoint_predictor",
)
_FINITE = "finite"


class Detection:
    """Detection of objects, with instance masks or a person's keypoints where the architecture has them."""

    name = "detection"

    def prepare(self, attachment: Attachment, images: Sequence[Image.Image]) -> Prepared:
        """Prepare one image: values from 0 to 1; the detector resizes and normalises it itself."""
        started = time.perf_counter()
        (image,) = images
        smaller, note = _bounded(image)
        tensor = attachment.transform(smaller)
        return Prepared((tensor,), image.width, image.height, (time.perf_counter() - started) * 1000, note)

    def batch_key(self, prepared: Prepared) -> Hashable:
        """Return the image's size: images of other sizes would be padded to the largest, which moves their boxes."""
        return prepared.inputs[0].shape

    def forward(self, model: nn.Module, device: str, batch: Sequence[Prepared]) -> list[Output]:
        """Return each image's objects, the surest first.

        Returns
        -------
        list of Output
            ``boxes`` (objects, 4), ``labels``, ``scores``; ``keypoints`` (objects, points, 3) and
            ``keypoints_scores``; ``masks`` (objects, 28, 28), probabilities within the box.
        """
        with _without_pasting(model), _watched(model) as flags:
            said: list[dict[str, torch.Tensor]] = model([prepared.inputs[0].to(device) for prepared in batch])
        finite = torch.stack(flags).all() if flags else torch.tensor(True)
        if len(batch) > 1 and not bool(finite):
            # one by one, so that an image that breaks the numbers breaks no other's answer
            return [self.forward(model, device, [prepared])[0] for prepared in batch]
        return [found | {_FINITE: finite} for found in said]

    def answer(self, attachment: Attachment, prepared: Prepared, output: Output, top: int) -> ImagePrediction:
        """Return every object, the surest first; ``top`` does not matter: thresholds are for who looks at it."""
        found = {name: tensor.cpu() for name, tensor in output.items()}
        if not bool(found[_FINITE]) or not all(bool(torch.isfinite(tensor).all()) for tensor in found.values()):
            raise PredictionError(NOT_NUMBERS)
        height, width = prepared.inputs[0].shape[-2:]
        scale = torch.tensor([prepared.width / width, prepared.height / height] * 2)
        boxes = found["boxes"][:_MOST_OBJECTS].float() * scale
        predictions, rasters = [], []
        for place, (box, label) in enumerate(zip(boxes, found["labels"][:_MOST_OBJECTS].tolist(), strict=True)):
            raster, area = _mask(found, place, box, prepared)
            if raster is not None:
                rasters.append(raster)
            predictions.append(
                Prediction(
                    _label(attachment.labels, label),
                    label,
                    float(found["scores"][place]),
                    box=_four(box),
                    area=area,
                    keypoints=_keypoints(found, place, scale),
                )
            )
        return ImagePrediction(
            tuple(predictions),
            prepared.milliseconds,
            width=prepared.width,
            height=prepared.height,
            rasters=tuple(rasters),
            note=f"{prepared.note} {_left_out(len(found['boxes']))}".strip(),
        )


def _left_out(found: int) -> str:
    return f"The surest {_MOST_OBJECTS:,} of {found:,} objects." if found > _MOST_OBJECTS else ""


def _bounded(image: Image.Image) -> tuple[Image.Image, str]:
    pixels = image.width * image.height
    if pixels <= _MOST_PIXELS:
        return image, ""
    share = (_MOST_PIXELS / pixels) ** 0.5
    width, height = max(1, int(image.width * share)), max(1, int(image.height * share))
    smaller = image.convert("RGB").resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
    return smaller, f"Made smaller first, to {width} × {height} pixels."


def _label(labels: Sequence[str], index: int) -> str:
    return labels[index] if index < len(labels) else str(index)


def _four(box: torch.Tensor) -> tuple[float, float, float, float]:
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom


def _mask(found: Output, place: int, box: torch.Tensor, prepared: Prepared) -> tuple[Raster | None, float | None]:
    if "masks" not in found:
        return None, None
    return mask_raster(found["masks"][place], _four(box), (prepared.width, prepared.height), place)


def _keypoints(found: Output, place: int, scale: torch.Tensor) -> tuple[tuple[float, float, float], ...]:
    if "keypoints" not in found:
        return ()
    points, scores = found["keypoints"][place][:, :2] * scale[:2], found["keypoints_scores"][place]
    return tuple((x, y, score) for (x, y), score in zip(points.tolist(), scores.tolist(), strict=True))


@contextmanager
def _without_pasting(model: nn.Module) -> Iterator[None]:
    """Keep a detector from pasting each mask into a picture as large as the image: a hundred of them fill memories."""
    inside: Any = model.get_submodule("transform")
    original = inside.postprocess

    def postprocess(result: list[dict[str, torch.Tensor]], *sizes: Any) -> list[dict[str, torch.Tensor]]:
        masks = [found.pop("masks", None) for found in result]
        done: list[dict[str, torch.Tensor]] = original(result, *sizes)
        return [
            found if mask is None else found | {"masks": mask[:, 0]} for found, mask in zip(done, masks, strict=True)
        ]

    inside.postprocess = postprocess
    try:
        yield
    finally:
        del inside.postprocess


@contextmanager
def _watched(model: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Yield a list that fills with whether each output of the heads was made of numbers."""
    flags: list[torch.Tensor] = []

    def look(_module: nn.Module, _arguments: object, output: object) -> None:
        flags.extend(torch.isfinite(tensor).all() for tensor in _tensors(output))

    hooks = [module.register_forward_hook(look) for name, module in model.named_modules() if name in _HEADS]
    try:
        yield flags
    finally:
        for hook in hooks:
            hook.remove()


def _tensors(value: object) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
