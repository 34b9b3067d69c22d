"""In which floating point dtype a model computes, and how its weights get there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from inspector.engine.loading import count

Choice = Literal["float32", "keep"]
#: What torch's convolutions and matrix products compute in; other dtypes only store.
_COMPUTED = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_HALF = (torch.float16, torch.bfloat16)
#: torchvision's box operations know no half precision (``csrc/ops/cpu/nms_kernel.cpp``), and RAFT makes its
#: coordinates in float32 whatever its weights are (``models/optical_flow/_utils.py``).
_UNABLE = {"detection": _HALF, "optical flow": (*_HALF, torch.float64)}


@dataclass(frozen=True, slots=True)
class Precision:
    """The dtype that a model computes in, whether its batch norms keep float32, and a sentence for the person."""

    dtype: torch.dtype
    norms_in_float32: bool = False
    sentence: str = ""


def choose_precision(tensors: Iterable[tuple[torch.Tensor, bool]], choice: Choice, task: str) -> Precision:
    """Choose what a model computes in.

    Parameters
    ----------
    tensors
        The file's tensors that go into floating point parameters and buffers, and whether each belongs to a
        batch norm.
    choice
        ``"float32"``, or ``"keep"`` for the dtype that most of the file's numbers have.
    """
    held = [(tensor, norm) for tensor, norm in tensors if tensor.numel()]
    tally = Counter(_name(tensor.dtype) for tensor, _ in held)
    elements: Counter[torch.dtype] = Counter()
    for tensor, _ in held:
        elements[tensor.dtype] += tensor.numel()
    mixed = f"The file mixes {_listed(tally)}; " if len(tally) > 1 else ""
    most = elements.most_common(1)[0][0] if elements else torch.float32
    if choice == "float32" or most == torch.float32:
        return Precision(torch.float32, sentence=_told(mixed, tally, torch.float32))
    if most not in _COMPUTED or most in _UNABLE.get(task, ()):
        why = f"Models for {task} can't" if most in _COMPUTED else "torch can't"
        told = _told(mixed, tally, torch.float32).removesuffix(".")
        return Precision(torch.float32, sentence=f"{told}: {why[0].lower() + why[1:]} compute in {_name(most)}.")
    norms = most in _HALF and any(norm and tensor.dtype == torch.float32 for tensor, norm in held)
    beside = ", its batch norms in float32" if norms else ""
    sentence = f"{mixed}the model computes in {_name(most)}{beside}."
    return Precision(most, norms, sentence[0].upper() + sentence[1:])


def _told(mixed: str, tally: Counter[str], target: torch.dtype) -> str:
    if mixed:
        return f"{mixed}the model computes in {_name(target)}."
    only = next(iter(tally), _name(target))
    return "" if only == _name(target) else f"The weights were {only} and are {_name(target)} now."


def _listed(tally: Counter[str]) -> str:
    texts = [f"{count(number, 'tensor')} of {name}" for name, number in tally.most_common()]
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def norm_modules(model: nn.Module) -> set[str]:
    """Return the names of the batch norms, whose input may be of another precision than they are."""
    return {name for name, module in model.named_modules() if isinstance(module, _BatchNorm)}


def settle(model: nn.Module, own: dict[str, torch.dtype], precision: Precision) -> tuple[tuple[str, ...], ...]:
    """Bring every parameter and buffer to its dtype, in one piece; what lies in the same memory stays one.

    Parameters
    ----------
    own
        What the builder made, by name; integers stay what they are.

    Returns
    -------
    tuple of tuple of str
        The parameters that are one, by their names.
    """
    made: dict[Any, torch.Tensor] = {}
    names: dict[int, list[str]] = {}
    for prefix, module in model.named_modules():
        float32 = precision.norms_in_float32 and isinstance(module, _BatchNorm)
        floating = torch.float32 if float32 else precision.dtype
        for held in (module._parameters, module._buffers):
            for name, tensor in held.items():
                if tensor is None:
                    continue
                full = f"{prefix}.{name}" if prefix else name
                target = floating if own[full].is_floating_point else own[full]
                place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, target, type(tensor))
                settled = made.get(place) if tensor.numel() and not tensor.is_meta else None
                if settled is None:
                    if tensor.dtype != target or not tensor.is_contiguous():
                        tensor.data = tensor.data.to(target).contiguous()
                    settled = made[place] = tensor
                held[name] = settled
                if isinstance(settled, nn.Parameter):
                    names.setdefault(id(settled), []).append(full)
    return tuple(tuple(group) for group in names.values() if len(group) > 1)


def input_caster(dtype: torch.dtype) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    """Return a hook that brings a forward pass's floating point inputs to the model's dtype."""

    def cast(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.to(dtype) if value.is_floating_point() else value
        return [cast(item) for item in value] if isinstance(value, list | tuple) else value

    def hook(_module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(map(cast, arguments))

    return hook
