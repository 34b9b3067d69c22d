"""Train the demo that ships with Inspector, from scratch, and write ``resources/demo``.

A small torchvision architecture learns the handwritten digits that ship inside scikit-learn (the test part of
the UCI set "Optical Recognition of Handwritten Digits"). The last 360 digits are held out, unshuffled:
neighbours in the set tend to be by one hand, so this is harder than a random split. The number of epochs is
fixed, and the weights of the last epoch are kept.

    python tools/train_demo.py                 # a few minutes on two CPU cores
    python tools/train_demo.py --out folder    # somewhere else

Needs ``pip install "inspector-pth[demo]"``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torchvision
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

ARCHITECTURE = "shufflenet_v2_x0_5"
CLASS_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PREPROCESSING: dict[str, Any] = {
    "resize_size": 96,
    "crop_size": 96,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "interpolation": "bilinear",
}
DESCRIPTION = (
    "Handwritten digits, 0 to 9. A shufflenet_v2_x0_5 trained from scratch by tools/train_demo.py "
    "on the digits that ship with scikit-learn (UCI, CC BY 4.0)."
)
HELD_OUT = 360
EPOCHS = 50
BATCH = 64
SEED = 20
SAMPLE_SIDE = 128
SAMPLE_CONFIDENCE = 0.95
SECOND_SAMPLES = (3, 8)
"""The digits that get two samples, which makes the ten a dozen: the pair that people misread most."""


@dataclass(frozen=True)
class Digits:
    """The data set as pictures and labels, in its own order.

    Attributes
    ----------
    pictures
        PIL greyscale images, `SAMPLE_SIDE` pixels square: dark ink on white.
    inputs
        float32, shape (number of digits, 3, crop, crop): `pictures` as the network gets them.
    labels
        int64, shape (number of digits,).
    held_out
        bool, shape (number of digits,): True for the last `HELD_OUT`.
    """

    pictures: list[Image.Image]
    inputs: Tensor
    labels: Tensor
    held_out: Tensor


def render(ink: npt.NDArray[np.float64]) -> Image.Image:
    """Draw one 8 × 8 digit (0 is paper, 16 is ink) as a smooth dark-on-white picture with a margin."""
    padded = np.pad(ink / 16.0, 1)
    smooth = Image.fromarray(padded.astype(np.float32)).resize((SAMPLE_SIDE, SAMPLE_SIDE), Image.Resampling.LANCZOS)
    # A steeper edge gives back the look of a pen stroke, which enlarging 8 pixels to 128 blurs; not so steep
    # that thin gaps, as in an 8, fill up.
    stroke = np.clip((np.asarray(smooth, dtype=np.float64) - 0.62) * 1.8 + 0.5, 0.0, 1.0)
    stroke = stroke * stroke * (3.0 - 2.0 * stroke)
    return Image.fromarray((255.0 - 225.0 * stroke).round().astype(np.uint8))


def preprocessing() -> ImageClassification:
    """Return torchvision's own transform with the values that the checkpoint states."""
    values = dict(PREPROCESSING)
    values["interpolation"] = InterpolationMode(values["interpolation"])
    return ImageClassification(**values)


def read_digits() -> Digits:
    """Load scikit-learn's digits and pass every one through the path that the app uses."""
    data = load_digits()
    transform = preprocessing()
    pictures = [render(ink) for ink in data.images]
    inputs = torch.stack([transform(picture.convert("RGB")) for picture in pictures])
    labels = torch.tensor(data.target.tolist())
    held_out = torch.arange(len(labels)) >= len(labels) - HELD_OUT
    return Digits(pictures, inputs, labels, held_out)


def augment(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, scale, shear and shift each image a little, and swap ink and paper in every fourth."""
    count = batch.shape[0]

    def spread(width: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * width

    angle, shear = spread(0.26), spread(0.2)
    scale_x, scale_y = 1 + spread(0.15), 1 + spread(0.15)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = torch.cos(angle) * scale_x
    theta[:, 0, 1] = -torch.sin(angle) + shear
    theta[:, 1, 0] = torch.sin(angle)
    theta[:, 1, 1] = torch.cos(angle) * scale_y
    theta[:, 0, 2], theta[:, 1, 2] = spread(0.15), spread(0.15)
    grid = nn.functional.affine_grid(theta, list(batch.shape), align_corners=False)
    moved = nn.functional.grid_sample(batch, grid, padding_mode="border", align_corners=False)
    # The mean is mid-grey, so negating a normalised image is exactly swapping black and white.
    inverted = torch.rand(count, generator=generator) < 0.25
    return torch.where(inverted[:, None, None, None], -moved, moved)


def train(digits: Digits, epochs: int = EPOCHS) -> nn.Module:
    """Train the architecture from random weights on all but the held-out digits."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    model: nn.Module = torchvision.models.get_model(ARCHITECTURE, weights=None, num_classes=len(CLASS_NAMES)).train()
    # The digits are grey, so the first filters begin grey: the colours of a random start would never fade.
    with torch.no_grad():
        first = next(model.parameters())
        first.copy_(first.mean(dim=1, keepdim=True).expand_as(first))
    inputs, labels = digits.inputs[~digits.held_out], digits.labels[~digits.held_out]
    steps = len(inputs) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps * epochs)
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(inputs), generator=generator)
        total = 0.0
        for step in range(steps):
            rows = order[step * BATCH : (step + 1) * BATCH]
            scores = model(augment(inputs[rows], generator))
            loss = nn.functional.cross_entropy(scores, labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch:>2} of {epochs}: training loss {total / steps:.4f}", flush=True)
    return model.eval()


def held_out_probabilities(model: nn.Module, digits: Digits) -> Tensor:
    """Return the softmax scores of the held-out digits, shape (`HELD_OUT`, 10)."""
    with torch.inference_mode():
        scores: Tensor = model(digits.inputs[digits.held_out])
    return scores.softmax(dim=1)


def held_out_accuracy(model: nn.Module, digits: Digits) -> float:
    """Return the fraction of the held-out digits that the model (in eval mode) names correctly."""
    right = held_out_probabilities(model, digits).argmax(dim=1) == digits.labels[digits.held_out]
    return right.float().mean().item()


def choose_samples(probabilities: Tensor, digits: Digits) -> dict[str, int]:
    """Return file name -> index in the data set of the sample digits.

    The rule, the same for all: the most typical held-out digit of each class, which is the one whose picture
    is nearest to the mean of its class, among those that are named correctly with a probability of at least
    `SAMPLE_CONFIDENCE`; for `SECOND_SAMPLES` the next one too.
    """
    indices = torch.nonzero(digits.held_out).flatten()
    labels = digits.labels[indices]
    chosen: dict[str, int] = {}
    for digit in range(len(CLASS_NAMES)):
        mean = digits.inputs[indices[labels == digit]].mean(dim=0)
        sure = indices[(labels == digit) & (probabilities[:, digit] >= SAMPLE_CONFIDENCE)]
        distance = (digits.inputs[sure] - mean).square().sum(dim=(1, 2, 3))
        rows = sure[distance.argsort()].tolist()[: 2 if digit in SECOND_SAMPLES else 1]
        chosen |= {f"{digit}_{n}.png": row for n, row in enumerate(rows, start=1)}
    return chosen


def write_demo(folder: Path, model: nn.Module, digits: Digits, accuracy: float) -> None:
    """Write ``digits.pth`` and ``samples/*.png`` into `folder`."""
    samples = folder / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    checkpoint = {
        "epoch": EPOCHS,
        "state_dict": model.state_dict(),
        "metrics": {"held_out_accuracy": accuracy, "held_out_examples": HELD_OUT},
        "inspector": {
            "architecture": ARCHITECTURE,
            "num_classes": len(CLASS_NAMES),
            "class_names": CLASS_NAMES,
            "preprocessing": PREPROCESSING,
            "description": DESCRIPTION,
        },
    }
    torch.save(checkpoint, folder / "digits.pth")
    for old in samples.glob("*.png"):
        old.unlink()
    chosen = choose_samples(held_out_probabilities(model, digits), digits)
    for name, index in chosen.items():
        digits.pictures[index].save(samples / name, optimize=True)
        print(f"{name}: digit {index} of the data set")


def main() -> None:
    """Train, print the held-out accuracy and write the demo."""
    parser = argparse.ArgumentParser(description="Train the demo that ships with Inspector.")
    here = Path(__file__).resolve().parent.parent / "resources" / "demo"
    parser.add_argument("--out", type=Path, default=here, help="folder to write (default: resources/demo)")
    folder: Path = parser.parse_args().out
    torch.use_deterministic_algorithms(True)
    begin = time.perf_counter()
    digits = read_digits()
    model = train(digits)
    accuracy = held_out_accuracy(model, digits)
    write_demo(folder, model, digits, accuracy)
    print(f"trained in {time.perf_counter() - begin:.0f} s")
    print(f"held-out accuracy: {accuracy:.2%} of {HELD_OUT} digits")


if __name__ == "__main__":
    main()
