"""What a batch-norm layer does to its channels once it is trained."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inspector.weights.chunks import Array

Floats = npt.NDArray[np.float64]

NEAR_ZERO = 0.01
"""Share of the usual magnitude of gamma below which a channel counts as switched off."""


def effective_scale(gamma: Array | None, variance: Array, eps: float) -> Floats:
    """Return what each channel is multiplied by in eval mode: ``gamma / sqrt(variance + eps)``, in float64.

    `torch.nn.BatchNorm2d`'s formula. Where ``variance + eps`` is negative the result is NaN, as in torch.

    Parameters
    ----------
    gamma
        None for a layer without weights of its own: 1.
    """
    weights = np.ones(variance.shape) if gamma is None else gamma.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found: Floats = weights / np.sqrt(variance.astype(np.float64) + eps)
    return found


def effective_shift(beta: Array | None, mean: Array, scale: Floats) -> Floats:
    """Return what is added to each channel in eval mode after it was scaled: ``beta - mean * scale``."""
    with np.errstate(invalid="ignore", over="ignore"):
        moved: Floats = -mean.astype(np.float64) * scale
        return moved if beta is None else beta.astype(np.float64) + moved


def near_zero(gamma: Array) -> npt.NDArray[np.bool_]:
    """Tell which channels have a gamma of almost 0, so that nothing but beta comes out of them.

    Almost means no more than `NEAR_ZERO` of the magnitude that nine in ten of those that are not 0 stay below: in a
    pruned layer most of them may be tiny. NaN and Inf are not near zero.
    """
    magnitudes = np.abs(gamma.astype(np.float64))
    usual = magnitudes[np.isfinite(magnitudes) & (magnitudes > 0)]
    limit = NEAR_ZERO * float(np.quantile(usual, 0.9)) if usual.size else 0.0
    found: npt.NDArray[np.bool_] = magnitudes <= limit
    return found
