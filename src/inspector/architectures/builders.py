"""torchvision's builders as shipped data: what each holds and expects, and which official weights it has.

``resources/architectures/catalogue.json`` holds one record per builder, ``layouts.txt`` beside it the tensors
(its format: `inspector.architectures.layouts`); ``tools/make_catalogue.py`` makes both from an installed
torchvision. Nothing is read before the first call; an architecture's tensors when they are first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

from inspector.architectures.layouts import Layout, Role, Shape, parse, sections
from inspector.errors import InspectorError
from inspector.shipped import shipped_path

FOLDER = "architectures"  # below resources/

Options: TypeAlias = Mapping[str, bool | int]  # builder options by name, for example {"aux_logits": False}


class UnknownArchitectureError(InspectorError):
    """No builder of the catalogue has that name."""


@dataclass(frozen=True)
class Preprocessing:
    """How torchvision's ``ImageClassification`` preset turns a picture into the network's input.

    The shorter side is resized to ``resize_size`` pixels, a middle square of ``crop_size`` pixels is kept,
    and values in 0..1 become ``(value - mean) / std`` per channel: red, green, blue.
    """

    resize_size: int
    crop_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str  # "bilinear" or "bicubic"
    antialias: bool = True


@dataclass(frozen=True)
class OfficialWeights:
    """One entry of a builder's weights enum.

    Attributes
    ----------
    name
        The entry's own name, for example ``"IMAGENET1K_V1"``.
    full_name
        With its enum, for example ``"ResNet18_Weights.IMAGENET1K_V1"``.
    file
        Name of the file that torchvision downloads.
    sha256_prefix
        The first hex digits (8, rarely 10) of the file's SHA-256 that its name carries; empty for none.
    metrics
        As published with the weights, for example ``{"acc@1": 69.758, "acc@5": 89.078}`` (percent).
    preset
        Class name of the entry's transforms, for example ``"ImageClassification"``.
    transforms
        The arguments of that preset, defaults included.
    preprocessing
        The same for classification of pictures, else None.
    """

    name: str
    full_name: str
    file: str
    sha256_prefix: str
    metrics: Mapping[str, float]
    preset: str
    transforms: Mapping[str, Any]
    preprocessing: Preprocessing | None


@dataclass(frozen=True)
class Head:
    """Where one tensor of a head carries the number of classes: ``shape[axis] == factor * num_classes``."""

    axis: int
    factor: int


@dataclass(frozen=True)
class ImageSize:
    """The input size of a vision transformer, held by the length of its position embedding ``key``.

    Its shape is ``(1, (image_size / patch) ** 2 + 1, hidden)``; ``default`` is the builder's, in pixels.
    """

    key: str
    patch: int
    default: int


@dataclass(frozen=True)
class Architecture:
    """One torchvision builder.

    Attributes
    ----------
    name
        As in ``torchvision.models.list_models()``.
    task
        ``classification``, ``semantic_segmentation``, ``detection``, ``instance_segmentation``,
        ``keypoint_detection``, ``video_classification`` or ``optical_flow``.
    quantized
        From ``torchvision.models.quantization``; its tensors are the float twin's until it is quantized.
    parameters
        Number of trained elements with default options; buffers are not counted.
    num_classes
        The builder's default; None where it has no classes (optical flow).
    heads
        The tensors whose shape depends on the number of classes (which counts a detector's background class).
    options
        Boolean builder options that add or drop modules, with the default under ``weights=None``.
    image_size
        Of a vision transformer, else None.
    dropout_count, batch_norm_count
        Number of modules that behave differently in training mode, with default options.
    weights, default_weights
        The official weights, and the name of the entry that ``DEFAULT`` stands for.
    layout_name
        Section of ``layouts.txt`` that holds the tensors; twins share one.
    """

    name: str
    task: str
    quantized: bool
    parameters: int
    num_classes: int | None
    heads: Mapping[str, Head]
    options: Mapping[str, bool]
    image_size: ImageSize | None
    dropout_count: int
    batch_norm_count: int
    weights: tuple[OfficialWeights, ...]
    default_weights: str | None
    layout_name: str = field(repr=False)

    @property
    def layout(self) -> Layout:
        """Every tensor, those of optional modules included."""
        return _layout(self.layout_name)

    @cached_property
    def signature(self) -> Mapping[str, Shape]:
        """Shape of every key of the state_dict with default options, in its order."""
        return self.signature_with({})

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """``"parameter"`` or ``"buffer"`` for every key, those of optional modules included."""
        return {key: tensor.role for key, tensor in self.layout.tensors.items()}

    @cached_property
    def dtypes(self) -> Mapping[str, str]:
        """Name of the dtype, as torch writes it, for every key, those of optional modules included."""
        return {key: tensor.dtype for key, tensor in self.layout.tensors.items()}

    @property
    def head_keys(self) -> tuple[str, ...]:
        """Keys whose shape depends on the number of classes."""
        return tuple(self.heads)

    def signature_with(self, options: Options) -> dict[str, Shape]:
        """Return the shape of every key that the builder makes under these boolean options."""
        tensors, optional = self.layout
        left_out = {module for module, option in optional.items() if not options.get(option, self.options[option])}
        if not left_out:
            return {key: tensor.shape for key, tensor in tensors.items()}
        return {key: t.shape for key, t in tensors.items() if key.partition(".")[0] not in left_out}

    def preprocessing_for(self, options: Options) -> Preprocessing | None:
        """Return what a model built with these options expects; None unless it classifies pictures.

        That is what the default weights expect. For a vision transformer the image size decides: the official
        weights of that size, or else the default's with the picture resized to it.
        """
        default = next((w.preprocessing for w in self.weights if w.name == self.default_weights), None)
        if default is None or self.image_size is None:
            return default
        size = int(options.get("image_size", self.image_size.default))
        known = [default, *(w.preprocessing for w in self.weights if w.preprocessing)]
        same_size = next((preprocessing for preprocessing in known if preprocessing.crop_size == size), None)
        return same_size or replace(default, resize_size=size, crop_size=size)


@cache
def catalogue() -> Mapping[str, Architecture]:
    """Return the 121 builders by name, in alphabetical order. Read once per process."""
    records = json.loads(_read("catalogue.json"))["architectures"]
    return MappingProxyType({name: _architecture(name, record) for name, record in records.items()})


def architecture(name: str) -> Architecture:
    """Return one builder.

    Raises
    ------
    UnknownArchitectureError
        There is none of that name; the hint names the nearest ones.
    """
    found = catalogue().get(name)
    if found is None:
        raise UnknownArchitectureError(f"torchvision has no architecture named “{name[:80]}”.", _nearest(name))
    return found


@cache
def imagenet_categories() -> tuple[str, ...]:
    """Return the 1,000 ImageNet-1K category names, by class index."""
    return tuple(_read("imagenet_categories.txt").splitlines())


def torchvision_version() -> str:
    """Return the version of torchvision that the shipped data was made from."""
    return str(json.loads(_read("catalogue.json"))["torchvision"])


def _nearest(name: str) -> str:
    import difflib  # only an error needs it

    near = difflib.get_close_matches(name[:80].lower(), catalogue(), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else "Choose one of torchvision.models.list_models()."


def _read(file: str) -> str:
    return shipped_path(f"{FOLDER}/{file}").read_text(encoding="utf-8")


@cache
def _sections() -> dict[str, str]:
    return sections(_read("layouts.txt"))


@cache
def _layout(name: str) -> Layout:
    return parse(_sections()[name])


def _architecture(name: str, record: dict[str, Any]) -> Architecture:
    size = record.get("image_size")
    return Architecture(
        name=name,
        task=record["task"],
        quantized=record.get("quantized", False),
        parameters=record["parameters"],
        num_classes=record["num_classes"],
        heads={key: Head(*place) for key, place in record["head"].items()},
        options=record.get("options", {}),
        image_size=ImageSize(**size) if size else None,
        dropout_count=record["dropout"],
        batch_norm_count=record["batch_norm"],
        weights=tuple(_weights(entry) for entry in record["weights"]),
        default_weights=record["default_weights"],
        layout_name=record.get("layout", name),
    )


def _weights(entry: dict[str, Any]) -> OfficialWeights:
    preset, transforms = entry["preset"], entry["transforms"]
    preprocessing = None
    if preset == "ImageClassification":
        mean, std = tuple(transforms["mean"]), tuple(transforms["std"])
        preprocessing = Preprocessing(**{**transforms, "mean": mean, "std": std})
    full_name = entry["name"]
    return OfficialWeights(
        name=full_name.partition(".")[2],
        full_name=full_name,
        file=entry["file"],
        sha256_prefix=entry["sha256"],
        metrics=entry["metrics"],
        preset=preset,
        transforms=transforms,
        preprocessing=preprocessing,
    )
