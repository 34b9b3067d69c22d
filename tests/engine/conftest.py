"""Models with meaningful weights, made here: random, then with batch norms calibrated on random images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

Calibrated = Callable[..., nn.Module]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Keep torch to one thread: side by side, its threads wait for each other (seen: 8 times slower)."""
    torch.set_num_threads(1)


@pytest.fixture
def calibrated() -> Calibrated:
    """Build torchvision's own model, in eval mode, whose outputs depend on the image."""

    def build(name: str, **options: object) -> nn.Module:
        torch.manual_seed(0)
        if name.removeprefix("quantized_") in ("googlenet", "inception_v3"):
            options = {"init_weights": False, **options}
        model: nn.Module = models.get_model(name, weights=None, **options)
        for parameter in model.parameters():
            if parameter.ndim > 1 and not parameter.any():  # ViTs start with a head of zeros
                nn.init.normal_(parameter, std=0.05)
        norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        if norms:
            for norm in norms:
                norm.momentum = None  # a plain average
            model.train()
            size = 299 if "inception" in name else 224 if name.startswith("maxvit") else 96
            with torch.no_grad():
                model(torch.randn(2, 3, size, size))
        return model.eval()

    return build


@pytest.fixture
def photo() -> Image.Image:
    """A picture with edges, gradients and noise, 300 × 260."""
    random = np.random.default_rng(7)
    y, x = np.mgrid[0:260, 0:300]
    waves = 128 + 60 * np.sin(x / 11) + 60 * np.cos(y / 17)
    picture = np.stack([waves, x * 255 / 300, y * 255 / 260], axis=-1) + random.normal(0, 20, (260, 300, 3))
    picture[80:140, 90:200] = (230, 40, 30)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))
