"""What ``catalogue.json`` says of official weights entries, and what they change in a model besides its weights."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from tools.torchvision_builders import Attributes, Tensors, attributes_of, build, frozen_norms, tensors_of
from torch import nn
from torchvision.models import _meta

CATEGORIES = {
    "ImageNet-1K": _meta._IMAGENET_CATEGORIES,
    "Kinetics-400": _meta._KINETICS400_CATEGORIES,
    "COCO": _meta._COCO_CATEGORIES,
    "COCO person": _meta._COCO_PERSON_CATEGORIES,
    "COCO keypoints": _meta._COCO_PERSON_KEYPOINT_NAMES,
    "Pascal VOC": _meta._VOC_CATEGORIES,
}


def frozen_eps_of(model: nn.Module) -> float | None:
    """Return the one eps of the frozen batch norms, None where nothing is frozen."""
    norms: list[Any] = [model.get_submodule(name) for name in frozen_norms(model)]
    found = {float(norm.eps) for norm in norms}
    assert len(found) < 2
    return found.pop() if found else None


class Facts(NamedTuple):
    """What can be seen of a model without its values."""

    tensors: Tensors
    attributes: Attributes
    eps: float | None


@lru_cache(maxsize=4)  # a builder's entries mostly share one
def facts_of(name: str, frozen: bool, options: tuple[tuple[str, Any], ...]) -> Facts:
    model = build(name, frozen=frozen, **dict(options))
    return Facts(tensors_of(model), attributes_of(model), frozen_eps_of(model))


def entry_options(name: str, entry: Any, record: dict[str, Any], optional: Iterable[str]) -> dict[str, Any]:
    """Return what an official entry's builder differs in from its defaults, besides the weights."""
    quantized = name.startswith("quantized_")
    model = build(name, weights=entry.meta["unquantized"] if quantized else entry)
    tensors = tensors_of(model)
    shown: dict[str, Any] = {}
    hidden: dict[str, Any] = {}
    tops = {key.partition(".")[0] for key in tensors}
    for option, default in record.get("options", {}).items():
        if (value := not tops.isdisjoint(optional)) != default:
            shown[option] = value
    size = record.get("image_size")
    if size and model.image_size != size["default"]:
        shown["image_size"] = model.image_size
    eps = frozen_eps_of(model)
    plain = facts_of(name, eps is not None, tuple(shown.items()))
    if eps is not None and eps != plain.eps:
        hidden["norm_eps"] = eps
    if getattr(model, "transform_input", False):
        hidden["transform_input"] = True
    if tensors != plain.tensors or not explained(attributes_of(model), plain.attributes, hidden):
        raise SystemExit(f"{entry} sets something on {name} that make_catalogue.py doesn't know of.")
    if eps is not None:
        shown["frozen_batch_norm"] = True
    if quantized:
        hidden |= {"quantize": True, "backend": entry.meta["backend"]}
    return shown | hidden


def explained(ours: Attributes, theirs: Attributes, hidden: Iterable[str]) -> bool:
    """Tell whether two models' attributes differ in no more than the hidden options."""
    names = {"norm_eps": "eps", "transform_input": "transform_input"}
    left_out = {names[option] for option in hidden}
    ours, theirs = (
        {module: {key: v for key, v in values.items() if key not in left_out} for module, values in found.items()}
        for found in (ours, theirs)
    )
    return ours == theirs


def weights_of(entry: Any, options: dict[str, Any]) -> dict[str, Any]:
    preset = getattr(entry.transforms, "func", entry.transforms)
    arguments = inspect.signature(preset).bind(**getattr(entry.transforms, "keywords", {}))
    arguments.apply_defaults()
    plain = {key: getattr(value, "value", value) for key, value in arguments.arguments.items()}
    file = entry.url.rpartition("/")[2]
    digits = re.search(r"-([0-9a-f]{8,})\.pth$", file)
    record = {
        "name": str(entry),
        "file": file,
        "sha256": digits[1] if digits else "",
        "file_size": entry.meta["_file_size"],
        "num_params": entry.meta["num_params"],
        "metrics": metrics_of(entry),
        "recipe": entry.meta["recipe"],
        "license": entry.meta.get("license", ""),
        "preset": preset.__name__,
        "transforms": {key: value for key, value in plain.items() if key not in ("args", "kwargs")},
        "categories": category_list(entry.meta.get("categories")),
        "keypoints": category_list(entry.meta.get("keypoint_names")),
        "options": options,
        "unquantized": str(entry.meta.get("unquantized") or ""),
    }
    return {key: value for key, value in record.items() if value != "" and value != {}} | {"sha256": record["sha256"]}


def metrics_of(entry: Any) -> dict[str, dict[str, float]]:
    """Return the published figures by data set; some are NaN."""
    figures = entry.meta["_metrics"].items()
    finite = {data: {key: v for key, v in values.items() if math.isfinite(v)} for data, values in figures}
    return {data: values for data, values in finite.items() if values}


def category_list(names: list[str] | None) -> str:
    if not names:
        return ""
    return next(title for title, known in CATEGORIES.items() if known == names)


def assumed_of(name: str, model: nn.Module, weights: Any, told: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the options that no tensor shows, as ``weights=None`` has them."""
    assumed: dict[str, Any] = {}
    if hasattr(model, "transform_input"):
        assumed["transform_input"] = model.transform_input
    if any("norm_eps" in options for options in told):
        assumed["norm_eps"] = frozen_eps_of(build(name, frozen=True))
    if name.startswith("quantized_"):
        assumed["backend"] = weights.DEFAULT.meta["backend"]  # the builder's default too, but inside its body
    return assumed
