"""Make ``resources/architectures/`` from the installed torchvision: run it after every torchvision release.

Every builder is built on the meta device, without weights, so nothing is downloaded or initialised. What
depends on an option (number of classes, auxiliary heads, image size) is found by building twice.

    python tools/make_catalogue.py            writes the files
    python tools/make_catalogue.py --check    exits with 1 and a sentence when they are not up to date
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torchvision
from torch import nn
from torchvision import models
from torchvision.models import regnet

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from inspector.architectures import layouts  # noqa: E402  (the checkout's, installed or not)

FOLDER = ROOT / "resources" / "architectures"
OTHER_CLASSES = 7  # any number that is no builder's default
OPTIONS = ("aux_logits", "aux_loss")
Head: TypeAlias = dict[str, list[int]]  # key -> axis and factor, as in inspector.architectures.builders.Head
TASKS = {
    "torchvision.models.segmentation": "semantic_segmentation",
    "torchvision.models.detection": "detection",
    "torchvision.models.detection.mask_rcnn": "instance_segmentation",
    "torchvision.models.detection.keypoint_rcnn": "keypoint_detection",
    "torchvision.models.video": "video_classification",
    "torchvision.models.optical_flow": "optical_flow",
}


@contextmanager
def on_meta() -> Iterator[None]:
    """Build on the meta device; RegNets compute their widths with real tensors, which stay on the CPU."""
    compute = regnet.BlockParams.from_init_params

    def compute_on_cpu(*args: Any, **options: Any) -> Any:
        with torch.device("cpu"):
            return compute(*args, **options)

    regnet.BlockParams.from_init_params = compute_on_cpu
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's deprecations of eager quantization
            yield
    finally:
        regnet.BlockParams.from_init_params = compute


def build(name: str, **options: Any) -> nn.Module:
    builder = models.get_model_builder(name)
    taken = inspect.signature(builder).parameters
    options |= {key: None for key in ("weights", "weights_backbone") if key in taken}
    if "googlenet" in name or "inception" in name:
        options["init_weights"] = False
    with on_meta():
        model = builder(**options)
    assert isinstance(model, nn.Module)
    return model


def builds(name: str, option: str) -> list[dict[str, layouts.Tensor]]:
    """Return the tensors with the option on and off; nothing where the builder has no such option."""
    try:
        with_and_without = [tensors_of(build(name, **{option: value})) for value in (True, False)]
    except (TypeError, NotImplementedError):
        return []
    # Some builders swallow any keyword.
    return with_and_without if with_and_without[0] != with_and_without[1] else []


def tensors_of(model: nn.Module) -> dict[str, layouts.Tensor]:
    parameters = dict(model.named_parameters(remove_duplicate=False))
    found = {}
    for key, value in model.state_dict().items():
        role: layouts.Role = "parameter" if key in parameters else "buffer"
        found[key] = layouts.Tensor(tuple(value.shape), role, str(value.dtype).removeprefix("torch."))
    return found


def layout_of(name: str, model: nn.Module) -> tuple[layouts.Layout, dict[str, bool]]:
    """Return the layout with all optional modules, and the options with their defaults."""
    default = tensors_of(model)
    option, found = next(((option, found) for option in OPTIONS if (found := builds(name, option))), ("", []))
    if not found:
        return layouts.Layout(default, {}), {}
    full, bare = found
    optional = {key.partition(".")[0]: option for key in full if key not in bare}
    assert default in (full, bare)
    assert bare == {key: tensor for key, tensor in full.items() if key.partition(".")[0] not in optional}
    return layouts.Layout(full, optional), {option: default == full}


def head_of(name: str, layout: layouts.Layout, options: dict[str, bool]) -> tuple[int | None, Head]:
    """Return the default number of classes, and the head."""
    full = dict.fromkeys(options, True)
    try:
        other = tensors_of(build(name, num_classes=OTHER_CLASSES, **full))
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
        factor, rest = divmod(other[key].shape[axis], OTHER_CLASSES)
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


def weights_of(entry: Any) -> dict[str, Any]:
    preset = getattr(entry.transforms, "func", entry.transforms)
    arguments = inspect.signature(preset).bind(**getattr(entry.transforms, "keywords", {}))
    arguments.apply_defaults()
    plain = {key: getattr(value, "value", value) for key, value in arguments.arguments.items()}
    file = entry.url.rpartition("/")[2]
    digits = re.search(r"-([0-9a-f]{8,})\.pth$", file)
    metrics = next(iter(entry.meta["_metrics"].values()))
    return {
        "name": str(entry),
        "file": file,
        "sha256": digits[1] if digits else "",
        "metrics": {key: value for key, value in metrics.items() if math.isfinite(value)},
        "preset": preset.__name__,
        "transforms": {key: value for key, value in plain.items() if key not in ("args", "kwargs")},
    }


def task_of(name: str) -> str:
    module = models.get_model_builder(name).__module__
    return TASKS.get(module) or TASKS.get(module.rpartition(".")[0]) or "classification"


def record_of(name: str) -> tuple[dict[str, Any], layouts.Layout]:
    model = build(name)
    layout, options = layout_of(name, model)
    default, head = head_of(name, layout, options)
    modules = list(model.modules())
    weights = models.get_model_weights(name)
    record: dict[str, Any] = {
        "task": task_of(name),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "num_classes": default,
        "head": head,
        "dropout": sum(isinstance(module, nn.modules.dropout._DropoutNd) for module in modules),
        "batch_norm": sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in modules),
        "default_weights": weights.DEFAULT.name,
        "weights": [weights_of(entry) for entry in weights],
    }
    if name.startswith("quantized_"):
        record["quantized"] = True
    if options:
        record["options"] = options
    size = image_size_of(name, layout)
    if size:
        record["image_size"] = size
    return record, layout


def make() -> dict[str, str]:
    """Return the text of every shipped file, by name."""
    records: dict[str, dict[str, Any]] = {}
    outlines: dict[str, str] = {}
    # Float builders first, so that a quantized twin points to its float builder's section.
    for name in sorted(models.list_models(), key=lambda name: (name.startswith("quantized_"), name)):
        record, layout = record_of(name)
        outline = layouts.outline(layout)
        if list(layouts.parse(outline).tensors.items()) != list(layout.tensors.items()):
            raise SystemExit(f"The format of layouts.txt cannot express {name}: extend layouts.py.")
        twin = next((other for other, text in outlines.items() if text == outline), None)
        if twin:
            record["layout"] = twin
        else:
            outlines[name] = outline
        records[name] = record
    body = ",\n".join(f"{json.dumps(name)}: {json.dumps(records[name])}" for name in sorted(records))
    version = torchvision.__version__.partition("+")[0]
    categories = models.ResNet18_Weights.DEFAULT.meta["categories"]
    head = "Made by tools/make_catalogue.py; the format is described in inspector/architectures/layouts.py.\n"
    return {
        "catalogue.json": f'{{"torchvision": "{version}", "architectures": {{\n{body}\n}}}}\n',
        "layouts.txt": head + "".join(f"[{name}]\n{text}" for name, text in sorted(outlines.items())),
        "imagenet_categories.txt": "".join(f"{category}\n" for category in categories),
    }


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
