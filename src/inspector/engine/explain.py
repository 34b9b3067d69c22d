"""Why a class: Grad-CAM, which parts of an image speak for a class of a classification model.

R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017.
With the maps A^k of a layer and the score y^c of a class, before softmax: each map weighs as much as the mean of its
gradient, w_k = mean_ij(dy^c / dA^k_ij) (equation 1), and the heat is relu(sum_k w_k A^k) (equation 2).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import nn

from inspector.engine.activations import LayerError, Layout, layer_named, layout_of, root_of, watched
from inspector.engine.answers import Box
from inspector.engine.attach import Attachment
from inspector.engine.crop_place import crop_place
from inspector.engine.evaluation import require_eval
from inspector.engine.predict import told
from inspector.engine.preprocessing import Preprocessing
from inspector.engine.problems import EngineError, PredictionError
from inspector.engine.tasks import task_named
from inspector.engine.tasks.task import NOT_NUMBERS

#: Layers tried at once: the gradients of the last ones are kept together, of all of them would cost the memory.
_TRIED_AT_ONCE = 16

#: Layers that make no features of their own: what they give is the layer's before them, or no map any more.
_PASSING = (
    nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.AvgPool2d, nn.Dropout, nn.Dropout2d, nn.Flatten, nn.Identity,
)  # fmt: skip


class ExplanationError(EngineError):
    """It can't be told why the model says so."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Which parts of an image speak for a class.

    Attributes
    ----------
    layer
        Dotted name of the layer whose maps were weighed.
    label, index, score
        Of the class; its probability, 0 to 1.
    heat
        float32 of shape (rows, columns), 0 to 1 of `peak`; all 0 where nothing speaks for the class.
    peak
        The largest value, as the formula gives it, in the scale of the scores before softmax.
    place
        The part of the image that the heat covers, in pixels of the upright image.
    width, height
        Of the upright image.
    milliseconds
        What it all took.
    note
        What should be known of it, as a sentence.
    """

    layer: str
    label: str
    index: int
    score: float
    heat: torch.Tensor
    peak: float
    place: Box
    width: int
    height: int
    milliseconds: float
    note: str = ""


@torch.inference_mode(False)  # what is made in that mode can't be kept for gradients
def explain(
    attachment: Attachment, image: Image.Image, index: int | None = None, layer: str | None = None
) -> Explanation:
    """Compute Grad-CAM for one class of an image, leaving the model as it was.

    Parameters
    ----------
    image
        Upright; of any mode that Pillow converts to RGB.
    index
        The class; None for the likeliest.
    layer
        Dotted name of the layer to weigh the maps of; None for the last one whose maps lie over the picture and
        reach the score.

    Raises
    ------
    ExplanationError
        The task has no classes, there is no such class, or the model has no gradients.
    LayerError
        There is no such layer, or none whose maps could be weighed.
    PredictionError
        The image can't be prepared or taken, or the scores are not numbers.
    DeviceMemoryError, DeviceLostError
        The device's memory is full, or it does not answer any more.
    """
    started = time.perf_counter()
    _require_gradients(attachment)
    require_eval(attachment.model)
    prepared = task_named(attachment.task).prepare(attachment, [image])
    with told(attachment.device, prepared):
        pixels = prepared.inputs[0][None].to(attachment.device)
        logits, layouts = _traced(attachment.model, pixels)
        if not bool(torch.isfinite(logits).all()):
            raise PredictionError(NOT_NUMBERS)
        chosen = int(logits.argmax()) if index is None else index
        if not 0 <= chosen < logits.numel():
            raise ExplanationError(f"The model has no class {chosen}: it has {logits.numel():,}.")
        names = [_usable(attachment.model, layouts, layer)] if layer is not None else _candidates(layouts, logits)
        found, weighed = _weigh(attachment.model, pixels, chosen, names, layouts)
    if not bool(torch.isfinite(weighed).all()):
        raise ExplanationError("The gradients of this model are not numbers.", "Choose another layer or class.")
    peak = float(weighed.max())
    label = attachment.labels[chosen]
    assert isinstance(attachment.preprocessing, Preprocessing)  # as every classifier's
    return Explanation(
        layer=found,
        label=label,
        index=chosen,
        score=float(logits.softmax(0)[chosen]),
        heat=weighed / peak if peak > 0 else weighed,
        peak=peak,
        place=crop_place(attachment.preprocessing, prepared.width, prepared.height),
        width=prepared.width,
        height=prepared.height,
        milliseconds=(time.perf_counter() - started) * 1_000,
        note="" if peak > 0 else f"In the layer {found}, nothing in this image speaks for {label}.",
    )


def _require_gradients(attachment: Attachment) -> None:
    if attachment.task != "classification":
        raise ExplanationError(f"Only the classes of a classification can be explained, and this is {attachment.task}.")
    quantized = attachment.options.get("quantize") or any(
        tensor.is_quantized for tensor in attachment.model.state_dict().values() if isinstance(tensor, torch.Tensor)
    )
    if quantized:
        raise ExplanationError(
            "A quantized model has no gradients, which explaining a class needs.",
            "Attach the weights it was made from, or look at its feature maps.",
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """One layer's output as it was seen: how it lies, and whether the layer makes features of its own."""

    layout: Layout
    passing: bool


@torch.no_grad()
def _traced(model: nn.Module, pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, _Seen]]:
    """Return the scores, and the layers whose outputs lie over the picture, in the order in which they end."""
    layers = dict(root_of(model).named_modules())
    seen: dict[str, _Seen] = {}
    height, width = int(pixels.shape[-2]), int(pixels.shape[-1])

    def see(name: str, output: torch.Tensor) -> None:
        layout = layout_of(tuple(output.shape), height, width) if output.is_floating_point() else None
        seen.pop(name, None)  # called more than once: its last call counts
        if layout is not None and layout.height > 1 and layout.width > 1:
            seen[name] = _Seen(layout, isinstance(layers[name], _PASSING) or _only_permutes(layers[name]))

    with watched(layers, see):
        logits: torch.Tensor = model(pixels)
    return logits[0].float(), seen


def _only_permutes(layer: nn.Module) -> bool:
    return type(layer).__name__ == "Permute"


def _candidates(seen: Mapping[str, _Seen], logits: torch.Tensor) -> list[str]:
    """Return the layers to try, the last first."""
    makers = [name for name, row in seen.items() if name and not row.passing]
    # One map per class is a score already, no feature: taken only where there is nothing else.
    names = [name for name in makers if seen[name].layout.channels != logits.numel()] or makers
    if not names:
        raise LayerError(
            "None of this model's layers gives maps that lie over the picture.",
            "A model that runs as one piece (TorchScript) can't be looked into.",
        )
    return names[::-1]


def _usable(model: nn.Module, seen: Mapping[str, _Seen], name: str) -> str:
    layer_named(root_of(model), name)
    if name not in seen:
        raise LayerError(
            f"The layer {name} gives no maps that lie over the picture.",
            "Choose an earlier one, such as a convolution.",
        )
    return name


def _weigh(
    model: nn.Module, pixels: torch.Tensor, index: int, names: Sequence[str], seen: Mapping[str, _Seen]
) -> tuple[str, torch.Tensor]:
    """Return the first of the layers whose maps reach the score, and its heat; the first one's where none does.

    The class token of a vision transformer is all that is looked at after its last attention: the picture's tokens
    do not reach the score from there, and the layer before that attention is the one that tells.
    """
    first: tuple[str, torch.Tensor] | None = None
    for start in range(0, len(names), _TRIED_AT_ONCE):
        some = names[start : start + _TRIED_AT_ONCE]
        outputs, gradients = _gradients(model, pixels, index, some)
        for name in some:
            gradient = gradients.get(name)
            if gradient is None:
                continue
            layout = seen[name].layout
            maps, slopes = layout.maps(outputs[name]).float(), layout.maps(gradient).float()
            heat = torch.relu(torch.einsum("k,kij->ij", slopes.mean((1, 2)), maps)).cpu()
            if bool(slopes.any()):
                return name, heat
            first = first or (name, heat)
    if first is None:
        raise LayerError(f"The score does not depend on the layer {names[0]}.", "Choose another one.")
    return first


def _gradients(
    model: nn.Module, pixels: torch.Tensor, index: int, names: Sequence[str]
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return the layers' outputs and the gradients of a class's score with respect to them.

    The graph begins at the first of these layers, not at the picture or the parameters: it costs little, and no
    parameter is touched. Later layers get a copy, since some of them work in place.
    """
    root = root_of(model)
    outputs: dict[str, torch.Tensor] = {}

    def keep(name: str, output: torch.Tensor) -> torch.Tensor:
        held = output if output.requires_grad else output.detach().clone().requires_grad_(True)
        outputs[name] = held
        return held.clone()

    with torch.enable_grad(), watched({name: layer_named(root, name) for name in names}, keep):
        logits = model(pixels)
        if not logits.requires_grad:
            return {}, {}
        found = torch.autograd.grad(logits[0, index], list(outputs.values()), allow_unused=True)
    gradients = {name: slope for name, slope in zip(outputs, found, strict=True) if slope is not None}
    return {name: output.detach() for name, output in outputs.items()}, gradients
