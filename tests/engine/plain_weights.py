"""Weights and pictures that are the same on every machine: numpy's legacy generator is frozen, torch's is not."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision import models

CLASSES = 12
#: Architecture, and the side of the picture it gets.
SIZES = {
    "resnet18": 128, "densenet121": 128, "mobilenet_v2": 128, "efficientnet_b0": 128, "convnext_tiny": 128,
    "vgg11": 128, "swin_t": 128, "vit_b_16": 224,
}  # fmt: skip
_PERIOD = 65_521


def plain_model(name: str) -> nn.Module:
    """Build torchvision's own model with weights of fixed values."""
    size = {"image_size": SIZES[name]} if name.startswith("vit") else {}
    model: nn.Module = models.get_model(name, weights=None, num_classes=CLASSES, **size)
    for key, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.from_numpy(_values(key, tuple(tensor.shape))))
    return model.eval()


def _values(key: str, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.RandomState(zlib.crc32(key.encode()))
    noise = np.resize(random.standard_normal(_PERIOD), shape).astype(np.float32)
    if key.endswith("running_var"):
        return 1 + 0.3 * np.abs(noise)
    if len(shape) > 1 and not key.endswith(("pos_embedding", "class_token", "layer_scale")):
        return noise * np.float32(1.2 / np.sqrt(np.prod(shape[1:])))
    return (1 if key.endswith("weight") else 0) + 0.1 * noise


def plain_picture(side: int) -> Image.Image:
    """Draw a square picture of waves, a disc and noise."""
    random = np.random.RandomState(11)
    y, x = np.mgrid[0:side, 0:side]
    pixels = np.stack([128 + 90 * np.sin(x / 9), 128 + 90 * np.cos(y / 13), 255 * x / side], axis=-1)
    pixels[np.hypot(x - 0.6 * side, y - 0.4 * side) < side / 5] = (240, 200, 30)
    noisy = pixels + random.randint(-20, 21, pixels.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
