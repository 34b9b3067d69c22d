"""Every builder: a saved state_dict attaches strictly and gives the outputs of the torchvision model it came from.

Three kinds of state_dict each: as ``weights=None`` builds it, the same with 7 classes, and as ``weights="DEFAULT"``
builds it (frozen batch norms, other auxiliary heads, a larger image; the loading is faked); of quantized builders
also as ``quantize=True``. A few by default, all of them with ``-m slow``: one at a time, for the largest take 6 GB.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from tests.engine.builders import calibrated, error, inputs, options_of
from torch import nn
from torchvision import models

from inspector.architectures.wrappers import views
from inspector.engine.attach import Attachment, attach
from inspector.engine.building import task_of

TOLERANCE = 1e-5  # of the outputs' spread
HEADS = ("rpn.head", "roi_heads.box_predictor", "roi_heads.mask_predictor", "roi_heads.keypoint_predictor", "head")
QUICK = (
    "alexnet convnext_tiny densenet121 efficientnet_b0 googlenet inception_v3 mnasnet0_5 mobilenet_v3_small "
    "quantized_shufflenet_v2_x0_5 quantized_mobilenet_v3_large raft_small regnet_y_400mf resnet18 squeezenet1_1 swin_t "
    "fasterrcnn_mobilenet_v3_large_320_fpn ssdlite320_mobilenet_v3_large lraspp_mobilenet_v3_large"
).split()
MOST_SAVED = 30_000_000  # parameters that are written and read back; of larger models the memory is used


def cases() -> list[Any]:
    """Return (builder, kind) of all; those that are not quick are marked slow."""
    found = []
    for name in models.list_models():
        kinds = ["none", "default", "seven"] if task_of(name) != "optical flow" else ["none", "default"]
        if name.startswith("quantized_"):
            kinds += ["none quantized", "default quantized", "seven quantized"]
        for place, kind in enumerate(kinds):
            quick = name in QUICK and (place + QUICK.index(name)) % len(kinds) == 0
            found.append(pytest.param(name, kind, marks=() if quick else pytest.mark.slow, id=f"{name}-{kind}"))
    return found


def outputs(name: str, model: nn.Module, seed: int) -> list[torch.Tensor]:
    """Return what the model says of two images; of a detector, what its heads say."""
    said: list[torch.Tensor] = []
    given = inputs(name, model, seed)
    with torch.inference_mode():
        if task_of(name) != "detection":
            collect(model(*given), said)
            return said
        hooks = [m.register_forward_hook(lambda _m, _a, out: collect(out, said)) for m in heads(model)]
        model(*given)
        for hook in hooks:
            hook.remove()
    return said


def heads(model: nn.Module) -> list[nn.Module]:
    return [module for name, module in model.named_modules() if name in HEADS]


def collect(value: Any, said: list[torch.Tensor]) -> None:
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        collect(item, said)
    if isinstance(value, torch.Tensor):
        said.append(value.detach().float())


def saved(model: nn.Module, wrapper: str) -> dict[str, Any]:
    """Return the state_dict as a file gives it back."""
    state = {f"{wrapper}{key}": value for key, value in model.state_dict().items()}
    if sum(parameter.numel() for parameter in model.parameters()) > MOST_SAVED:
        return state
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    loaded: dict[str, Any] = torch.load(buffer, weights_only=True)
    return loaded


def attached(name: str, kind: str, model: nn.Module, wrapper: str) -> Attachment:
    """Attach the saved state_dict, with nothing told that its keys tell."""
    state = saved(model, wrapper)
    names = views(state.keys(), wrapper)[0].names
    entry = str(models.get_model_weights(name).DEFAULT) if "default" in kind else None
    return attach(
        name,
        {key: state[spelled] for key, spelled in names.items()},
        num_classes=None,
        device="cpu",
        options=options_of(name),
        official_weights=entry,
    )


def difference_between_images(said: list[torch.Tensor]) -> float:
    """Return by how much the two images' outputs differ, relative to the spread."""
    halves = [(out[: len(out) // 2], out[len(out) // 2 :]) for out in said if len(out) >= 2]
    return max(float((a - b[: len(a)]).abs().max() / out.std()) for (a, b), out in zip(halves, said, strict=False))


@pytest.mark.parametrize(("name", "kind"), cases())
def test_a_saved_state_dict_attaches_strictly_and_gives_torchvisions_outputs(name: str, kind: str) -> None:
    theirs = calibrated(name, kind)
    wrapper = "module." if len(name + kind) % 2 else ""
    attachment = attached(name, kind, theirs, wrapper)
    assert attachment.loading.complete
    assert not any(module.training for module in attachment.model.modules())
    if task_of(name) != "optical flow":
        usual = {"detection": 91, "segmentation": 21, "video classification": 400}.get(task_of(name), 1000)
        points = name.startswith("keypoint") and "seven" not in kind
        assert attachment.num_classes == (7 if "seven" in kind else 2 if points else usual)
    expected = outputs(name, theirs, seed=2)
    assert all(bool(out.isfinite().all()) for out in expected)
    assert expected
    assert error(expected, outputs(name, attachment.model, seed=2)) <= TOLERANCE
    assert difference_between_images(expected) > 1e-3


@pytest.mark.parametrize(
    "name", ["resnet18", "ssdlite320_mobilenet_v3_large", "swin_t", "quantized_shufflenet_v2_x0_5"]
)
def test_the_comparison_fails_with_swapped_weights(name: str) -> None:
    kind = "none quantized" if name.startswith("quantized") else "none"
    theirs = calibrated(name, kind)
    state = theirs.state_dict()
    first, second = pair_of_one_shape(state)
    state[first], state[second] = state[second], state[first]
    swapped = attach(name, state, num_classes=None, device="cpu", options=options_of(name)).model
    assert error(outputs(name, theirs, seed=2), outputs(name, swapped, seed=2)) > 100 * TOLERANCE


def pair_of_one_shape(state: dict[str, Any]) -> tuple[str, str]:
    seen: dict[tuple[int, ...], str] = {}
    for key, value in state.items():
        if isinstance(value, torch.Tensor) and value.ndim >= 2 and key.endswith("weight"):
            if value.shape in seen:
                return seen[value.shape], key
            seen[value.shape] = key
    raise AssertionError("no two weights have one shape")
