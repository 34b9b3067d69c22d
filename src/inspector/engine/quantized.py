"""torchvision's quantized models, built without the forward pass that their builders calibrate on noise."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torchvision import models

from inspector.engine.options import Modes, StateDict
from inspector.engine.problems import AttachError

_PACKED = re.compile(r"(.*)_packed_params\._packed_params")


def backend_of(architecture: str, wanted: str) -> str:
    """Return the quantization engine to compute with: the wanted, else torchvision's choice, else torch's here.

    Raises
    ------
    AttachError
        The wanted one is not there.
    """
    there = torch.backends.quantized.supported_engines
    if wanted and wanted not in there:
        raise AttachError(f"torch has no quantization engine {wanted} here.", f"It has {', '.join(there)}.")
    entries = models.get_model_weights(architecture)
    usual = next((entry.meta["backend"] for entry in entries if "backend" in entry.meta), "")
    current = str(torch.backends.quantized.engine)
    return wanted or (usual if usual in there else current)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep torch from warning of its own deprecations, and of observers that have seen nothing yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def quantize(model: nn.Module, modes: Modes, backend: str) -> nn.Module:
    """Turn a float model of a quantized builder into what ``quantize=True`` makes of it, whose weights mean nothing.

    As ``torchvision.models.quantization.utils.quantize_model``, but for its forward pass, whose scales a state_dict
    replaces. For ``modes.quantized == "training"`` the conversion is left out.

    Parameters
    ----------
    model
        Its parameters may have no memory.
    """
    quantization: Any = torch.ao.quantization
    mutable: Any = model
    _give_memory(model)
    torch.backends.quantized.engine = backend
    with _quietly():
        if modes.quantized == "training":
            mutable.train()
            mutable.fuse_model(is_qat=True)
            mutable.qconfig = quantization.get_default_qat_qconfig(backend)
            prepared: nn.Module = quantization.prepare_qat(model, inplace=True)
            return prepared
        mutable.eval()
        by_channel = backend != "qnnpack"
        mutable.qconfig = quantization.QConfig(
            activation=quantization.default_observer,
            weight=quantization.default_per_channel_weight_observer
            if by_channel
            else quantization.default_weight_observer,
        )
        mutable.fuse_model(is_qat=False)
        quantization.prepare(model, inplace=True)
        return convert(model)


def convert(model: nn.Module) -> nn.Module:
    """Make an observed model compute in integers."""
    quantization: Any = torch.ao.quantization
    with _quietly():
        converted: nn.Module = quantization.convert(model.eval(), inplace=True)
    return converted


def _give_memory(model: nn.Module) -> None:
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and parameter.is_meta:
                # ones: a scale of zero can't be divided by
                module._parameters[name] = nn.Parameter(torch.ones_like(parameter, device="cpu"), requires_grad=False)


def packed(state: StateDict, own: StateDict) -> dict[str, Any]:
    """Return a state_dict with its packed layers as the model wants them: a pair (weight, bias) and a dtype.

    They may come as two tensors ``<layer>._packed_params._packed_params.0`` and ``.1``, or under the names that
    older versions of torch gave them (``torch/ao/nn/quantized/modules/linear.py``).
    """
    found = dict(state)
    for key in own:
        match = _PACKED.fullmatch(key)
        if match is None:
            continue
        inside, outside = f"{match[1]}_packed_params.", match[1]
        for weight, bias in (
            (f"{key}.0", f"{key}.1"),
            (f"{inside}weight", f"{inside}bias"),
            (f"{outside}weight", f"{outside}bias"),
        ):
            if key not in found and weight in found:
                found[key] = (found.pop(weight), found.pop(bias, None))
        if key in found:
            found.setdefault(f"{inside}dtype", own[f"{inside}dtype"])
            found[key] = tuple(_plain(part) for part in found[key])
    return found


def _plain(part: Any) -> Any:
    """Return a packed part as torch's operators take it: no gradient, in one piece."""
    return part.detach().contiguous() if isinstance(part, torch.Tensor) else part


def with_squeeze_defaults(state: StateDict, own: StateDict) -> dict[str, Any]:
    """Add what files prepared for training lack since before torchvision 0.12, as torchvision itself does."""
    found = dict(state)
    for key, value in own.items():
        if ".scale_activation.activation_post_process." in key:
            found.setdefault(key, value)
    return found


def engine_setter(backend: str) -> Callable[..., None]:
    """Return a hook that computes a forward pass with the engine its weights are packed for."""

    def choose(_module: nn.Module, _arguments: Any) -> None:
        torch.backends.quantized.engine = backend

    return choose
