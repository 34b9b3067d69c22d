"""A copy of a model with its batch norms folded into the convolutions before them, for bulk prediction."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.fx.experimental.optimization import fuse
from torch.nn.modules.batchnorm import _BatchNorm

from inspector.engine.alone import ALONE
from inspector.engine.tasks import Output

#: How far a copy's outputs may be from the model's own, as a share of their spread.
TOLERANCE = 1e-4


def folded_copy(model: nn.Module) -> nn.Module | None:
    """Return a copy that computes the same with fewer steps; None where there is nothing to fold, or no way to.

    The model is traced by ``torch.fx``, which calls its ``forward`` with placeholders: only for torchvision's own
    classes. One that decides by its inputs' values can't be traced.
    """
    if not any(isinstance(module, _BatchNorm) for module in model.modules()):
        return None
    try:
        with ALONE:
            made = fuse(model)
    except (RuntimeError, TypeError, ValueError, AttributeError, KeyError, AssertionError, NotImplementedError):
        return None  # what torch.fx raises, by its sources, on what it can't trace
    made.eval()
    made.requires_grad_(False)
    return made


def agree(own: Sequence[Output], copied: Sequence[Output]) -> bool:
    """Tell whether a copy's outputs are the model's own, to `TOLERANCE` of their spread."""
    for one, other in zip(own, copied, strict=True):
        if one.keys() != other.keys():
            return False
        for name, values in one.items():
            if values.shape != other[name].shape:
                return False
            spread = float(values.max() - values.min()) if values.numel() else 0.0
            worst = float((values.double() - other[name].double()).abs().max()) if values.numel() else 0.0
            if not worst <= TOLERANCE * spread:  # also where it is no number
                return False
    return True


def weight_bytes(model: nn.Module) -> int:
    """Return what a copy of a model takes."""
    tensors: list[torch.Tensor] = [*model.parameters(), *model.buffers()]
    return sum(tensor.nbytes for tensor in tensors)
