"""Predictions over a folder of JPEGs: Inspector's pipeline, the plain loop, and the bare forward pass.

All in this process, without Qt, in turn, several rounds. The plain loop opens, transforms and computes one image after
the other, as torchvision's documentation does. The bare forward computes inputs that were prepared before,
channels-last, at the best batch size that is tried, with the model as it is. Ours includes reading the files, decoding,
preparing, and reducing the scores to the five likeliest. Each row prints the median of images per second, then ours as
a multiple of the peers', round by round: the median and the range.

    python benchmarks/predict.py [--images FOLDER] [--count N] [--rounds 5] [--device cpu] [--architecture resnet50]
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the engine's process has it

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision import models

from inspector.engine.attach import Attachment, attach
from inspector.engine.devices import choose_device, wait_for
from inspector.engine.items import prepare_item
from inspector.engine.pipeline import Job, Pipeline
from inspector.engine.runner import Runner

#: Wanted of ours, as a multiple of the peer's; as near the bare forward on a GPU as decoding allows, which is not told
#: by a number.
WANTED: dict[str, dict[str, float | None]] = {
    "cpu": {"the plain loop": 1.35, "the bare forward": 0.9},
    "cuda": {"the plain loop": 5.0, "the bare forward": None},
}
BATCHES = {"cpu": (1, 2, 4, 8, 16), "cuda": (8, 16, 32, 64, 128)}
#: Images: a GPU has computed a few before it has begun to be busy.
COUNT = {"cpu": 64, "cuda": 512}


def photographs(folder: Path, count: int) -> list[Path]:
    """Write synthetic photographs of 500 x 375: gradients, edges and noise, some 60 kB each."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:375, 0:500]
    paths = []
    for place in range(count):
        waves = 128 + 60 * np.sin(x / (11 + place % 23)) + 60 * np.cos(y / 17)
        pixels = np.stack([waves, x * 255 / 500, y * 255 / 375], axis=-1) + random.normal(0, 12, (375, 500, 3))
        paths.append(folder / f"{place:04}.jpg")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(paths[-1], quality=88)
    return paths


def calibrated(architecture: str) -> nn.Module:
    """Build the architecture with random weights whose batch norms fit them: nothing may over- or underflow."""
    torch.manual_seed(0)
    model: nn.Module = models.get_model(architecture, weights=None)
    model.train()
    with torch.no_grad():
        model(torch.randn(4, 3, 224, 224))
    return model.eval()


def kind_of(device: str) -> str:
    """Return which figures go for a device: any card counts as a GPU."""
    return "cpu" if device == "cpu" else "cuda"


class Contest:
    """The three ways through the same files."""

    def __init__(self, architecture: str, device: str, paths: list[Path]) -> None:
        model = calibrated(architecture)
        self.paths, self.device = paths, device
        self.preset = models.get_model_weights(architecture).DEFAULT.transforms()
        self.plain = calibrated(architecture).to(device)
        self.bare = calibrated(architecture).to(device).to(memory_format=torch.channels_last)
        self.attachment: Attachment = attach(architecture, model.state_dict(), num_classes=None, device=device)
        self.runner = Runner(self.attachment)
        self.pipeline = Pipeline()
        inputs = torch.stack([self.preset(Image.open(path).convert("RGB")) for path in paths])
        self.inputs = inputs.to(device).contiguous(memory_format=torch.channels_last)
        sizes = [size for size in BATCHES[kind_of(device)] if size <= len(paths)] or [len(paths)]
        self.batch = min(sizes, key=self.bare_seconds)

    def bare_seconds(self, size: int) -> float:
        """Return the seconds of the bare forward over two batches of a size, the faster of two tries."""
        few = self.inputs[: max(size, min(2 * size, len(self.inputs)))]
        return min(self._bare(few, size) for _ in range(2)) / len(few)

    @torch.inference_mode()
    def _bare(self, inputs: torch.Tensor, size: int) -> float:
        started = time.perf_counter()
        for batch in torch.split(inputs, size):
            self.bare(batch)
        wait_for(self.device)
        return time.perf_counter() - started

    def bare_forward(self) -> None:
        """Compute the inputs that are there."""
        self._bare(self.inputs, self.batch)

    @torch.inference_mode()
    def plain_loop(self) -> None:
        """Open, transform, compute, one by one."""
        for path in self.paths:
            tensor = self.preset(Image.open(path).convert("RGB"))
            self.plain(tensor[None].to(self.device)).softmax(1).topk(5).indices.tolist()

    def ours(self) -> None:
        """Put all files into the pipeline, and wait for every answer."""
        jobs = []
        for path in self.paths:
            data = path.read_bytes()
            jobs.append(
                Job(self.runner, lambda n=path.name, d=data: prepare_item(self.attachment, [n], [d]), 5, print)  # type: ignore[misc]
            )
            self.pipeline.put(jobs[-1])
        for job in jobs:
            job.answer.result()


def rate(run: Callable[[], None], count: int) -> float:
    """Return images per second."""
    started = time.perf_counter()
    run()
    return count / (time.perf_counter() - started)


def main() -> None:
    """Measure and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder of JPEGs; else photographs are made")
    parser.add_argument("--count", type=int, help="of images: 64, and 512 on a GPU")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--architecture", default="resnet50")
    options = parser.parse_args()
    device = choose_device(options.device)
    wanted_count = options.count or COUNT[kind_of(device)]
    with tempfile.TemporaryDirectory(prefix="inspector-benchmark-") as folder:
        if options.images is None:
            paths = photographs(Path(folder), wanted_count)
        else:
            paths = sorted(path for path in options.images.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
            paths = paths[:wanted_count]
        contest = Contest(options.architecture, device, paths)
        ways = {"ours": contest.ours, "the plain loop": contest.plain_loop, "the bare forward": contest.bare_forward}
        rates: dict[str, list[float]] = {name: [] for name in ways}
        contest.ours()  # the folded copy is made once, and counted in nobody's favour
        for turn in range(options.rounds):
            for name in sorted(ways, key=lambda name: (list(ways).index(name) + turn) % len(ways)):
                rates[name].append(rate(ways[name], len(paths)))
        contest.pipeline.close()
    print_rows(options, contest, rates, len(paths))


def print_rows(options: argparse.Namespace, contest: Contest, rates: dict[str, list[float]], count: int) -> None:
    """Print images per second, and ratios."""
    text = io.StringIO()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"{options.architecture}, {count} images, {options.rounds} rounds, {contest.device}, {cores} cores", file=text
    )
    print(
        f"{'ours':28} {statistics.median(rates['ours']):7.1f} images/s, folded: {contest.runner.is_folded}", file=text
    )
    for peer, wanted in WANTED[kind_of(contest.device)].items():
        ratios = sorted(mine / theirs for mine, theirs in zip(rates["ours"], rates[peer], strict=True))
        at = f", {contest.batch} at once" if peer == "the bare forward" else ""
        name, theirs = f"{peer}{at}", statistics.median(rates[peer])
        spread = f"{ratios[0]:.2f}–{ratios[-1]:.2f}"
        aim = f", wanted >= {wanted}" if wanted is not None else ""
        print(f"{name:28} {theirs:7.1f} images/s, ratio {statistics.median(ratios):.2f} ({spread}){aim}", file=text)
    print(text.getvalue(), end="")


if __name__ == "__main__":
    main()
