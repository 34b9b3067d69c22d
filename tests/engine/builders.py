"""torchvision's models with weights of which each matters, for the tests of every builder."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torchvision import models
from torchvision.models import WeightsEnum
from torchvision.models.quantization.utils import quantize_model
from torchvision.ops import FrozenBatchNorm2d

from inspector.engine.building import task_of
from inspector.engine.quantized import backend_of

NORMS = (nn.modules.batchnorm._BatchNorm, FrozenBatchNorm2d)
SMALL_DETECTORS = {"box_score_thresh": 0.0, "box_detections_per_img": 4, "rpn_post_nms_top_n_test": 40}


def options_of(name: str) -> dict[str, Any]:
    """Return arguments that make detectors quick, and keep what else is drawn at random from being slow."""
    options: dict[str, Any] = {}
    if "rcnn" in name:
        options = dict(SMALL_DETECTORS)
    if any(word in name for word in ("rcnn", "retinanet", "fcos")):
        options |= {"min_size": 128, "max_size": 128}
    return options


def official(name: str, kind: str) -> nn.Module:
    """Build torchvision's own model, in floating point."""
    options = options_of(name)
    if task_of(name) in ("detection", "segmentation"):
        options["weights_backbone"] = None
    if "seven" in kind:
        options["num_classes"] = 7
    google = name.removeprefix("quantized_") in ("googlenet", "inception_v3")
    if google and "default" not in kind:
        options["init_weights"] = False
    if "default" not in kind:
        return build(name, weights=None, **options)
    weights: Any = "DEFAULT"
    if "quantized" in name:  # its float weights
        weights = models.get_model_weights(name).DEFAULT.meta["unquantized"]
    with (
        patch.object(WeightsEnum, "get_state_dict", lambda *_, **__: {}),
        patch.object(nn.Module, "load_state_dict", lambda *_, **__: None),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # that googlenet's auxiliary heads are untrained
        return build(name, weights=weights, **options)


def build(name: str, **options: Any) -> nn.Module:
    model: nn.Module = models.get_model(name, **options)
    return model


def inputs(name: str, model: nn.Module, seed: int) -> tuple[Any, ...]:
    """Return two different images (clips, pairs of images) of a size that the architecture takes."""
    random = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> torch.Tensor:
        return torch.rand(2, *shape, generator=random)

    task = task_of(name)
    if task == "detection":
        return (list(noise(3, 128, 128)),)
    if task == "optical flow":
        return noise(3, 128, 128) * 2 - 1, noise(3, 128, 128) * 2 - 1
    if task == "video classification":
        frames, side = {"mvit_v1_b": (16, 224), "mvit_v2_s": (16, 224), "s3d": (14, 224)}.get(name, (8, 64))
        return (noise(3, frames, side, side),)
    # quantized, Inception rounds all to zero at sizes far from those that torchvision calibrates it with
    sizes = {"maxvit_t": 224, "inception_v3": 96, "quantized_inception_v3": 299}
    side = getattr(model, "image_size", sizes.get(name, 64))
    return (noise(3, side, side),)


@contextmanager
def without_drawing() -> Iterator[None]:
    """Keep torch from drawing random weights, which takes longer than all else: `draw` sets every one of them."""
    drawing = ("uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_")
    with ExitStack() as patches:
        for name in drawing:
            patches.enter_context(patch.object(nn.init, name, lambda tensor, *_, **__: tensor))
        yield


@torch.no_grad()
def draw(model: nn.Module) -> None:
    """Give every parameter values of its own, of the size that keeps activations alive, from one pool of numbers."""
    pool = torch.randn(1_000_003, generator=torch.Generator().manual_seed(0))
    for place, (name, parameter) in enumerate(model.named_parameters()):
        values = pool.roll(7_919 * place)
        values = values.repeat(-(-parameter.numel() // len(values)))[: parameter.numel()].view(parameter.shape)
        if parameter.ndim > 1:
            parameter.copy_(values).mul_(max(0.02, (2 * len(parameter) / parameter.numel()) ** 0.5))
        else:
            parameter.copy_(values * 0.05 + (0.0 if name.endswith("bias") else 1.0))


@torch.no_grad()
def calibrated(name: str, kind: str) -> nn.Module:
    """Build torchvision's model with weights of which each matters: fresh ones can give outputs of 1e-13.

    Batch norms, frozen ones too, take the statistics of what reaches them in one pass, in eval mode: as a pass in
    training mode with ``momentum=None`` would set them, which detectors refuse without targets.
    """
    with without_drawing():
        model = official(name, kind).eval()
    draw(model)
    hooks = [m.register_forward_pre_hook(take_statistics) for m in model.modules() if isinstance(m, NORMS)]
    if hooks:  # the largest have none, and a pass of theirs takes a minute
        model(*inputs(name, model, seed=1))
    for hook in hooks:
        hook.remove()
    if "quantized" in kind:
        return quantized(name, model)
    return model


def take_statistics(norm: Any, arguments: tuple[torch.Tensor, ...]) -> None:
    dimensions = [0, *range(2, arguments[0].ndim)]
    norm.running_mean.copy_(arguments[0].mean(dimensions))
    norm.running_var.copy_(arguments[0].var(dimensions).clamp_min(1e-2))


def quantized(name: str, model: nn.Module) -> nn.Module:
    """Quantize as the builder does with ``quantize=True``, which draws its weights itself."""
    backend = backend_of(name, "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's deprecations of eager quantization
        if "mobilenet_v3" not in name:
            quantize_model(model, backend)
            return model.eval()
        torch.backends.quantized.engine = backend
        quantization: Any = torch.ao.quantization
        mutable: Any = model.train()
        mutable.fuse_model(is_qat=True)
        mutable.qconfig = quantization.get_default_qat_qconfig(backend)
        quantization.prepare_qat(model, inplace=True)
        for module in model.modules():
            if isinstance(module, NORMS):
                module.momentum = 0.0  # calibrated already
        model(*inputs(name, model, seed=1))
        return quantization.convert(model.eval(), inplace=True)  # type: ignore[no-any-return]


def error(theirs: list[torch.Tensor], ours: list[torch.Tensor]) -> float:
    """Return the largest difference, relative to the outputs' spread; infinite where it can't be told."""
    if [a.shape for a in theirs] != [b.shape for b in ours] or not all(bool(b.isfinite().all()) for b in ours):
        return float("inf")
    return max(float((a - b).abs().max() / a.std().clamp_min(1e-30)) for a, b in zip(theirs, ours, strict=True))
