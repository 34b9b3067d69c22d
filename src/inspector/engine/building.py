"""Architecture name + state_dict -> a torchvision model with those weights, without random initialisation."""

from __future__ import annotations

import inspect
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torchvision
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torchvision import models

from inspector.engine.problems import AttachError

StateDict = Mapping[str, torch.Tensor]

_TASKS = {
    "detection": "detection",
    "segmentation": "segmentation",
    "video": "video classification",
    "optical_flow": "optical flow",
}
# the hook below is global to torch, so models are built one at a time
_BUILDING = threading.Lock()
# What torchvision's builders raise on options that can't be: bad values, unknown names, sizes beyond the
# memory.
_BUILDER_ERRORS = (ValueError, TypeError, RuntimeError, AssertionError, NotImplementedError, MemoryError)
# Densenets saved before 2019; torchvision rewrites them the same way when it loads its own weights.
_OLD_DENSENET_KEY = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var|num_batches_tracked))$"
)


def task_of(architecture: str) -> str:
    """Return what an architecture is for: ``classification``, ``detection``, ``segmentation`` and so on.

    Raises
    ------
    AttachError
        This torchvision has no such architecture.
    """
    family = _builder(architecture).__module__.removeprefix("torchvision.models.").split(".")[0]
    return _TASKS.get(family, "classification")


def build_model(
    architecture: str,
    state_dict: StateDict,
    *,
    num_classes: int | None,
    options: Mapping[str, Any],
) -> nn.Module:
    """Build an architecture and put the weights into it, every key accounted for.

    No weight is initialised and none is copied where it is float32 already: the model then uses the memory
    of `state_dict`. Other floating point dtypes are widened (or narrowed) to the architecture's own, float32.

    Parameters
    ----------
    architecture
        A builder's name in ``torchvision.models.list_models()``. Quantized ones are built in floating point.
    state_dict
        With the architecture's own keys, those of older torchvision releases included.
    num_classes
        Outputs of the head; None for the builder's default.
    options
        Further arguments of the builder; what `state_dict` tells of itself (auxiliary heads, image size) is
        added.

    Raises
    ------
    AttachError
        The architecture is unknown, can't be built so, or its keys and shapes differ; the error lists them.
    """
    builder = _builder(architecture)
    state = _modern_keys(architecture, state_dict)
    arguments = {**_implied_options(architecture, state), **options}
    if num_classes is not None:
        arguments["num_classes"] = num_classes
    if "weights_backbone" in inspect.signature(builder).parameters:
        arguments["weights_backbone"] = None  # or the builder downloads them
    try:
        with _BUILDING, _parameters_without_memory():
            model: nn.Module = builder(weights=None, **arguments)
    except _BUILDER_ERRORS as error:
        reason = str(error).strip().split("\n")[0]
        raise AttachError(f"{architecture} can't be built with these weights: {reason}.") from error
    _fill(model, state, architecture)
    return model


def _builder(architecture: str) -> Any:
    try:
        return models.get_model_builder(architecture)
    except ValueError as error:
        raise AttachError(
            f"torchvision {torchvision.__version__} has no architecture {architecture}.",
            "Choose another one, or a Python with a newer torchvision for the engine.",
        ) from error


@contextmanager
def _parameters_without_memory() -> Iterator[None]:
    """Give every parameter that is made inside no memory ("meta"), so that initialising it does nothing.

    Unlike a whole model under ``torch.device("meta")``, buffers are computed as ever (Swin's index tables
    are in no state_dict), and so are the plain tensors that RegNets reckon with while they are built.
    """

    def without_memory(_module: nn.Module, _name: str, parameter: nn.Parameter) -> nn.Parameter:
        return nn.Parameter(torch.empty_like(parameter, device="meta"), requires_grad=False)

    # torch's annotation leaves out that a returned parameter takes the place of the registered one
    handle = register_module_parameter_registration_hook(without_memory)  # type: ignore[arg-type]
    try:
        yield
    finally:
        handle.remove()


def _implied_options(architecture: str, state: StateDict) -> dict[str, Any]:
    """Return the builder options that the keys and shapes determine."""
    options: dict[str, Any] = {}
    if architecture.removeprefix("quantized_") in ("googlenet", "inception_v3"):
        # without init_weights=False both warn, and sample a slow distribution
        aux = any(key.startswith(("aux1.", "aux2.", "AuxLogits.")) for key in state)
        options.update(aux_logits=aux, init_weights=False)
    if any(key.startswith("aux_classifier.") for key in state) and task_of(architecture) == "segmentation":
        options["aux_loss"] = True
    positions, patches = state.get("encoder.pos_embedding"), state.get("conv_proj.weight")
    if positions is None or patches is None or not architecture.startswith("vit_"):
        return options
    if positions.ndim == 3 and patches.ndim == 4:
        options["image_size"] = math.isqrt(max(0, positions.shape[1] - 1)) * patches.shape[-1]
    return options


def _modern_keys(architecture: str, state_dict: StateDict) -> dict[str, torch.Tensor]:
    if not architecture.startswith("densenet"):
        return dict(state_dict)
    return {_OLD_DENSENET_KEY.sub(r"\1\2", key): tensor for key, tensor in state_dict.items()}


def _fill(model: nn.Module, state: StateDict, architecture: str) -> None:
    """Put the tensors into the model, strictly."""
    model.requires_grad_(False)
    own = model.state_dict()
    mismatched = [key for key, tensor in state.items() if key in own and not _fits(tensor, own[key])]
    fitting = OrderedDict((key, tensor) for key, tensor in state.items() if key not in mismatched)
    # MNASNet insists on a version; all other modules are better off without: they then accept their old
    # keys too
    fitting._metadata = {"": {"version": model._version}}  # type: ignore[attr-defined]
    try:
        found = model.load_state_dict(fitting, strict=False, assign=True)
    except RuntimeError as error:  # shapes of renamed old keys, which only torch's own hooks know
        raise AttachError(f"The weights don't fit {architecture}.", _HINT) from error
    missing = [key for key in found.missing_keys if key not in mismatched]
    if missing or found.unexpected_keys or mismatched:
        shapes = [f"{key}: {_shape(state[key])} instead of {_shape(own[key])}" for key in mismatched]
        raise _misfit(architecture, missing, found.unexpected_keys, mismatched, shapes)
    for key, tensor in model.state_dict(keep_vars=True).items():
        if tensor.dtype != own[key].dtype or not tensor.is_contiguous():
            tensor.data = tensor.data.to(own[key].dtype).contiguous()


def _fits(tensor: torch.Tensor, own: torch.Tensor) -> bool:
    if tensor.is_complex() and not own.is_complex():
        return False
    # scalars were saved as vectors of one element before torch 0.4
    return tensor.shape == own.shape or (own.ndim == 0 and tensor.shape == (1,))


_HINT = "Choose the architecture that they were saved from."


def _misfit(
    architecture: str, missing: list[str], unexpected: list[str], mismatched: list[str], shapes: list[str]
) -> AttachError:
    parts = [
        f"{len(names)} {'key' if len(names) == 1 else 'keys'} {what} ({_first(texts)})"
        for names, texts, what in (
            (missing, missing, "missing"),
            (unexpected, unexpected, "unexpected"),
            (mismatched, shapes, "of another shape"),
        )
        if names
    ]
    error = AttachError(f"The weights don't fit {architecture}: {', '.join(parts)}.", _HINT)
    error.missing, error.unexpected, error.mismatched = tuple(missing), tuple(unexpected), tuple(mismatched)
    return error


def _first(texts: list[str]) -> str:
    return ", ".join(texts[:2]) + (", …" if len(texts) > 2 else "")


def _shape(tensor: torch.Tensor) -> str:
    text = " × ".join(map(str, tensor.shape)) or "a single value"
    return f"complex {text}" if tensor.is_complex() else text
