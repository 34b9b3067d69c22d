"""`attach` against torchvision's own build and `load_state_dict`, from a state_dict in memory to a model in eval mode.

Both run in this process, in pairs, each first every other time; imports are not counted. Each row prints the medians
of ours and the peer's, the median of the pairs' ratios and their range.

    python benchmarks/attach.py [--architectures resnet18 resnet50 vit_b_16 fasterrcnn_resnet50_fpn] [--runs 9]
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torchvision import models

from inspector.engine.attach import attach

#: Wanted at the most.
WANTED = {"resnet50": 1.5}
DEFAULTS = ("resnet18", "resnet50", "vit_b_16", "fasterrcnn_resnet50_fpn")


def build(architecture: str) -> nn.Module:
    """Call torchvision's builder, without any download."""
    dense = architecture.endswith("_fpn")
    model: nn.Module = models.get_model(architecture, weights=None, **({"weights_backbone": None} if dense else {}))
    return model


def peer(architecture: str, state: dict[str, torch.Tensor]) -> None:
    """Build, load and set eval mode as every torchvision example does."""
    model = build(architecture)
    model.load_state_dict(state)
    model.eval()


def ours(architecture: str, state: dict[str, torch.Tensor]) -> None:
    """Attach with Inspector: the number of classes read off, every key accounted for, eval mode verified."""
    attach(architecture, state, num_classes=None, device="cpu")


def seconds(run: Callable[..., None], *arguments: Any) -> float:
    """Time one run, after a collection so that neither pays for the other's garbage."""
    gc.collect()
    started = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - started


def pairs(runs: int, architecture: str, state: dict[str, torch.Tensor]) -> list[tuple[float, float]]:
    """Time both side by side, after one run of each that is not counted."""
    found = []
    for run in range(runs + 1):
        if run % 2:
            theirs = seconds(peer, architecture, state)
            mine = seconds(ours, architecture, state)
        else:
            mine = seconds(ours, architecture, state)
            theirs = seconds(peer, architecture, state)
        found.append((mine, theirs))
    return found[1:]


def main() -> None:
    """Time each architecture and print its row; once more with the weights in half precision, widened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", nargs="+", default=list(DEFAULTS))
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    print(f"{'architecture':<34}  {'ours':>8}  {'torchvision':>11}  {'ratio':>5}  {'range':>11}  wanted")
    for architecture in arguments.architectures:
        state = dict(build(architecture).state_dict())
        half = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
        for label, weights in ((architecture, state), (f"{architecture}, float16", half)):
            timed = pairs(arguments.runs, architecture, weights)
            mine, theirs = (statistics.median(column) for column in zip(*timed, strict=True))
            ratios = sorted(a / b for a, b in timed)
            print(
                f"{label:<34}  {mine * 1e3:>5.0f} ms  {theirs * 1e3:>8.0f} ms  {statistics.median(ratios):>5.2f}"
                f"  {ratios[0]:>4.2f}–{ratios[-1]:<4.2f}    {WANTED.get(label, '')}",
                flush=True,
            )


if __name__ == "__main__":
    main()
