"""`identify` against building the one right model on the meta device and comparing its keys and shapes.

The peer is told the answer: it builds that architecture with torchvision, without memory for its weights, and compares
the state_dict's keys and shapes. Ours ranks all 121. Both run in this process, in turn; imports and the reading of our
catalogue are not counted (the latter is printed). Times are the processor's, so that a busy machine counts for little.

    python benchmarks/identify.py [--runs 5] [--all]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torchvision import models

from inspector.architectures import architecture, catalogue, identify
from inspector.architectures.layouts import Shape
from inspector.architectures.shared_names import known_names

Tensors = dict[str, Shape]

#: Milliseconds that ours may take at the most, whatever the file.
WANTED = 100
CHOSEN = ("resnet18", "resnet50", "vit_b_16", "maskrcnn_resnet50_fpn", "efficientnet_v2_l", "densenet201")


def foreign(tensors: int) -> Tensors:
    """Return the keys of a deep network that is none of torchvision's."""
    return {f"model.layers.{place // 8}.block.{place % 8}.weight": (4, 4) for place in range(tensors)}


def peer(name: str, tensors: Tensors) -> bool:
    """Build the right model without memory and compare."""
    with torch.device("meta"):
        built = models.get_model(name, weights=None, **({"weights_backbone": None} if _has_backbone(name) else {}))
    return {key: tuple(tensor.shape) for key, tensor in built.state_dict().items()} == tensors


def _has_backbone(name: str) -> bool:
    return architecture(name).task in (
        "detection",
        "instance_segmentation",
        "keypoint_detection",
        "semantic_segmentation",
    )


def milliseconds(run: Callable[[], object], runs: int) -> float:
    """Return the median of so many runs, in processor time."""
    found = []
    for _ in range(runs):
        started = time.process_time()
        run()
        found.append(time.process_time() - started)
    return statistics.median(found) * 1e3


def row(label: str, tensors: Tensors, runs: int, name: str | None = None) -> float:
    """Print one row, and return what ours took."""
    mine = milliseconds(lambda: identify(tensors), runs)
    text = f"{label:<42} {len(tensors):>7,}  {mine:>6.1f} ms"
    if name:
        theirs = milliseconds(lambda: peer(name, tensors), runs)
        text += f"  {theirs:>7.1f} ms  {mine / theirs:>5.2f}"
    print(text, flush=True)
    return mine


def main() -> None:
    """Time the chosen architectures, or all, and files that are none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="time every architecture, without the peer")
    arguments = parser.parse_args()
    started = time.process_time()
    known_names()
    print(f"catalogue read in {(time.process_time() - started) * 1e3:.0f} ms")
    print(f"{'file':<42} {'tensors':>7}  {'ours':>9}  {'built':>10}  ratio")
    for name in CHOSEN:
        row(name, dict(architecture(name).signature), arguments.runs, name)
    encoder = {f"encoder.{key}": shape for key, shape in architecture("resnet50").signature.items()}
    row("foreign", foreign(20_000), arguments.runs)
    row("foreign beside a resnet50", foreign(20_000) | encoder, arguments.runs)
    if arguments.all:
        slowest = max(
            (milliseconds(lambda: identify(found.signature), arguments.runs), name)  # noqa: B023
            for name, found in catalogue().items()
        )
        print(f"slowest of all {len(catalogue())}: {slowest[1]}, {slowest[0]:.1f} ms (wanted: at most {WANTED} ms)")


if __name__ == "__main__":
    main()
