"""The tensors of a state_dict into a model, every key accounted for."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from inspector.engine.loading import HINT, LoadReport, misfit
from inspector.engine.options import Modes, StateDict, weight_of
from inspector.engine.precision import Choice, Precision, choose_precision, input_caster, norm_modules, settle
from inspector.engine.problems import AttachError
from inspector.engine.quantized import convert, engine_setter, packed, with_squeeze_defaults

Initialise = Callable[[list[str]], Mapping[str, torch.Tensor]]
"""Names of parameters -> those parameters, initialised as torchvision does."""

_COMPUTED = (".relative_position_index", ".relative_coords_table")


def fill(
    model: nn.Module,
    state: StateDict,
    architecture: str,
    task: str,
    *,
    partial: bool,
    choice: Choice,
    initialise: Initialise,
) -> LoadReport:
    """Put the tensors into a floating point model without copying those that need no change.

    Raises
    ------
    AttachError
        Keys or shapes differ and `partial` is False, or nothing at all fits.
    """
    model.requires_grad_(False)
    own = model.state_dict()
    dtypes = {name: tensor.dtype for name, tensor in model.named_parameters(remove_duplicate=False)}
    dtypes |= {name: tensor.dtype for name, tensor in model.named_buffers(remove_duplicate=False)}
    mismatched = {key: (value, own[key]) for key, value in state.items() if key in own and not _fits(value, own[key])}
    fitting = OrderedDict((key, value) for key, value in state.items() if key not in mismatched)
    strays = [key for key, value in fitting.items() if not isinstance(value, torch.Tensor)]
    for key in strays:
        del fitting[key]
    # MNASNet insists on a version; all other modules are better off without: they then accept their old
    # keys too
    fitting._metadata = {"": {"version": model._version}}  # type: ignore[attr-defined]
    try:
        found = model.load_state_dict(fitting, strict=False, assign=True)
    except RuntimeError as error:  # shapes of renamed old keys, which only torch's own hooks know
        raise AttachError(f"The weights don't fit {architecture}.", HINT) from error
    unexpected = [*found.unexpected_keys, *strays]
    # Swin's tables of positions, which timm doesn't save: the builder has filled them
    missing = [key for key in found.missing_keys if key not in mismatched and not key.endswith(_COMPUTED)]
    matched = len(state) - len(unexpected) - len(mismatched)
    if (missing or unexpected or mismatched) and not (partial and matched):
        raise misfit(architecture, missing, unexpected, mismatched)
    untrained = [key for key in own if key in missing or key in mismatched]
    precision = _precision(model, {key for key in own if key not in untrained}, dtypes, choice, task)
    _initialise(model, untrained, initialise)
    tied = settle(model, dtypes, precision)
    if precision.dtype != torch.float32:
        model.register_forward_pre_hook(input_caster(precision.dtype))
    return LoadReport(
        matched=matched,
        untrained=tuple(untrained),
        unexpected=tuple(unexpected),
        mismatched=tuple(mismatched),
        tied=tied,
        dtype=str(precision.dtype).removeprefix("torch."),
        precision=precision.sentence,
    )


def _fits(value: Any, own: torch.Tensor) -> bool:
    tensor = weight_of(value)
    if not isinstance(tensor, torch.Tensor) or tensor.is_complex() != own.is_complex() or tensor.is_quantized:
        return False
    # scalars were saved as vectors of one element before torch 0.4
    return tensor.shape == own.shape or (own.ndim == 0 and tensor.shape == (1,))


def _precision(
    model: nn.Module, loaded: set[str], dtypes: Mapping[str, torch.dtype], choice: Choice, task: str
) -> Precision:
    norms = norm_modules(model)
    held = model.state_dict(keep_vars=True)
    tensors = [(held[key], key.rpartition(".")[0] in norms) for key in loaded if dtypes[key].is_floating_point]
    return choose_precision(tensors, choice, task)


def _initialise(model: nn.Module, untrained: list[str], initialise: Initialise) -> None:
    """Give the parameters that no weights came for their memory and their start values; buffers have theirs."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    names = [key for key in untrained if key in parameters]
    for name, parameter in (initialise(names) if names else {}).items():
        module, _, last = name.rpartition(".")
        model.get_submodule(module)._parameters[last] = nn.Parameter(parameter.detach(), requires_grad=False)


def fill_quantized(
    model: nn.Module, state: StateDict, architecture: str, modes: Modes, backend: str
) -> tuple[nn.Module, LoadReport]:
    """Put quantized weights, or those of a model prepared for quantization, into a model of that kind.

    Returns
    -------
    nn.Module, LoadReport
        The model computes in integers, with the engine that `backend` names.

    Raises
    ------
    AttachError
        Keys or shapes differ: torch packs a layer's weights when they come, so that they can't be left out.
    """
    own = model.state_dict()
    training = modes.quantized == "training"
    given = with_squeeze_defaults(state, own) if training else packed(state, own)
    given = {**{key: None for key, value in own.items() if value is None}, **given}
    unexpected = [key for key in given if key not in own]
    missing = [key for key in own if key not in given]
    mismatched = {
        key: (weight_of(value), weight_of(own[key]))
        for key, value in given.items()
        if key in own and not _fits_quantized(weight_of(value), weight_of(own[key]))
    }
    if missing or unexpected or mismatched:
        raise misfit(architecture, missing, unexpected, mismatched)
    _check_numbers(given, architecture)
    ordered = OrderedDict((key, _widened(value, own[key])) for key, value in given.items())
    ordered._metadata = own._metadata  # type: ignore[attr-defined]
    try:
        model.load_state_dict(ordered)
    except (RuntimeError, ValueError, TypeError) as error:  # scales that make no sense
        reason = str(error).strip().split("\n")[-1].strip().rstrip(".")
        raise AttachError(f"The quantized weights don't fit {architecture}: {reason}.", HINT) from error
    model = convert(model) if training else model
    model.requires_grad_(False)
    model.register_forward_pre_hook(engine_setter(backend))
    sentence = f"Quantized weights: the model computes in 8-bit integers ({backend})."
    return model, LoadReport(matched=len(state), dtype="qint8", precision=sentence)


def _check_numbers(given: Mapping[str, Any], architecture: str) -> None:
    """Refuse scales and zero points by which no numbers could be told: torch takes them, and computes nonsense."""
    for key, value in given.items():
        tensor, wrong = weight_of(value), ""
        if not isinstance(tensor, torch.Tensor):
            continue
        if tensor.is_quantized and tensor.qscheme() in (torch.per_channel_affine, torch.per_channel_symmetric):
            axis = tensor.q_per_channel_axis()
            wrong = f"is quantized along dimension {axis}, which no layer is" if axis else ""
        elif not tensor.is_quantized and tensor.numel() == 1:
            number = tensor.item()
            no_scale = key.endswith(".scale") and not (math.isfinite(number) and number > 0)
            no_zero_point = key.endswith(".zero_point") and not 0 <= number <= _LARGEST_BYTE
            wrong = f"is {number:g}" if no_scale or no_zero_point else ""
        if wrong:
            raise AttachError(f"The quantized weights don't fit {architecture}: {key} {wrong}.", HINT)


#: A layer's output is made of unsigned bytes.
_LARGEST_BYTE = 255


def _fits_quantized(value: Any, own: Any) -> bool:
    if not isinstance(own, torch.Tensor):
        return type(value) is type(own)
    if not isinstance(value, torch.Tensor) or value.is_quantized != own.is_quantized or value.is_complex():
        return False
    # observers hold one number or one per channel: scalars, and sizes that loading sets
    return value.shape == own.shape or (value.numel() == own.numel() == 1) or own.numel() == 0


def _widened(value: Any, own: Any) -> Any:
    if isinstance(value, torch.Tensor) and isinstance(own, torch.Tensor) and not own.is_quantized:
        return value.to(own.dtype).reshape(own.shape) if value.numel() == own.numel() else value.to(own.dtype)
    if isinstance(value, tuple | list):  # a packed layer's weight and bias, which torch takes in float32 alone
        return tuple(_in_float32(part) for part in value)
    return value


def _in_float32(part: Any) -> Any:
    return part.float() if isinstance(part, torch.Tensor) and not part.is_quantized else part
