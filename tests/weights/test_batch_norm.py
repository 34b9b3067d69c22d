"""What a batch-norm layer does is told as torch does it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inspector.weights.batch_norm import effective_scale, effective_shift, near_zero


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("eps", [1e-5, 1e-3])
def test_scale_and_shift_are_what_torch_computes(affine: bool, eps: float) -> None:
    generator = torch.Generator().manual_seed(0)
    layer = torch.nn.BatchNorm1d(50, eps=eps, affine=affine).double().eval()
    layer.running_mean = torch.randn(50, generator=generator, dtype=torch.float64)
    layer.running_var = torch.rand(50, generator=generator, dtype=torch.float64)
    if affine:
        torch.nn.init.normal_(layer.weight, generator=generator)
        torch.nn.init.normal_(layer.bias, generator=generator)
    inputs = torch.randn(7, 50, generator=generator, dtype=torch.float64)
    gamma, beta = (layer.weight.detach().numpy(), layer.bias.detach().numpy()) if affine else (None, None)
    scale = effective_scale(gamma, layer.running_var.numpy(), eps)
    shift = effective_shift(beta, layer.running_mean.numpy(), scale)
    np.testing.assert_allclose(inputs.numpy() * scale + shift, layer(inputs).detach().numpy(), rtol=1e-10, atol=1e-12)


def test_a_negative_variance_has_no_scale() -> None:
    scale = effective_scale(np.ones(3, np.float32), np.array([-1, 0, np.nan], np.float32), 1e-5)
    assert np.isnan(scale[[0, 2]]).all()
    assert scale[1] == pytest.approx(1 / np.sqrt(1e-5))


def test_channels_that_are_switched_off() -> None:
    gamma = np.array([1.0, -0.9, 0.0, 1e-8, 0.02, np.nan, np.inf, -0.005])
    np.testing.assert_array_equal(near_zero(gamma), [0, 0, 1, 1, 0, 0, 0, 1])
    mostly_pruned = np.array([1.0] * 2 + [1e-6] * 8)
    np.testing.assert_array_equal(near_zero(mostly_pruned), mostly_pruned < 0.5)
    assert near_zero(np.zeros(4)).all()
    assert not near_zero(np.full(4, 1e-9)).any()
    assert not near_zero(np.array([np.nan])).any()
