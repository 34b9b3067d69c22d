"""Comparing two checkpoints tensor by tensor, as ``inspector diff`` and the window do, against torch doing the same.

Ours runs in a process of its own, its start counted: every tensor paired by name, equal or not, the largest magnitude
of the difference, relative L2 and cosine in float64. The peer, in a process of its own whose imports are not counted,
opens both by ``torch.load(mmap=True, weights_only=True)`` and reckons the same in the tensors' own float32 with all
threads. The files are the same and cached for both, and they take turns. Each row prints ours, the peer's, the ratio
of the medians, and the most memory of its own, beside the files' pages, that each was seen to take.

    python benchmarks/comparison.py [--megabytes 2000] [--tensors 400] [--runs 5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session import QueueLoop
from inspector.session.comparison_state import ComparisonRows
from inspector.session.differing import comparison_job

_PEER = """
import json, sys, time, torch
for line in sys.stdin:
    paths = json.loads(line)
    started = time.perf_counter()
    a, b = (torch.load(path, mmap=True, weights_only=True) for path in paths)
    equal, largest = 0, 0.0
    for name, x in a.items():
        y = b[name]
        if torch.equal(x, y):
            equal += 1
            continue
        d = y - x
        norm = torch.linalg.vector_norm
        largest = max(largest, d.abs().max().item())
        relative = (norm(d) / norm(x)).item()
        cosine = (torch.dot(x.flatten(), y.flatten()) / (norm(x) * norm(y))).item()
    del a, b
    print(json.dumps({"seconds": time.perf_counter() - started, "equal": equal, "largest": largest}), flush=True)
"""


def make_files(folder: Path, megabytes: int, tensors: int, *, changed: bool) -> tuple[Path, Path]:
    """Write two state_dicts: in the second everything is another (``changed``), or the last tenth alone."""
    numel = megabytes * 250_000 // tensors // 1024 * 1024
    generator = torch.Generator().manual_seed(0)
    before = {
        f"layers.{number // 4}.part{number % 4}.weight": torch.randn(numel // 1024, 1024, generator=generator)
        for number in range(tensors)
    }
    first, second = folder / "before.pth", folder / "after.pth"
    torch.save(before, first)
    for number, tensor in enumerate(before.values()):
        if changed or number >= tensors * 9 // 10:
            tensor += 0.01
    torch.save(before, second)
    return first, second


def summary_of(path: Path) -> CheckpointSummary:
    """Read a checkpoint's index."""
    with open_checkpoint(path) as checkpoint:
        return CheckpointSummary(*encode(checkpoint))


def ours(paths: tuple[Path, Path]) -> tuple[float, int, float, int]:
    """Return seconds, how many tensors are equal, the largest magnitude, and the most anonymous memory in bytes."""
    started = time.perf_counter()
    a, b = (summary_of(path) for path in paths)
    loop, answers = QueueLoop(), list[Any]()
    before = _children()
    job = comparison_job(
        loop,
        (a, a.model),
        (b, b.model),
        done=lambda _result, columns: answers.append(ComparisonRows(columns)),
        failed=answers.append,
        progress=lambda _: None,
    )
    with most_memory((_children() - before).pop()) as most:
        loop.run_until(lambda: bool(answers), 600)
    seconds = time.perf_counter() - started
    job.cancel()
    rows: ComparisonRows = answers[0]
    largest = max((rows.row(row).max_abs for row in range(len(rows)) if rows.kind(row) == "changed"), default=0.0)
    return seconds, rows.counts["equal"], largest, most[0]


def _children() -> set[int]:
    """Return the processes that this one has started."""
    task = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return {int(number) for number in task.read_text().split()}


@contextmanager
def most_memory(process: int) -> Iterator[list[int]]:
    """Yield a list that holds the most anonymous memory, in bytes, that a process is seen to take meanwhile."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], _anonymous(process))

    thread = threading.Thread(target=watch)
    thread.start()
    yield most
    over.set()
    thread.join()


def _anonymous(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # it has ended
        return 0
    line = next((line for line in status.splitlines() if line.startswith("RssAnon")), "RssAnon: 0 kB")
    return int(line.split()[1]) * 1024


class Peer:
    """A process that has imported torch and compares when it is asked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, paths: tuple[Path, Path]) -> tuple[float, int, float, int]:
        """Return what `ours` does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with most_memory(self._process.pid) as most:
            self._process.stdin.write(json.dumps([str(path) for path in paths]) + "\n")
            self._process.stdin.flush()
            told = json.loads(self._process.stdout.readline())
        return told["seconds"], told["equal"], told["largest"], most[0]

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def measure(name: str, paths: tuple[Path, Path], peer: Peer, runs: int) -> None:
    """Time both in turn and print a row."""
    found: dict[str, list[tuple[float, int, float, int]]] = {"ours": [], "peer": []}
    peer.run(paths)  # its imports, and the files' pages
    for _ in range(runs):
        found["ours"].append(ours(paths))
        found["peer"].append(peer.run(paths))
    first, second = found["ours"][0], found["peer"][0]
    assert first[1] == second[1], (first, second)
    assert abs(first[2] - second[2]) <= 1e-6 + 1e-5 * second[2], (first, second)
    mine, other = (statistics.median(run[0] for run in found[side]) for side in ("ours", "peer"))
    memory = [max(run[3] for run in found[side]) / 1e6 for side in ("ours", "peer")]
    print(
        f"{name:<14}  {mine:>6.2f} s  {other:>6.2f} s  {mine / other:>5.2f}  {memory[0]:>6.0f} MB  {memory[1]:>7.0f} MB"
    )


def main() -> None:
    """Time both on files that differ everywhere, and on those of which a tenth was trained; print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2_000)
    parser.add_argument("--tensors", type=int, default=400)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print(f"2 x {arguments.megabytes:,} MB, {arguments.tensors:,} tensors")
    print(f"{'changed':<14}  {'ours':>8}  {'torch':>8}  ratio  {'memory':>9}  {'torch’s':>10}")
    for name, changed in (("everything", True), ("a tenth", False)):
        with tempfile.TemporaryDirectory() as folder:
            paths = make_files(Path(folder), arguments.megabytes, arguments.tensors, changed=changed)
            peer = Peer()
            measure(name, paths, peer, arguments.runs)
            peer.close()


if __name__ == "__main__":
    main()
