"""Whether a weight is still as torch or torchvision draws it at first.

The distributions are those of ``torch.nn.init`` and of the ``reset_parameters`` and ``__init__`` methods of torch's
and torchvision's modules. Whether values come from one is told by their bounds, mean and spread, and by the
Kolmogorov-Smirnov distance of their histogram, at whose edges the distribution of the values is known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from inspector.weights.audit.subject import AuditTensor, Initial
from inspector.weights.audit.thresholds import (
    EDGE,
    MIN_TESTED,
    SHAPE,
    STANDARD_ERRORS,
    SURE_NORMAL,
    SURE_UNIFORM,
)
from inspector.weights.figures import TensorFigures

Floats = npt.NDArray[np.float64]

_ROUNDING = {"float64": 0.0, "float32": 1e-6, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""What storing a number changes it by at the most, as a part of it; coarser kinds of numbers aren't tested."""

_ROUND_STDS = (0.001, 0.01, 0.02, 0.1, 1.0)
"""Spreads that models draw their weights with whatever their shape."""

_UNIFORM_ERROR = math.sqrt(0.2)  # of the spread of n uniform values, times √n: √((kurtosis - 1) / 4)
_NORMAL_ERROR = math.sqrt(0.5)


def initial_distribution(tensor: AuditTensor, figures: TensorFigures) -> Initial | None:
    """Return the initial distribution that a weight still has, None where it has none of those known."""
    statistics = figures.statistics
    if tensor.dtype not in _ROUNDING or statistics.nan or statistics.inf or not statistics.std:
        return None
    if statistics.numel < MIN_TESTED or statistics.min is None or statistics.max is None:
        return None
    for words, bound in _bounds(tensor).items():
        if _is_uniform(tensor, figures, bound):
            return Initial(words, True, statistics.numel >= SURE_UNIFORM)
    for words, std in _spreads(tensor).items():
        if _is_normal(tensor, figures, std):
            return Initial(words, False, statistics.numel >= SURE_NORMAL)
    return None


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return a weight's fan in and fan out, as ``torch.nn.init._calculate_fan_in_and_fan_out`` does."""
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _bounds(tensor: AuditTensor) -> dict[str, float]:
    """Return the uniform distributions that are usual for a weight of this shape, by name: their bounds."""
    fan_in, fan_out = _fans(tensor.shape)
    if tensor.key.startswith(("weight_ih", "weight_hh")):
        # an LSTM, GRU or RNN keeps 4, 3 or 1 matrices in one
        return {
            f"uniform within ±1/√{hidden}": 1 / math.sqrt(hidden)
            for hidden in (tensor.shape[0] // 4, tensor.shape[0] // 3, tensor.shape[0])
            if hidden
        }
    return {
        "uniform within ±1/√fan in (PyTorch's default)": 1 / math.sqrt(fan_in),
        "Kaiming uniform (fan in)": math.sqrt(6 / fan_in),
        "Kaiming uniform (fan out)": math.sqrt(6 / fan_out),
        "Xavier uniform": math.sqrt(6 / (fan_in + fan_out)),
        "LeCun uniform": math.sqrt(3 / fan_in),
        "uniform within ±√(3/fan out)": math.sqrt(3 / fan_out),
        "uniform within ±1/√fan out": 1 / math.sqrt(fan_out),
    }


def _spreads(tensor: AuditTensor) -> dict[str, float]:
    """Return the normal distributions that are usual for a weight of this shape, by name: their deviations."""
    fan_in, fan_out = _fans(tensor.shape)
    return {
        "Kaiming normal (fan out)": math.sqrt(2 / fan_out),
        "Kaiming normal (fan in)": math.sqrt(2 / fan_in),
        "Xavier normal": math.sqrt(2 / (fan_in + fan_out)),
        "LeCun normal": math.sqrt(1 / fan_in),
        **{f"normal with standard deviation {std:g}": std for std in _ROUND_STDS},
    }


def _is_uniform(tensor: AuditTensor, figures: TensorFigures, bound: float) -> bool:
    """Tell whether the values look like ones drawn evenly from within ± ``bound``."""
    statistics, rounding = figures.statistics, _ROUNDING[tensor.dtype]
    size = statistics.numel
    lowest, highest = float(statistics.min or 0), float(statistics.max or 0)
    free = 1 - EDGE / size - rounding
    reaches = lowest <= -bound * free and highest >= bound * free
    keeps = max(-lowest, highest) <= bound * (1 + rounding)
    std = bound / math.sqrt(3)
    return (
        reaches
        and keeps
        and _has_moments(figures, std, _UNIFORM_ERROR, rounding)
        and _distance(figures, lambda edges: np.clip((edges / bound + 1) / 2, 0, 1)) <= _allowed(size, rounding)
    )


def _is_normal(tensor: AuditTensor, figures: TensorFigures, std: float) -> bool:
    """Tell whether the values look like ones of a normal distribution around 0."""
    rounding = _ROUNDING[tensor.dtype]
    if not _has_moments(figures, std, _NORMAL_ERROR, rounding):
        return False
    unit = std * math.sqrt(2)
    return _distance(figures, lambda edges: (1 + _erf(edges / unit)) / 2) <= _allowed(
        figures.statistics.numel, rounding
    )


def _has_moments(figures: TensorFigures, std: float, error: float, rounding: float) -> bool:
    """Tell whether mean and spread are as near to 0 and ``std`` as chance allows."""
    statistics = figures.statistics
    root = math.sqrt(statistics.numel)
    spread_off = abs((statistics.std or 0) / std - 1)
    mean_off = abs(statistics.mean or 0) / std
    return spread_off <= STANDARD_ERRORS * error / root + rounding and mean_off <= STANDARD_ERRORS / root + rounding


def _erf(values: Floats) -> Floats:
    return np.array([math.erf(value) for value in values])


def _distance(figures: TensorFigures, share_below: Callable[[Floats], Floats]) -> float:
    """Return the greatest distance between the share of values below an edge of the histogram and that expected."""
    sums = np.concatenate([[0], np.cumsum(figures.counts)])
    edges = np.linspace(figures.low, figures.high, len(sums))
    return float(np.abs(sums / sums[-1] - share_below(edges)).max())


def _allowed(size: int, rounding: float) -> float:
    # rounding to a coarse grid moves whole grid points over an edge
    return SHAPE / math.sqrt(size) + rounding
