"""A survey of all tensors against six torch reductions (min, max, mean, std, norm, zeros) over the same tensors.

Ours is asked of a process of its own, as in the window, its start and the reading of the file counted, with histograms,
NaN and Inf, dead and equal filters. torch has its tensors in memory already. The file is cached, and they take turns.
Each row prints ours, the peer's and the ratio of the medians, and how far ours is above an idle worker's memory at the
most.

    python benchmarks/surveying.py [--megabytes 2000] [--tensors 400] [--dtypes float32 bfloat16] [--runs 5]
"""

from __future__ import annotations

import argparse
import queue
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.forwarding import forward
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.client import ProcessClient
from inspector.survey_rows import row_bins

WANTED, WANTED_MEGABYTES = 1.0, 200


def make_file(path: Path, megabytes: int, tensors: int, dtype: torch.dtype) -> None:
    """Write a state_dict of convolutions of different sizes, and half as many small tensors among them."""
    random = torch.Generator().manual_seed(0)
    filters = megabytes * 1_000_000 // (tensors * 3 // 4 * 64 * 9 * dtype.itemsize)
    state = {}
    for index in range(tensors):
        count = max(1, (filters // 50, filters // 2, filters, filters * 3 // 2)[index % 4])
        state[f"layer{index}.weight"] = (torch.randn(count, 64, 3, 3, generator=random) * 0.05).to(dtype)
    torch.save(state, path)


def summary_of(path: Path) -> CheckpointSummary:
    """Return what the window knows of a file before it asks for a survey."""
    with open_checkpoint(path) as checkpoint:
        return CheckpointSummary(*encode(checkpoint))


def ours(summary: CheckpointSummary) -> tuple[float, float]:
    """Survey in a fresh worker; return the seconds, and the megabytes above what it takes idle."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    rows = 0

    def take(told: dict[str, Any]) -> None:
        nonlocal rows
        rows += len(told["tensors"])

    started = time.perf_counter()
    client = ProcessClient("worker")
    header, columns = forward(summary)
    params = {"summary": header, "bins": row_bins(len(summary)), "cache": None}
    client.request(
        "survey", params, columns, done=lambda result, _: answers.put(result), failed=answers.put, progress=take
    )
    answer = answers.get()
    seconds = time.perf_counter() - started
    peak = _memory(client.process.pid, "VmHWM")
    client.close()
    assert isinstance(answer, dict), answer
    assert rows == len(summary)
    return seconds, peak - _idle_memory()


def _idle_memory() -> float:
    """Return the megabytes of a worker that has just answered its first question."""
    answered: queue.SimpleQueue[Any] = queue.SimpleQueue()
    client = ProcessClient("worker")
    client.request("ping", {}, done=lambda *_: answered.put(None), failed=answered.put)
    answered.get()
    found = _memory(client.process.pid, "VmRSS")
    client.close()
    return found


def _memory(process: int, name: str) -> float:
    """Return megabytes that the system tells of a process; 0 where it does not tell."""
    status = Path(f"/proc/{process}/status")
    found = re.search(rf"{name}:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def peer(tensors: list[torch.Tensor]) -> float:
    """Time torch's reductions."""
    started = time.perf_counter()
    for tensor in tensors:
        tensor.min(), tensor.max(), tensor.mean(), tensor.std(correction=0), tensor.norm()
        tensor.numel() - torch.count_nonzero(tensor)
    return time.perf_counter() - started


def main() -> None:
    """Time each dtype and print its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2_000)
    parser.add_argument("--tensors", type=int, default=400)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16", "float16"])
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'dtype':>9}  {'MB':>6}  {'ours':>8}  {'torch':>8}  ratio  wanted  {'memory':>8}  wanted")
    for name in arguments.dtypes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.pth"
            make_file(path, arguments.megabytes, arguments.tensors, getattr(torch, name))
            summary = summary_of(path)
            tensors = list(torch.load(path, weights_only=True).values())
            timed = [(*ours(summary), peer(tensors)) for _ in range(arguments.runs)]
            del tensors
        mine, memory, theirs = (statistics.median(column) for column in zip(*timed, strict=True))
        print(
            f"{name:>9}  {arguments.megabytes:>6,}  {mine:>6.2f} s  {theirs:>6.2f} s  {mine / theirs:>5.2f}"
            f"  ≤ {WANTED:.2f}  {memory:>5.0f} MB  ≤ {WANTED_MEGABYTES} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
