"""How an image becomes a model's input: torchvision's own transform, with the numbers that belong to the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from PIL import Image
from torchvision.transforms._presets import ImageClassification

from inspector.engine.preprocessing_keys import (
    INTERPOLATIONS,
    LARGEST_SIDE,
    channels,
    deviations,
    interpolation,
    refuse_unknown,
    side,
    unusable,
)
from inspector.engine.problems import PredictionError

__all__ = ["LARGEST_SIDE", "InputPreprocessing", "Preprocessing", "Transform", "denormalised", "refuse_ribbon"]

_MOST_RESIZED_PIXELS = 100_000_000
_REQUIRED = {"resize_size", "crop_size", "mean", "std"}
_KNOWN = _REQUIRED | {"interpolation", "grayscale"}

Transform = Callable[[Any], Any]
"""Makes a model's input: of an image a tensor, of the images of a clip one tensor, of a pair two."""


class InputPreprocessing(Protocol):
    """What each task's preprocessing can do."""

    @property
    def source(self) -> str:
        """Where its numbers come from: a weights entry's name, ``checkpoint``, ``person`` or ``assumed``."""

    def transform(self) -> Transform:
        """Return the function that applies it; safe on any thread."""

    def to_message(self) -> dict[str, Any]:
        """Return its numbers as plain keys, ``source`` among them; what means nothing for the task is left out."""

    def seen(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the picture that prepared inputs are, as bytes of shape (3, height, width)."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The numbers of torchvision's ``ImageClassification`` transform.

    Attributes
    ----------
    resize_size
        The shorter side is resized to this many pixels.
    crop_size
        Then a square of this many pixels is cut from the middle.
    mean, std
        Three each, of channels from 0 to 1: subtracted, and divided by.
    interpolation
        ``nearest``, ``bilinear`` or ``bicubic``.
    grayscale
        The image's colour is removed first; it still goes in as three (equal) channels.
    source
        Where the numbers come from: a weights entry such as ``ResNet18_Weights.IMAGENET1K_V1``, or
        ``checkpoint``.
    """

    resize_size: int
    crop_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    grayscale: bool = False
    source: str = "checkpoint"

    @classmethod
    def from_checkpoint(cls, keys: Mapping[str, Any]) -> Preprocessing:
        """Build it from the keys that a checkpoint carries.

        Parameters
        ----------
        keys
            ``resize_size`` and ``crop_size`` (int, 1 to `LARGEST_SIDE`), ``mean`` and ``std`` (1 or 3
            floats); optional: ``interpolation`` (``bilinear``) and ``grayscale`` (False).

        Raises
        ------
        PreprocessingError
            A key is missing, unknown, or holds what it can't.
        """
        missing = sorted(_REQUIRED - keys.keys())
        if missing:
            raise unusable(f"lacks {', '.join(missing)}")
        refuse_unknown(keys, _KNOWN)
        return cls(
            resize_size=side(keys, "resize_size"),
            crop_size=side(keys, "crop_size"),
            mean=channels(keys, "mean"),
            std=deviations(keys),
            interpolation=interpolation(keys),
            grayscale=bool(keys.get("grayscale", False)),
        )

    @classmethod
    def from_transform(cls, transform: ImageClassification, source: str) -> Preprocessing:
        """Take the numbers from a transform of one of torchvision's weights entries."""
        return cls(
            resize_size=int(transform.resize_size[0]),
            crop_size=int(transform.crop_size[0]),
            mean=tuple(map(float, transform.mean)),
            std=tuple(map(float, transform.std)),
            interpolation=transform.interpolation.value,
            source=source,
        )

    def transform(self) -> Transform:
        """Return the function that turns an RGB image into a float32 tensor of shape (3, crop, crop)."""
        preset = ImageClassification(
            crop_size=self.crop_size,
            resize_size=self.resize_size,
            mean=self.mean,
            std=self.std,
            interpolation=INTERPOLATIONS[self.interpolation],
        )

        def apply(image: Image.Image) -> torch.Tensor:
            refuse_ribbon(image, self.resize_size, _MOST_RESIZED_PIXELS)
            rgb = image.convert("L").convert("RGB") if self.grayscale else image.convert("RGB")
            tensor: torch.Tensor = preset(rgb)
            return tensor

        return apply

    def to_message(self) -> dict[str, Any]:
        """Return the numbers as plain keys, ``source`` among them."""
        return asdict(self)

    def seen(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the picture that a prepared input is, as bytes of shape (3, height, width)."""
        return denormalised(inputs[0], self.mean, self.std)


def refuse_ribbon(image: Image.Image, resize_size: int, most_pixels: int) -> None:
    """Refuse what would fill the memory: resizing the short side of a ribbon makes its long side enormous.

    Raises
    ------
    PredictionError
        Resized, the image would have more than ``most_pixels`` pixels.
    """
    short, long = sorted(image.size)
    if resize_size * resize_size * long / short > most_pixels:
        raise PredictionError(
            f"An image of {image.width} × {image.height} pixels is too thin to be resized to {resize_size}.",
            "Cut a less elongated part out of it.",
        )


def denormalised(tensor: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """Return a normalised input of shape (3, …) as bytes: the picture that the model sees."""
    shape = (3, *(1,) * (tensor.ndim - 1))
    numbers = tensor.float() * torch.tensor(std).view(shape) + torch.tensor(mean).view(shape)
    return (numbers.clamp(0, 1) * 255).round().to(torch.uint8)
