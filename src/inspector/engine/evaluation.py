"""Eval mode: set, verified module by module, and told in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torchvision.ops import FrozenBatchNorm2d, StochasticDepth

from inspector.engine.problems import EngineError


@dataclass(frozen=True, slots=True)
class EvalReport:
    """What eval mode holds still. Layers that drop nothing (a probability of 0) are not counted.

    Attributes
    ----------
    dropout, stochastic_depth, batch_norm
        How many layers of each kind.
    """

    dropout: int
    stochastic_depth: int
    batch_norm: int

    @property
    def sentence(self) -> str:
        """For example ``eval mode: 1 dropout and 20 batch-norm layers fixed``."""
        counted = [
            f"{count} {name}"
            for count, name in (
                (self.dropout, "dropout"),
                (self.stochastic_depth, "stochastic-depth"),
                (self.batch_norm, "batch-norm"),
            )
            if count
        ]
        if not counted:
            return "eval mode: no dropout and no batch norm to fix"
        last = (self.batch_norm or self.stochastic_depth or self.dropout) > 1 or len(counted) > 1
        joined = " and ".join([", ".join(counted[:-1]), counted[-1]] if len(counted) > 1 else counted)
        return f"eval mode: {joined} layer{'s' if last else ''} fixed" + ("" if self.dropout else ", no dropout")


def set_eval(model: nn.Module) -> EvalReport:
    """Switch every module to eval mode and verify that each one is.

    Raises
    ------
    EngineError
        A module does not keep to eval mode.
    """
    model.eval()
    require_eval(model)
    modules = list(model.modules())
    return EvalReport(
        dropout=sum(isinstance(m, _DropoutNd) and m.p > 0 for m in modules),
        stochastic_depth=sum(isinstance(m, StochasticDepth) and m.p > 0 for m in modules),
        batch_norm=sum(isinstance(m, _BatchNorm | FrozenBatchNorm2d) for m in modules),
    )


def require_eval(model: nn.Module) -> None:
    """Refuse a model of which any module is in training mode: its predictions would be wrong.

    Raises
    ------
    EngineError
        With the name of the first such module.
    """
    for name, module in model.named_modules():
        if module.training:
            raise EngineError(f"The module {name or 'at the root'} is not in eval mode.", "Attach the weights again.")
