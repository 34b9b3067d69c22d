"""Preprocessing is torchvision's own, whether it comes from a weights entry or from a checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models, transforms

from inspector.engine.preprocessing import Preprocessing
from inspector.engine.problems import PredictionError, PreprocessingError

EMBEDDED = {"resize_size": 40, "crop_size": 32, "mean": [0.5], "std": [0.25]}


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "efficientnet_b0", "inception_v3", "swin_v2_t", "vit_h_14"])
def test_it_equals_the_weights_entrys_transform(name: str, photo: Image.Image) -> None:
    entry = models.get_model_weights(name).DEFAULT
    ours = Preprocessing.from_transform(entry.transforms(), str(entry))
    assert ours.transform()(photo).equal(entry.transforms()(photo))
    assert ours.source == str(entry)


def test_a_checkpoints_keys_are_honoured(photo: Image.Image) -> None:
    ours = Preprocessing.from_checkpoint({**EMBEDDED, "interpolation": "bicubic", "grayscale": True})
    by_hand = transforms.Compose(
        [
            transforms.Grayscale(3),
            transforms.Resize(40, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.25] * 3),
        ]
    )
    found = ours.transform()(photo)
    assert found.shape == (3, 32, 32)
    torch.testing.assert_close(found, by_hand(photo), rtol=0, atol=1e-6)


def test_colour_stays_without_grayscale(photo: Image.Image) -> None:
    found = Preprocessing.from_checkpoint(EMBEDDED).transform()(photo)
    assert not found[0].equal(found[1])


def test_images_of_any_mode_are_taken(photo: Image.Image) -> None:
    transform = Preprocessing.from_checkpoint(EMBEDDED).transform()
    for mode in ("L", "CMYK", "RGBA", "1"):
        assert transform(photo.convert(mode)).shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"crop_size": None}, "crop_size that is not a whole number"),
        ({"crop_size": True}, "crop_size"),
        ({"crop_size": 0}, "from 1 to 4096"),
        ({"resize_size": 10**9}, "resize_size"),
        ({"resize_size": 1.5}, "resize_size"),
        ({"mean": [0.5, 0.5]}, "1 or 3 numbers"),
        ({"mean": 0.5}, "mean"),
        ({"mean": ["a"]}, "other than numbers"),
        ({"std": [float("nan")]}, "other than numbers"),
        ({"std": [0.0]}, "not positive"),
        ({"interpolation": "lanczos"}, "interpolation"),
        ({"interpolation": []}, "interpolation"),
        ({"flip": True}, "unknown key flip"),
    ],
)
def test_keys_that_can_not_be_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(PreprocessingError, match=words):
        Preprocessing.from_checkpoint({**EMBEDDED, **change})


def test_a_missing_key_is_named() -> None:
    with pytest.raises(PreprocessingError, match="lacks crop_size, std"):
        Preprocessing.from_checkpoint({"resize_size": 4, "mean": [0.0]})


def test_a_ribbon_does_not_fill_the_memory() -> None:
    ribbon = Image.fromarray(np.zeros((1, 60_000, 3), np.uint8))
    with pytest.raises(PredictionError, match="60000 × 1 pixels is too thin"):
        Preprocessing.from_checkpoint({**EMBEDDED, "resize_size": 224}).transform()(ribbon)
