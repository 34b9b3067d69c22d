"""A state_dict's keys and shapes -> the options its torchvision builder was called with.

The key patterns are those of torchvision 0.21 to 0.29 (``torchvision/models/``); `tests/engine` checks them against
every builder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

StateDict = Mapping[str, Any]
"""Key -> tensor. Of quantized layers a value may also be torch's own pair (weight, bias) or a dtype."""

GOOGLE = ("googlenet", "inception_v3")
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
_CLASSIFIER = re.compile(r"classifier\.(?:(\d+)\.)?(?:weight|_packed_params\.(?:weight|_packed_params(?:\.0)?))")
_HEADS = ("fc", "heads.head", "head", "head.1", "classifier.low_classifier")
_WEIGHTS = (
    "weight",
    "_packed_params._packed_params",
    "_packed_params._packed_params.0",
    "_packed_params.weight",
)
_BOX_SCORES = "roi_heads.box_predictor.cls_score.weight"
_KEYPOINTS = "roi_heads.keypoint_predictor.kps_score_lowres.bias"
_DENSE_SCORES = re.compile(r"head\.classification_head\.(cls_logits|module_list\.0(?:\.1)?)\.weight")
#: What torchvision sets with its own COCO weights (``overwrite_eps``), which no state_dict tells.
WITHOUT_EPSILON = tuple(f"{name}_resnet50_fpn" for name in ("fasterrcnn", "maskrcnn", "keypointrcnn", "retinanet"))


class Modes(NamedTuple):
    """What is done to a model beside calling its builder.

    Attributes
    ----------
    quantized
        ``""`` for floating point, ``"converted"`` for what ``quantize=True`` builds, ``"training"`` for a model
        prepared for quantization-aware training (torchvision's own file for MobileNetV3), converted once loaded.
    backend
        torch's quantization engine that the model was made for; empty for the architecture's own.
    frozen
        The batch norms of a detector's backbone are FrozenBatchNorm2d.
    epsilon
        Of frozen batch norms; None for torch's own.
    """

    quantized: str = ""
    backend: str = ""
    frozen: bool = False
    epsilon: float | None = None


def weight_of(value: Any) -> Any:
    """Return the tensor of a state_dict's value: a packed layer's weight, any other value itself."""
    return value[0] if isinstance(value, tuple | list) and value else value


def classes_of(task: str, state: StateDict) -> int | None:
    """Return how many classes the weights are for, a detector's background counted; None where no key tells."""
    if task == "detection":
        return _detected_classes(state)
    found = [(int(match[1] or 0), key) for key in state if (match := _CLASSIFIER.fullmatch(key))]
    keys = [max(found)[1]] if found else []
    keys += [f"{head}.{spelling}" for head in _HEADS for spelling in _WEIGHTS]
    return next((rows for key in keys if (rows := _rows(state, key))), None)


def _detected_classes(state: StateDict) -> int | None:
    if rows := _rows(state, _BOX_SCORES):
        return rows
    key = next((key for key in state if _DENSE_SCORES.fullmatch(key)), "")
    boxes = key.replace("classification_head.cls_logits", "regression_head.bbox_reg")
    boxes = boxes.replace("classification_head", "regression_head")
    scores, coordinates = _rows(state, key), _rows(state, boxes)  # per anchor: one score a class, four coordinates
    return scores * 4 // coordinates if scores and coordinates else None


def _rows(state: StateDict, key: str) -> int:
    tensor = weight_of(state.get(key))
    return int(tensor.shape[0]) if isinstance(tensor, torch.Tensor) and tensor.ndim else 0


def implied_options(architecture: str, task: str, state: StateDict) -> dict[str, Any]:
    """Return the builder's arguments, but for ``num_classes``, that keys and shapes determine."""
    options: dict[str, Any] = {}
    if architecture.removeprefix("quantized_") in GOOGLE:
        # without init_weights=False both warn, and sample a slow distribution
        options.update(aux_logits=any(key.startswith(_AUXILIARY) for key in state), init_weights=False)
    if task == "segmentation" and any(key.startswith("aux_classifier.") for key in state):
        options["aux_loss"] = True
    if task == "detection" and (points := _rows(state, _KEYPOINTS)):
        options["num_keypoints"] = points
    if architecture.startswith("vit_") and (size := _image_size(state)):
        options["image_size"] = size
    return options


def _image_size(state: StateDict) -> int:
    """Return the pixels that a vision transformer's positions are for, 0 where they are not there."""
    positions, patches = state.get("encoder.pos_embedding"), state.get("conv_proj.weight")
    if not isinstance(positions, torch.Tensor) or not isinstance(patches, torch.Tensor):
        return 0
    if positions.ndim != 3 or patches.ndim != 4:
        return 0
    return math.isqrt(max(0, positions.shape[1] - 1)) * int(patches.shape[-1])


def take_modes(architecture: str, task: str, state: StateDict, options: dict[str, Any]) -> Modes:
    """Take what is no builder's argument out of `options`, or derive it from the keys.

    Parameters
    ----------
    options
        May hold ``quantize`` and ``frozen_batch_norm`` (bool), ``backend`` (str) and ``norm_eps`` (float); they are
        removed.
    """
    frozen = options.pop("frozen_batch_norm", task == "detection" and _has_frozen_norms(state))
    epsilon = options.pop("norm_eps", 0.0 if frozen and architecture in WITHOUT_EPSILON else None)
    quantized = quantization_of(state)
    wanted = options.pop("quantize", None)
    if wanted is not None and bool(wanted) != bool(quantized):
        quantized = "converted" if wanted else ""
    return Modes(quantized, str(options.pop("backend", "")), bool(frozen), epsilon)


def quantization_of(state: StateDict) -> str:
    """Return how weights are quantized, as in `Modes`."""
    if any(key.endswith((".fake_quant_enabled", ".observer_enabled")) for key in state):
        return "training"
    quantized = any(isinstance(value, torch.Tensor) and value.is_quantized for value in map(weight_of, state.values()))
    return "converted" if quantized or any("._packed_params." in key for key in state) else ""


def _has_frozen_norms(state: StateDict) -> bool:
    """Tell whether the backbone's batch norms count no batches, as only frozen ones do since torch 0.4.1."""
    norms = [key for key in state if key.startswith("backbone.body.") and key.endswith(".running_var")]
    return bool(norms) and not any(key.replace("running_var", "num_batches_tracked") in state for key in norms)
