"""Every builder: what the engine computes of an image file equals a plain torchvision script, alone and batched.

The script is torchvision's documented use: the weights entry's own ``transforms()``, eval mode, ``inference_mode``. The
engine decodes the same pictures from PNG bytes, prepares and computes them through its tasks. A few builders by
default, all 121 with ``-m slow``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.engine.builders import NORMS, calibrated, error, options_of, take_statistics
from torch import nn
from torchvision import models
from torchvision.transforms import functional

from inspector.engine.attach import Attachment, attach
from inspector.engine.building import task_of
from inspector.engine.items import prepare_item
from inspector.engine.predict import run_forward
from inspector.engine.tasks import Output, Prepared, task_named

TOLERANCE = 1e-4  # of the outputs' spread
QUICK = (
    "resnet18 vit_b_32 quantized_shufflenet_v2_x0_5 lraspp_mobilenet_v3_large ssdlite320_mobilenet_v3_large "
    "fasterrcnn_mobilenet_v3_large_320_fpn r3d_18 raft_small"
).split()
SIZES = ((300, 260), (220, 340), (300, 260))
#: RAFT needs multiples of 8; other sizes are padded, which `test_tasks` looks at.
FLOW_SIZES = ((160, 136), (136, 160), (160, 136))
#: As one attaches it whose weights have that threshold: everything is an answer.
ANSWER_ALL = {"ssd": {"score_thresh": 0.0, "detections_per_img": 20}, "fcos": {"score_thresh": 0.0}}
ANOTHER: dict[str, dict[str, Any]] = {
    "classification": {"resize_size": 300, "crop_size": 224, "mean": [0.5], "std": [0.3]},
    "segmentation": {"mean": [0.3]},
    "detection": {"mean": [0.3]},
    "video classification": {"resize_size": [180, 180]},
    "optical flow": {"mean": [0.2], "std": [0.9]},
}

Item = Sequence[Image.Image]


def all_builders() -> list[Any]:
    names = models.list_models()
    assert len(names) >= 121
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in names]


def picture(width: int, height: int, seed: int, shift: int = 0) -> Image.Image:
    """Return something like a photograph: gradients, edges of a few things, texture."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    x = x + shift
    channels = [120 + 70 * np.sin((x + seed * 31) / 23) * np.cos(y / 17), x * 200 / width, 255 - y * 200 / height]
    values = np.stack(channels, axis=-1)
    for _ in range(5):
        left, top, side = random.integers(0, width), random.integers(0, height), random.integers(20, 90)
        inside = (x >= left) & (x < left + side) & (y >= top) & (y < top + side)
        values[inside] = random.integers(0, 256, 3)
    values += random.normal(0, 12, values.shape)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def frames(name: str) -> int:
    """Return how many frames the tests' clips have: the fewest that the architecture takes, or eight."""
    return 16 if name.startswith("mvit") else 14 if name == "s3d" else 8


def items(name: str) -> list[Item]:
    """Return three items, the first and the last of one size: a photograph each, a clip or a pair."""
    task = task_of(name)
    if task == "optical flow":
        return [[picture(w, h, seed), picture(w, h, seed, shift=2)] for seed, (w, h) in enumerate(FLOW_SIZES)]
    if task == "video classification":
        return [[picture(w, h, seed, shift=3 * i) for i in range(frames(name))] for seed, (w, h) in enumerate(SIZES)]
    return [[picture(w, h, seed)] for seed, (w, h) in enumerate(SIZES)]


def options(name: str) -> dict[str, Any]:
    family = name.split("_")[0].rstrip("0123456789")
    special = {"ssd": "ssd", "ssdlite": "ssd", "retinanet": "ssd", "fcos": "fcos"}.get(family, "")
    return options_of(name) | ANSWER_ALL.get(special, {})


@torch.no_grad()
def made(name: str) -> nn.Module:
    """Return torchvision's model, quantized where it can be, whose answers depend on the picture."""
    model: Any = calibrated(name, "none quantized" if name.startswith("quantized_") else "none")
    if task_of(name) == "classification" and not name.startswith("quantized_"):
        # calibrated on noise, photographs grow in some from layer to layer, and so does their rounding
        transform = transform_of(name, model)
        hooks = [m.register_forward_pre_hook(take_statistics) for m in model.modules() if isinstance(m, NORMS)]
        if hooks:
            model(torch.stack([transform(item[0]) for item in items(name)[:2]]))
        for hook in hooks:
            hook.remove()
    if name.startswith("raft"):
        # random, its twelve steps run away, each a multiple of the last one's rounding
        model.update_block.flow_head.conv2.weight.mul_(0.05)
    for key, parameter in model.named_parameters():
        # random, boxes are moved by exp(±10) of their size, and again by the next head, and so is their rounding
        if key.endswith(("bbox_pred.weight", "bbox_reg.weight", "cls_score.weight")):
            parameter.mul_(0.1)
    for key, value in options(name).items():  # what the builder was not given
        if key in ("score_thresh", "detections_per_img"):
            setattr(model, key, value)
    return model  # type: ignore[no-any-return]


def transform_of(name: str, model: nn.Module) -> Any:
    """Return the default weights entry's transform; of ViTs, whose entries differ in size, the one that fits."""
    size = getattr(model, "image_size", None)
    entries = [models.get_model_weights(name).DEFAULT, *models.get_model_weights(name)]
    presets = [entry.transforms() for entry in entries]
    return next(preset for preset in presets if size is None or size == preset.crop_size[0])


def script(name: str, model: nn.Module, item: Item) -> list[torch.Tensor]:
    """Return what a person's script computes."""
    task, transform = task_of(name), transform_of(name, model)
    with torch.inference_mode():
        if task == "optical flow":
            first, second = transform(*item)
            return [model(first[None], second[None])[-1][0]]
        if task == "detection":
            return [value.float() for value in model([transform(item[0])])[0].values()]
        if task == "video classification":
            clip = torch.stack([functional.pil_to_tensor(frame) for frame in item])
            return [model(transform(clip)[None])[0]]
        said = model(transform(item[0])[None])
        return [(said["out"] if task == "segmentation" else said)[0]]


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def attached(name: str, model: nn.Module, another: bool = False) -> Attachment:
    task = task_of(name)
    keys = {"frames": frames(name)} if task == "video classification" else {}
    keys |= ANOTHER[task] if another else {}
    return attach(
        name, model.state_dict(), num_classes=None, device="cpu", options=options(name), preprocessing=keys or None
    )


def prepared_items(attachment: Attachment, given: Sequence[Item]) -> list[Prepared]:
    return [prepare_item(attachment, ["a.png"] * len(item), [png(image) for image in item]) for item in given]


def batches(attachment: Attachment, prepared: Sequence[Prepared]) -> list[Output]:
    """Return the outputs, computed in as few batches as the task allows."""
    task = task_named(attachment.task)
    groups: dict[Any, list[int]] = {}
    for place, one in enumerate(prepared):
        groups.setdefault(task.batch_key(one), []).append(place)
    assert len(groups) < len(prepared), "nothing was batched"
    found: dict[int, Output] = {}
    for places in groups.values():
        outputs = run_forward(attachment, task, [prepared[place] for place in places])
        found.update(zip(places, outputs, strict=True))
    return [found[place] for place in range(len(prepared))]


def raw(output: Output, size: tuple[int, int]) -> list[torch.Tensor]:
    """Return an engine's output in the form of the script's; masks are pasted as torchvision does."""
    values = {key: value.float() for key, value in output.items() if key != "finite"}
    if "masks" in values:
        from torchvision.models.detection.roi_heads import paste_masks_in_image

        values["masks"] = paste_masks_in_image(values["masks"][:, None], values["boxes"], size[::-1])
    return list(values.values())


def compared(theirs: list[torch.Tensor], ours: list[torch.Tensor]) -> float:
    """Return the largest difference relative to the spread; infinite where the outputs differ in form."""
    assert theirs[0].numel()
    assert all(bool(out.isfinite().all()) for out in theirs)
    if [a.shape for a in theirs] != [b.shape for b in ours]:
        return float("inf")
    # a spread of 0 (the labels of a detector that sees one thing everywhere) is compared as it is
    pairs = list(zip(theirs, ours, strict=True))
    return max(error([a], [b]) if a.numel() > 1 and a.std() > 0 else float((a - b).abs().max()) for a, b in pairs)


def before_suppression(model: nn.Module, run: Callable[[], Any]) -> tuple[Any, list[torch.Tensor]]:
    """Return what a call gives, and what a detector's dense head said of every anchor meanwhile."""
    said: list[torch.Tensor] = []

    def collect(value: Any) -> None:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
            collect(item)
        if isinstance(value, torch.Tensor):
            said.append(value.float())

    name = "rpn.head" if hasattr(model, "rpn") else "head"
    hook = model.get_submodule(name).register_forward_hook(lambda _m, _a, output: collect(output))
    found = run()
    hook.remove()
    return found, said


@pytest.mark.parametrize("name", all_builders())
def test_the_engine_computes_what_a_script_does(name: str) -> None:
    model = made(name)
    given = items(name)
    expected = [script(name, model, item) for item in given]
    attachment = attached(name, model)
    task = task_named(attachment.task)
    prepared = prepared_items(attachment, given)
    alone = [run_forward(attachment, task, [one])[0] for one in prepared]
    for theirs, ours, item in zip(expected, alone, given, strict=True):
        assert compared(theirs, raw(ours, item[0].size)) <= TOLERANCE
    # a model that says the same of every picture would prove nothing
    assert compared(expected[0], expected[2]) > 10 * TOLERANCE
    for ours, one in zip(alone, prepared, strict=True):
        assert not task.answer(attachment, one, ours, 5).problem
    if attachment.task != "detection":
        for theirs, ours in zip(expected, batches(attachment, prepared), strict=True):
            assert compared(theirs, raw(ours, (0, 0))) <= TOLERANCE
        return
    # of two images of one size: a difference in the last digit can turn the order in which boxes suppress each
    # other, so what is compared with each by itself is what the dense head says before that
    assert len({task.batch_key(one) for one in prepared}) == 2
    pair = [prepared[0], prepared[2]]
    _, ours_together = before_suppression(attachment.model, lambda: run_forward(attachment, task, pair))
    for place, item in enumerate((given[0], given[2])):
        _, theirs_alone = before_suppression(model, partial(script, name, model, item))
        assert compared(theirs_alone, [out[place : place + 1] for out in ours_together]) <= TOLERANCE


def test_each_task_is_seen_to_fail_with_another_preprocessing() -> None:
    assert {task_of(name) for name in QUICK} == {task_of(name) for name in models.list_models()} == set(ANOTHER)


@pytest.mark.parametrize("name", QUICK)
def test_the_comparison_fails_with_another_preprocessing(name: str) -> None:
    model = made(name)
    item = items(name)[0]
    attachment = attached(name, model, another=True)
    (output,) = run_forward(attachment, task_named(attachment.task), prepared_items(attachment, [item]))
    assert compared(script(name, model, item), raw(output, item[0].size)) > 100 * TOLERANCE
