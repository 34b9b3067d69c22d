"""torchvision's official weights entries: what a file of theirs is called, and what it was made and measured with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

from inspector.shipped import shipped_path

FOLDER = "architectures"  # below resources/

#: A builder's options by name, and what stands beside them: see `inspector.architectures.classes`.
Value: TypeAlias = bool | int | float | str
Options: TypeAlias = Mapping[str, Value]

#: What a model can be built with that is no argument of its builder: torchvision decides both by the weights.
NO_ARGUMENTS = frozenset({"frozen_batch_norm", "norm_eps"})

_MEBIBYTE = 1 << 20
_SIZE_STEP = 0.001  # MiB: torchvision's sizes are rounded to three digits
_HEX = re.compile(r"[0-9a-f]{0,64}")
_COPY = re.compile(r"( ?\(\d+\)|[-_ ]copy(?: ?\d+)?)(?=\.)")  # what browsers and file managers add to a name


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
    full_name
        With its enum, for example ``"ResNet18_Weights.IMAGENET1K_V1"``.
    file
        Name of the file that torchvision downloads.
    sha256_prefix
        The first hex digits (8, rarely 10) of the file's SHA-256 that its name carries; empty for none.
    file_size
        In MiB, rounded to three digits; None where it isn't published.
    num_params
        Number of trained elements, as published; None where it isn't.
    metrics
        As published, by data set, for example ``{"ImageNet-1K": {"acc@1": 69.758, "acc@5": 89.078}}`` (percent).
    recipe
        Address of the page that tells how the weights were made; empty for none.
    license
        Address of a licence of their own; empty where torchvision's holds.
    preset
        Class name of the entry's transforms, for example ``"ImageClassification"``; empty for none.
    transforms
        The arguments of that preset, defaults included.
    category_list, keypoint_list
        Names of the lists that `categories` and `keypoint_names` return, for example ``"ImageNet-1K"``; empty
        for none.
    options
        What the official build differs in from the builder's defaults, the number of classes included.
    unquantized
        Full name of the entry that a quantized one was made from; empty for none.
    """

    full_name: str
    file: str
    sha256_prefix: str
    file_size: float | None = None
    num_params: int | None = None
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    recipe: str = ""
    license: str = ""
    preset: str = ""
    transforms: Mapping[str, Any] = field(default_factory=dict)
    category_list: str = ""
    keypoint_list: str = ""
    options: Options = field(default_factory=dict)
    unquantized: str = ""

    @property
    def name(self) -> str:
        """The entry's own name, for example ``"IMAGENET1K_V1"``."""
        return self.full_name.partition(".")[2]

    @property
    def preprocessing(self) -> Preprocessing | None:
        """The transforms of an entry that classifies pictures, else None."""
        if self.preset != "ImageClassification":
            return None
        mean, std = tuple(self.transforms["mean"]), tuple(self.transforms["std"])
        return Preprocessing(**{**self.transforms, "mean": mean, "std": std})

    @property
    def categories(self) -> tuple[str, ...]:
        """Name of each class by its index, a detector's background included; empty where there are none."""
        return category_lists().get(self.category_list, ())

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Name of each keypoint by its index; empty where there are none."""
        return category_lists().get(self.keypoint_list, ())

    def can_have_size(self, size: int) -> bool:
        """Tell whether a file of that many bytes can be the entry's, to the digits of the published size."""
        return self.file_size is None or abs(size / _MEBIBYTE - self.file_size) <= _SIZE_STEP

    def has_checksum(self, sha256: str) -> bool:
        """Tell whether a SHA-256 in hex digits begins with the published ones.

        A published prefix of 8 digits can be forged: a match names the entry and says nothing about safety.
        """
        return bool(self.sha256_prefix) and sha256.lower().startswith(self.sha256_prefix)

    def is_named(self, file_name: str) -> bool:
        """Tell whether a file's name is the official one, as it is or as a second download is called."""
        return _COPY.sub("", file_name) == self.file


@cache
def category_lists() -> Mapping[str, tuple[str, ...]]:
    """Return the shipped lists of classes and keypoints by name, for example ``"ImageNet-1K"``."""
    return {name: tuple(names) for name, names in json.loads(read("categories.json")).items()}


def imagenet_categories() -> tuple[str, ...]:
    """Return the 1,000 ImageNet-1K category names, by class index."""
    return category_lists()["ImageNet-1K"]


def builder_arguments(options: Options) -> dict[str, Value]:
    """Return those of the options that torchvision's builders take as arguments."""
    return {name: value for name, value in options.items() if name not in NO_ARGUMENTS}


def read(file: str) -> str:
    """Return the text of a shipped file of the catalogue."""
    return shipped_path(f"{FOLDER}/{file}").read_text(encoding="utf-8")


def entry_from_json(record: Mapping[str, Any]) -> OfficialWeights:
    """Return the entry that a record of ``catalogue.json``, or of a file of the same form, describes.

    Raises
    ------
    TypeError
        The record lacks its name, or has something that no entry has.
    ValueError
        The checksum is none.
    """
    entry = OfficialWeights(**{_FIELDS.get(name, name): value for name, value in record.items()})
    if not _HEX.fullmatch(entry.sha256_prefix) or not isinstance(entry.full_name, str):
        raise ValueError(f"{entry.full_name} has no SHA-256 or no name.")
    return entry


# short names in the file
_FIELDS = {"name": "full_name", "sha256": "sha256_prefix", "categories": "category_list", "keypoints": "keypoint_list"}
