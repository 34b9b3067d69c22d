"""Make ``resources/architectures/`` from the installed torchvision: run it after every torchvision release.

Every builder is built on the meta device, without weights, so nothing is downloaded or initialised. What
depends on an option (number of classes, auxiliary heads, image size) is found by building twice. What an official
weights entry changes besides the weights is found by building as it does, with the loading left out. Quantized
builders are built once more on the CPU, converted.

    python tools/make_catalogue.py            writes the files
    python tools/make_catalogue.py --check    exits with 1 and a sentence when they are not up to date
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import sys
from pathlib import Path
from typing import Any, TypeAlias

import torchvision
from torch import nn
from torchvision import models

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]  # the checkout's, installed or not

from tools.official_entries import CATEGORIES, assumed_of, entry_options, weights_of  # noqa: E402
from tools.torchvision_builders import Tensors, build, frozen_norms, tensors_of  # noqa: E402

from inspector.architectures import layouts  # noqa: E402

FOLDER = ROOT / "resources" / "architectures"
OTHER_COUNT = 7  # of classes or keypoints: any number that is no builder's default
OPTIONS = ("aux_logits", "aux_loss")
BACKBONE = "backbone.body."  # what torchvision's detectors freeze
Head: TypeAlias = dict[str, list[int]]  # key -> axis and factor, as in inspector.architectures.builders.Head
TASKS = {
    "torchvision.models.segmentation": "semantic_segmentation",
    "torchvision.models.detection": "detection",
    "torchvision.models.detection.mask_rcnn": "instance_segmentation",
    "torchvision.models.detection.keypoint_rcnn": "keypoint_detection",
    "torchvision.models.video": "video_classification",
    "torchvision.models.optical_flow": "optical_flow",
}


def has_option(name: str, model: nn.Module, option: str) -> bool:
    """Tell whether a builder has an option: it names it, or hands it on to a model that keeps it."""
    return option in inspect.signature(models.get_model_builder(name)).parameters or hasattr(model, option)


def layout_of(name: str, model: nn.Module, **given: Any) -> tuple[layouts.Layout, dict[str, bool]]:
    """Return the layout with all optional modules, and the options with their defaults."""
    default = tensors_of(model)
    option = next((option for option in OPTIONS if has_option(name, model, option)), None)
    if option is None:
        return layouts.Layout(default, {}), {}
    full, bare = (tensors_of(build(name, **given, **{option: value})) for value in (True, False))
    optional = {key.partition(".")[0]: option for key in full if key not in bare}
    assert optional
    assert default in (full, bare)
    assert bare == {key: tensor for key, tensor in full.items() if key.partition(".")[0] not in optional}
    return layouts.Layout(full, optional), {option: default == full}


def head_of(name: str, layout: layouts.Layout, count: str, options: dict[str, bool]) -> tuple[int | None, Head]:
    """Return the default of a count such as ``num_classes``, and where the tensors carry it."""
    full: dict[str, Any] = dict.fromkeys(options, True)
    if count == "num_keypoints" and count not in inspect.signature(models.get_model_builder(name)).parameters:
        return None, {}
    try:
        other = tensors_of(build(name, **full | {count: OTHER_COUNT}))
    except TypeError:
        return None, {}
    head: Head = {}
    defaults = set()
    for key, tensor in layout.tensors.items():
        pairs = zip(tensor.shape, other[key].shape, strict=True)
        changed = [axis for axis, (a, b) in enumerate(pairs) if a != b]
        if not changed:
            continue
        (axis,) = changed
        factor, rest = divmod(other[key].shape[axis], OTHER_COUNT)
        assert rest == 0
        defaults.add(tensor.shape[axis] // factor)
        assert tensor.shape[axis] % factor == 0
        head[key] = [axis, factor]
    (default,) = defaults
    return default, head


def image_size_of(name: str, layout: layouts.Layout) -> dict[str, Any] | None:
    """Return where a vision transformer keeps its image size."""
    if not name.startswith("vit_"):
        return None
    patch = layout.tensors["conv_proj.weight"].shape[-1]
    other = tensors_of(build(name, image_size=patch * 4))
    (key,) = (key for key in other if other[key] != layout.tensors[key])
    assert other[key].shape[1] == 4**2 + 1
    return {"key": key, "patch": patch, "default": math.isqrt(layout.tensors[key].shape[1] - 1) * patch}


def frozen_norms_of(name: str, default: Tensors) -> str:
    """Return the prefix of the batch norms that weights freeze, empty where there are none."""
    if "weights_backbone" not in inspect.signature(models.get_model_builder(name)).parameters:
        return ""
    frozen = build(name, frozen=True)
    norms = frozen_norms(frozen)
    if not norms:
        return ""
    assert all(norm.startswith(BACKBONE) for norm in norms)
    counters = {key for key in default if key.startswith(BACKBONE) and key.endswith(layouts.COUNTER)}
    assert counters == {f"{norm}{layouts.COUNTER}" for norm in norms}
    assert tensors_of(frozen).keys() == default.keys() - counters
    return BACKBONE


def task_of(name: str) -> str:
    module = models.get_model_builder(name).__module__
    return TASKS.get(module) or TASKS.get(module.rpartition(".")[0]) or "classification"


def record_of(name: str) -> tuple[dict[str, Any], layouts.Layout]:
    model = build(name)
    layout, options = layout_of(name, model)
    classes, head = head_of(name, layout, "num_classes", options)
    keypoints, keypoint_head = head_of(name, layout, "num_keypoints", options)
    modules = list(model.modules())
    weights = models.get_model_weights(name)
    record: dict[str, Any] = {
        "task": task_of(name),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "num_classes": classes,
        "head": head,
        "num_keypoints": keypoints,
        "keypoint_head": keypoint_head,
        "dropout": sum(isinstance(module, nn.modules.dropout._DropoutNd) for module in modules),
        "batch_norm": sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in modules),
        "options": options,
        "image_size": image_size_of(name, layout),
        "frozen_norms": frozen_norms_of(name, tensors_of(model)),
        "default_weights": weights.DEFAULT.name,
    }
    record = {key: value for key, value in record.items() if value not in (None, {}, "") or key in ALWAYS}
    told = [entry_options(name, entry, record, set(layout.optional)) for entry in weights]
    record["assumed"] = assumed_of(name, model, weights, told)
    if not record["assumed"]:
        del record["assumed"]
    record["weights"] = [weights_of(entry, options) for entry, options in zip(weights, told, strict=True)]
    return record, layout


ALWAYS = ("num_classes", "head")


def make() -> dict[str, str]:
    """Return the text of every shipped file, by name."""
    records: dict[str, dict[str, Any]] = {}
    outlines: dict[str, str] = {}
    # Float builders first, so that a quantized twin points to its float builder's section.
    for name in sorted(models.list_models(), key=lambda name: (name.startswith("quantized_"), name)):
        records[name], layout = record_of(name)
        section = shared_section(outlines, name, layout)
        if section != name:
            records[name]["layout"] = section
        if name.startswith("quantized_"):
            layout, _ = layout_of(name, build(name, quantize=True), quantize=True)
            records[name]["converted"] = shared_section(outlines, f"{name} quantize", layout)
    body = ",\n".join(f"{json.dumps(name)}: {json.dumps(records[name])}" for name in sorted(records))
    version = torchvision.__version__.partition("+")[0]
    categories = ",\n".join(f"{json.dumps(title)}: {json.dumps(names)}" for title, names in CATEGORIES.items())
    head = "Made by tools/make_catalogue.py; the format is described in inspector/architectures/layouts.py.\n"
    return {
        "catalogue.json": f'{{"torchvision": "{version}", "architectures": {{\n{body}\n}}}}\n',
        "layouts.txt": head + "".join(f"[{name}]\n{text}" for name, text in sorted(outlines.items())),
        "categories.json": f"{{\n{categories}\n}}\n",
    }


def shared_section(outlines: dict[str, str], name: str, layout: layouts.Layout) -> str:
    """Add a layout's outline under a name, or return the name under which the same is there already."""
    outline = layouts.outline(layout)
    if list(layouts.parse(outline).tensors.items()) != list(layout.tensors.items()):
        raise SystemExit(f"The format of layouts.txt cannot express {name}: extend layouts.py.")
    twin = next((other for other, text in outlines.items() if text == outline), None)
    if twin is None:
        outlines[name] = outline
    return twin or name


def main() -> int:
    parser = argparse.ArgumentParser(description="Make resources/architectures from torchvision")
    parser.add_argument("--check", action="store_true", help="compare with the shipped files, write nothing")
    check = parser.parse_args().check
    for file, text in make().items():
        path = FOLDER / file
        shipped = path.read_text(encoding="utf-8") if path.exists() else ""
        if check and shipped != text:
            print(f"resources/architectures/{file} is not up to date: run python tools/make_catalogue.py.")
            return 1
        if not check:
            FOLDER.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{path.relative_to(ROOT)}: {len(text.encode()):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
