"""How an image becomes a model's input: torchvision's own transform, with the numbers that belong to the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from inspector.engine.problems import PredictionError, PreprocessingError

LARGEST_SIDE = 4096
"""Largest resize and crop, in pixels: a file that asks for more asks for memory, not for a picture."""

_MOST_RESIZED_PIXELS = 100_000_000
_INTERPOLATIONS = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
}
_REQUIRED = {"resize_size", "crop_size", "mean", "std"}
_KNOWN = _REQUIRED | {"interpolation", "grayscale"}

Transform = Callable[[Image.Image], torch.Tensor]


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
        missing, unknown = sorted(_REQUIRED - keys.keys()), sorted(map(str, keys.keys() - _KNOWN))
        if missing or unknown:
            what = f"lacks {', '.join(missing)}" if missing else f"has the unknown key {unknown[0]}"
            raise _unusable(what)
        interpolation = keys.get("interpolation", "bilinear")
        if not isinstance(interpolation, str) or interpolation not in _INTERPOLATIONS:
            raise _unusable(f"asks for an interpolation other than {', '.join(_INTERPOLATIONS)}")
        std = _channels(keys, "std")
        if min(std) <= 0:
            raise _unusable("has a std that is not positive")
        return cls(
            resize_size=_side(keys, "resize_size"),
            crop_size=_side(keys, "crop_size"),
            mean=_channels(keys, "mean"),
            std=std,
            interpolation=interpolation,
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
            interpolation=_INTERPOLATIONS[self.interpolation],
        )

        def apply(image: Image.Image) -> torch.Tensor:
            self._refuse_ribbons(image)
            rgb = image.convert("L").convert("RGB") if self.grayscale else image.convert("RGB")
            tensor: torch.Tensor = preset(rgb)
            return tensor

        return apply

    def _refuse_ribbons(self, image: Image.Image) -> None:
        """Refuse what would fill the memory: resizing the short side of a ribbon makes its long side enormous."""
        short, long = sorted(image.size)
        if self.resize_size * self.resize_size * long / short > _MOST_RESIZED_PIXELS:
            raise PredictionError(
                f"An image of {image.width} × {image.height} pixels is too thin to be resized to {self.resize_size}.",
                "Cut a less elongated part out of it.",
            )


def _unusable(what: str) -> PreprocessingError:
    return PreprocessingError(
        f"The checkpoint's preprocessing {what}.", "The architecture's own preprocessing can be used instead."
    )


def _side(keys: Mapping[str, Any], key: str) -> int:
    value = keys[key]
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_SIDE:
        raise _unusable(f"has a {key} that is not a whole number from 1 to {LARGEST_SIDE}")
    return value


def _channels(keys: Mapping[str, Any], key: str) -> tuple[float, ...]:
    value = keys[key]
    if not isinstance(value, list | tuple) or len(value) not in (1, 3):
        raise _unusable(f"has a {key} that is not a list of 1 or 3 numbers")
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in value):
        raise _unusable(f"has a {key} with something other than numbers in it")
    return tuple(float(x) for x in (value if len(value) == 3 else value * 3))
