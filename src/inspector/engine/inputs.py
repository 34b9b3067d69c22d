"""How the images of the other tasks become a model's input: torchvision's own transforms, and their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from PIL import Image
from torch import nn
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.transforms import functional
from torchvision.transforms._presets import ObjectDetection, SemanticSegmentation, VideoClassification

from inspector.engine.preprocessing import denormalised, refuse_ribbon
from inspector.engine.preprocessing_keys import (
    INTERPOLATIONS,
    channels,
    deviations,
    interpolation,
    pair,
    refuse_unknown,
    side,
    sides,
    unusable,
)

#: Of a resized image: a network's answer has 21 classes for each of them.
_MOST_SEGMENTED_PIXELS = 8_000_000
#: Of a clip, all its frames together.
_MOST_CLIP_PIXELS = 64_000_000
_MOST_FRAMES = 256
#: RAFT compares every place with every other one: at 2,048 × 2,048 pixels that takes 20 GB.
_LARGEST_FLOW = 2_048
_SHEET_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class SegmentationPreprocessing:
    """The numbers of torchvision's ``SemanticSegmentation``: as for classification, but nothing is cut off."""

    resize_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    source: str = "checkpoint"

    @classmethod
    def from_transform(cls, transform: SemanticSegmentation, source: str) -> SegmentationPreprocessing:
        """Take the numbers from a transform of one of torchvision's weights entries."""
        size, mean, std = transform.resize_size[0], tuple(transform.mean), tuple(transform.std)
        return cls(int(size), mean, std, transform.interpolation.value, source)

    def changed(self, keys: Mapping[str, Any]) -> SegmentationPreprocessing:
        """Return it with other numbers; what is not given stays.

        Raises
        ------
        PreprocessingError
            A key is unknown, or holds what it can't.
        """
        told = asdict(self) | dict(keys)
        refuse_unknown(keys, asdict(self))
        return SegmentationPreprocessing(
            side(told, "resize_size"), channels(told, "mean"), deviations(told), interpolation(told)
        )

    def transform(self) -> Callable[[Image.Image], torch.Tensor]:
        """Return the function that turns an image into a float32 tensor of shape (3, height, width)."""
        preset = SemanticSegmentation(
            resize_size=self.resize_size,
            mean=self.mean,
            std=self.std,
            interpolation=INTERPOLATIONS[self.interpolation],
        )

        def apply(image: Image.Image) -> torch.Tensor:
            refuse_ribbon(image, self.resize_size, _MOST_SEGMENTED_PIXELS)
            tensor: torch.Tensor = preset(image.convert("RGB"))
            return tensor

        return apply

    def to_message(self) -> dict[str, Any]:
        """Return the numbers as plain keys."""
        return asdict(self)

    def seen(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the picture that a prepared input is."""
        return denormalised(inputs[0], self.mean, self.std)


@dataclass(frozen=True, slots=True)
class DetectionPreprocessing:
    """What a detector does with an image inside of itself (``GeneralizedRCNNTransform``).

    Attributes
    ----------
    mean, std
        Three each, of channels from 0 to 1.
    min_size, max_size
        The shorter side is resized to ``min_size`` pixels, but the longer one to ``max_size`` at most. None where
        there is a ``fixed_size``.
    fixed_size
        Height and width that every image is resized to; None where there is none.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    min_size: int | None = None
    max_size: int | None = None
    fixed_size: tuple[int, int] | None = None
    source: str = "checkpoint"

    @classmethod
    def from_model(cls, model: nn.Module, source: str) -> DetectionPreprocessing:
        """Take the numbers from a detector."""
        inside: Any = model.get_submodule("transform")
        mean, std = tuple(map(float, inside.image_mean)), tuple(map(float, inside.image_std))
        if inside.fixed_size is not None:  # torchvision has width and height here
            width, height = map(int, inside.fixed_size)
            return cls(mean, std, fixed_size=(height, width), source=source)
        return cls(mean, std, int(inside.min_size[-1]), int(inside.max_size), source=source)

    def changed(self, keys: Mapping[str, Any]) -> DetectionPreprocessing:
        """Return it with other numbers; errors as in `SegmentationPreprocessing.changed`."""
        own = self.to_message()
        refuse_unknown(keys, own)
        told = own | dict(keys)
        mean, std = channels(told, "mean"), deviations(told)
        if self.fixed_size is not None:
            return DetectionPreprocessing(mean, std, fixed_size=pair(told, "fixed_size"))
        return DetectionPreprocessing(mean, std, side(told, "min_size"), side(told, "max_size"))

    def put_into(self, model: nn.Module) -> None:
        """Make a detector do so."""
        inside: Any = model.get_submodule("transform")
        inside.image_mean, inside.image_std = list(self.mean), list(self.std)
        if self.fixed_size is not None:
            inside.fixed_size = self.fixed_size[::-1]
        else:
            inside.min_size, inside.max_size = (self.min_size,), self.max_size

    def transform(self) -> Callable[[Image.Image], torch.Tensor]:
        """Return the function that makes an image a float32 tensor (3, height, width) from 0 to 1, as it is."""
        preset = ObjectDetection()

        def apply(image: Image.Image) -> torch.Tensor:
            tensor: torch.Tensor = preset(image.convert("RGB"))
            return tensor

        return apply

    def to_message(self) -> dict[str, Any]:
        """Return the numbers as plain keys."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def seen(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the picture that the detector makes of an image."""
        fixed = self.fixed_size[::-1] if self.fixed_size is not None else None
        inside = GeneralizedRCNNTransform(
            self.min_size or 1, self.max_size or 1, list(self.mean), list(self.std), fixed_size=fixed
        ).eval()
        resized, _ = inside.resize(inside.normalize(inputs[0]))
        return denormalised(resized, self.mean, self.std)


@dataclass(frozen=True, slots=True)
class ClipPreprocessing:
    """The numbers of torchvision's ``VideoClassification``, and how many frames go in.

    Attributes
    ----------
    frames
        So many go in, evenly spaced over the clip.
    resize_size
        One number for the shorter side, or height and width.
    crop_size
        Height and width of what is cut from the middle then.
    """

    frames: int
    resize_size: tuple[int, ...]
    crop_size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    source: str = "checkpoint"

    @classmethod
    def from_transform(cls, transform: VideoClassification, frames: int, source: str) -> ClipPreprocessing:
        """Take the numbers from a transform of one of torchvision's weights entries."""
        height, width = map(int, transform.crop_size)
        mean, std, way = tuple(transform.mean), tuple(transform.std), transform.interpolation.value
        return cls(frames, tuple(map(int, transform.resize_size)), (height, width), mean, std, way, source)

    def changed(self, keys: Mapping[str, Any]) -> ClipPreprocessing:
        """Return it with other numbers; errors as in `SegmentationPreprocessing.changed`."""
        told = asdict(self) | dict(keys)
        refuse_unknown(keys, asdict(self))
        frames, (height, width) = side(told, "frames", 1, _MOST_FRAMES), pair(told, "crop_size")
        if frames * height * width > _MOST_CLIP_PIXELS:
            raise unusable(f"asks for {frames} frames of {width} × {height} pixels, more than fit into the memory")
        return ClipPreprocessing(
            frames,
            sides(told, "resize_size"),
            (height, width),
            channels(told, "mean"),
            deviations(told),
            interpolation(told),
        )

    def transform(self) -> Callable[[Sequence[Image.Image]], torch.Tensor]:
        """Return the function that turns frames into a float32 tensor of shape (3, frames, height, width)."""
        preset = VideoClassification(
            crop_size=self.crop_size,
            resize_size=self.resize_size,
            mean=self.mean,
            std=self.std,
            interpolation=INTERPOLATIONS[self.interpolation],
        )

        def apply(frames: Sequence[Image.Image]) -> torch.Tensor:
            # one by one: they need not be of one size, and a clip of photographs need not be in memory twice
            made: dict[int, torch.Tensor] = {}
            for frame in frames:
                if id(frame) not in made:
                    if len(self.resize_size) == 1:
                        refuse_ribbon(frame, self.resize_size[0], _MOST_SEGMENTED_PIXELS)
                    made[id(frame)] = preset(functional.pil_to_tensor(frame.convert("RGB"))[None])
            return torch.cat([made[id(frame)] for frame in frames], dim=1)

        return apply

    def to_message(self) -> dict[str, Any]:
        """Return the numbers as plain keys; a resize of the shorter side is one number."""
        resize = self.resize_size[0] if len(self.resize_size) == 1 else self.resize_size
        return asdict(self) | {"resize_size": resize}

    def seen(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the frames as they go in, in rows of four."""
        frames = denormalised(inputs[0], self.mean, self.std).unbind(1)
        columns = min(_SHEET_COLUMNS, len(frames))
        missing = -len(frames) % columns
        cells = [*frames, *[torch.zeros_like(frames[0])] * missing]
        rows = [torch.cat(cells[start : start + columns], dim=2) for start in range(0, len(cells), columns)]
        return torch.cat(rows, dim=1)


@dataclass(frozen=True, slots=True)
class FlowPreprocessing:
    """The numbers of torchvision's ``OpticalFlow``, and how large an image goes in.

    Attributes
    ----------
    max_size
        Images whose longer side has more pixels are made smaller: RAFT's memory grows with the square of the pixels.
    mean, std
        Three each, of channels from 0 to 1.
    """

    max_size: int = 960
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    source: str = "checkpoint"

    def changed(self, keys: Mapping[str, Any]) -> FlowPreprocessing:
        """Return it with other numbers; errors as in `SegmentationPreprocessing.changed`."""
        told = asdict(self) | dict(keys)
        refuse_unknown(keys, asdict(self))
        return FlowPreprocessing(side(told, "max_size", 8, _LARGEST_FLOW), channels(told, "mean"), deviations(told))

    def transform(self) -> Callable[[Sequence[Image.Image]], tuple[torch.Tensor, torch.Tensor]]:
        """Return the function that turns two images of one size into float32 tensors of shape (3, height, width)."""

        def normal(image: Image.Image) -> torch.Tensor:
            values = functional.convert_image_dtype(functional.pil_to_tensor(image.convert("RGB")), torch.float)
            tensor: torch.Tensor = functional.normalize(values, self.mean, self.std)
            return tensor.contiguous()

        def apply(images: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
            first, second = images
            return normal(first), normal(second)

        return apply

    def to_message(self) -> dict[str, Any]:
        """Return the numbers as plain keys."""
        return asdict(self)

    def seen(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the two images side by side."""
        return torch.cat([denormalised(tensor, self.mean, self.std) for tensor in inputs], dim=2)
