"""Architecture name + state_dict -> a torchvision model with those weights, without random initialisation."""

from __future__ import annotations

import copy
import inspect
import re
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torchvision import models
from torchvision.models.detection import _utils as detection_utils
from torchvision.ops import FrozenBatchNorm2d

from inspector.engine.alone import ALONE
from inspector.engine.filling import fill, fill_quantized
from inspector.engine.loading import LoadReport
from inspector.engine.options import Modes, StateDict, classes_of, implied_options, take_modes
from inspector.engine.precision import Choice
from inspector.engine.problems import AttachError
from inspector.engine.quantized import backend_of, quantize

_TASKS = {
    "detection": "detection",
    "segmentation": "segmentation",
    "video": "video classification",
    "optical_flow": "optical flow",
}
# What torchvision's builders raise on options that can't be: bad values, unknown names, sizes beyond the
# memory.
_BUILDER_ERRORS = (ValueError, TypeError, RuntimeError, AssertionError, NotImplementedError, MemoryError)
# Densenets saved before 2019; torchvision rewrites them the same way when it loads its own weights.
_OLD_DENSENET_KEY = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var|num_batches_tracked))$"
)


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A model with its weights.

    Attributes
    ----------
    model, report
        And what became of the state_dict.
    num_classes
        Outputs of the head (a detector's background counted); None where there are none, or the builder's default.
    options
        The builder's other arguments and what else was chosen, under the names that `build_model` takes.
    """

    model: nn.Module
    report: LoadReport
    num_classes: int | None
    options: Mapping[str, Any]


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
    partial: bool = False,
    dtype: Choice = "float32",
) -> Built:
    """Build an architecture and put the weights into it, every key accounted for.

    No weight is initialised that the state_dict has, and none is copied where it is of the right dtype already:
    the model then uses the memory of `state_dict`.

    Parameters
    ----------
    architecture
        A builder's name in ``torchvision.models.list_models()``.
    state_dict
        With the architecture's own keys, those of older torchvision releases included. Quantized weights build
        what the builder makes with ``quantize=True``.
    num_classes
        Outputs of the head; None for as many as the weights have.
    options
        Further arguments of the builder; what `state_dict` tells of itself (auxiliary heads, image size, keypoints)
        is added. Also ``quantize`` (bool), ``backend`` (torch's quantization engine), ``frozen_batch_norm`` (bool)
        and ``norm_eps`` (float, of frozen batch norms).
    partial, dtype
        As :func:`inspector.engine.attach.attach`.

    Raises
    ------
    AttachError
        The architecture is unknown, can't be built so, or its keys and shapes differ; the error lists them.
    """
    task = task_of(architecture)
    state = _modern_keys(architecture, state_dict)
    arguments = {**implied_options(architecture, task, state), **options}
    modes = take_modes(architecture, task, state, arguments)
    wanted = num_classes if num_classes is not None else arguments.pop("num_classes", classes_of(task, state))
    if wanted is not None:
        arguments["num_classes"] = wanted
    told = {key: value for key, value in arguments.items() if key not in ("num_classes", "init_weights")}
    chosen = {**told, **_told(modes)}
    if modes.quantized:
        model, report = _quantized(architecture, state, arguments, modes)
        return Built(model, report, wanted, chosen)
    model, places = _construct(architecture, arguments)
    if modes.frozen:
        _freeze_norms(model, modes.epsilon)

    def initialise(names: list[str]) -> dict[str, torch.Tensor]:
        trained = {**arguments, "init_weights": True} if "init_weights" in arguments else arguments
        fresh, _ = _construct(architecture, trained, {places[name] for name in names})
        return {name: fresh.get_parameter(name) for name in names}

    report = fill(model, state, architecture, task, partial=partial, choice=dtype, initialise=initialise)
    return Built(model, report, wanted, chosen)


def _builder(architecture: str) -> Any:
    try:
        return models.get_model_builder(architecture)
    except ValueError as error:
        raise AttachError(
            f"torchvision {torchvision.__version__} has no architecture {architecture}.",
            "Choose another one, or a Python with a newer torchvision for the engine.",
        ) from error


def _told(modes: Modes) -> dict[str, Any]:
    """Return what was chosen beside the builder's arguments, where there is anything to choose."""
    frozen = {"frozen_batch_norm": True, "norm_eps": 1e-5 if modes.epsilon is None else modes.epsilon}
    return {**({"quantize": True} if modes.quantized else {}), **(frozen if modes.frozen else {})}


def _construct(
    architecture: str, arguments: Mapping[str, Any], real: Collection[int] = ()
) -> tuple[nn.Module, dict[str, int]]:
    """Call the builder; return the model, and at which place each parameter was made.

    Parameters
    ----------
    real
        The places of the parameters that have memory and are initialised; all others have and are not.
    """
    builder = _builder(architecture)
    given = dict(arguments)
    if "weights_backbone" in inspect.signature(builder).parameters:
        given["weights_backbone"] = None  # or the builder downloads them
    try:
        with ALONE, _channels_without_memory(), _parameters_without_memory(real) as made:
            model: nn.Module = builder(weights=None, **given)
    except _BUILDER_ERRORS as error:
        reason = str(error).strip().split("\n")[0]
        raise AttachError(f"{architecture} can't be built with these weights: {reason}.") from error
    places = {id(parameter): place for place, parameter in enumerate(made)}
    return model, {name: places[id(parameter)] for name, parameter in model.named_parameters(remove_duplicate=False)}


@contextmanager
def _parameters_without_memory(real: Collection[int]) -> Iterator[list[nn.Parameter]]:
    """Give the parameters that are made inside no memory ("meta"), so that initialising them does nothing.

    Unlike a whole model under ``torch.device("meta")``, buffers are computed as ever (Swin's index tables
    are in no state_dict), and so are the plain tensors that RegNets reckon with while they are built.

    Yields
    ------
    list of nn.Parameter
        As they are made; those whose place in it is in `real` are left alone.
    """
    made: list[nn.Parameter] = []
    _MAKING.parameters, _MAKING.real = made, real
    try:
        yield made
    finally:
        del _MAKING.parameters, _MAKING.real


class _Making(threading.local):
    """What this thread makes without memory, if anything: other threads make parameters of their own meanwhile."""

    parameters: list[nn.Parameter] | None = None
    real: Collection[int] = ()


_MAKING = _Making()


def _without_memory(_module: nn.Module, _name: str, parameter: nn.Parameter) -> nn.Parameter | None:
    made = _MAKING.parameters
    if made is None:
        return None  # it stays as it is
    if len(made) not in _MAKING.real:
        parameter = nn.Parameter(torch.empty_like(parameter, device="meta"), requires_grad=False)
    made.append(parameter)
    return parameter


# Once for all, since torch walks through its hooks while other threads would add and remove them. Its annotation leaves
# out that a returned parameter takes the place of the registered one.
register_module_parameter_registration_hook(_without_memory)  # type: ignore[arg-type]


@contextmanager
def _channels_without_memory() -> Iterator[None]:
    """Let SSD's builders, which send an image through their backbone to learn its sizes, do so without numbers."""
    original = detection_utils.retrieve_out_channels
    builder = threading.get_ident()

    def on_meta(backbone: nn.Module, size: tuple[int, int]) -> list[int]:
        ours = threading.get_ident() == builder
        channels: list[int] = original(copy.deepcopy(backbone).to("meta") if ours else backbone, size)
        return channels

    detection_utils.retrieve_out_channels = on_meta
    try:
        yield
    finally:
        detection_utils.retrieve_out_channels = original


def _freeze_norms(model: nn.Module, epsilon: float | None) -> None:
    """Make the backbone's batch norms frozen ones, as detection's builders do around pretrained weights."""
    for module in model.get_submodule("backbone.body").modules():
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                eps = child.eps if epsilon is None else epsilon
                module._modules[name] = FrozenBatchNorm2d(child.num_features, eps=eps)


def _quantized(
    architecture: str, state: StateDict, arguments: Mapping[str, Any], modes: Modes
) -> tuple[nn.Module, LoadReport]:
    if not architecture.startswith("quantized_"):
        twin = f"quantized_{architecture}"
        raise AttachError(
            f"The weights are quantized, and {architecture} is not.",
            f"Choose {twin}." if twin in models.list_models() else "Choose the architecture they were saved from.",
        )
    backend = backend_of(architecture, modes.backend)
    model, _ = _construct(architecture, arguments)
    with ALONE:
        return fill_quantized(quantize(model, modes, backend), state, architecture, modes, backend)


def _modern_keys(architecture: str, state_dict: StateDict) -> dict[str, Any]:
    if not architecture.startswith("densenet"):
        return dict(state_dict)
    return {_OLD_DENSENET_KEY.sub(r"\1\2", key): tensor for key, tensor in state_dict.items()}
