"""How long a selected tensor of ten million elements waits for its first picture, and for its figures.

Ours is what the window waits for: from ``Session.select_tensor`` to the picture's pixels in the state, the worker and
the two ways between the processes in it. The peer, in a process that has imported torch, takes the same tensor from
``torch.load(mmap=True, weights_only=True)`` and reckons what a first look needs at the least: the least and greatest
value, mean, spread, and a histogram of 128 bins by ``torch.histc``; it draws nothing. They take turns, the file is
cached for both, and the medians are told; the first time, in a worker that has never read, apart.

    python benchmarks/first_picture.py [--elements 10000000] [--runs 9]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from inspector.session import QueueLoop, Session
from inspector.session.state import OpenCheckpoint, TensorView

WANTED_SECONDS = 0.1


def make_file(path: Path, elements: int) -> None:
    """Write tensors of about so many elements, each of another form."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(elements, generator=generator) * 0.05
    filters = elements // (512 * 9)
    torch.save(
        {
            "matrix": values[: elements // 4000 * 4000].reshape(-1, 4000).clone(),
            "filters": values[: filters * 512 * 9].reshape(filters, 512, 3, 3).clone(),
            "vector": values.clone(),
            "bfloat16": values[: elements // 4000 * 4000].reshape(-1, 4000).to(torch.bfloat16),
        },
        path,
    )


def torch_looks(path: Path, name: str) -> float:
    """Return the seconds that the peer takes."""
    started = time.perf_counter()
    tensor = torch.load(path, mmap=True, weights_only=True)[name].float()
    least, greatest = tensor.min().item(), tensor.max().item()
    tensor.mean().item()
    tensor.std().item()
    torch.histc(tensor, 128, least, greatest)
    return time.perf_counter() - started


class Ours:
    """A session with the file open."""

    def __init__(self, path: Path) -> None:
        self.loop = QueueLoop()
        self.session = Session(self.loop)
        self.session.warm_up(engine=False)
        self.session.prepare_to_draw()
        self.number = self.session.open(path)
        self.loop.run_until(lambda: self.found.summary is not None and bool(self.session.store.catalogue), 120)

    @property
    def found(self) -> OpenCheckpoint:
        """The open checkpoint."""
        return self.session.store.checkpoints[self.number]

    @property
    def view(self) -> TensorView:
        """What is known of the selected tensor."""
        assert self.found.tensor_view is not None
        return self.found.tensor_view

    def look(self, name: str) -> tuple[float, float]:
        """Select a tensor; return the seconds until its picture, and until its figures."""
        summary = self.found.summary
        assert summary is not None
        self.session.select_tensor(self.number, None)
        started = time.perf_counter()
        self.session.select_tensor(self.number, summary.names.index(name))
        self.loop.run_until(lambda: bool(self.view.rgba), 120)
        picture = time.perf_counter() - started
        self.loop.run_until(lambda: self.view.phase == "ready", 120)
        return picture, time.perf_counter() - started


def main() -> None:
    """Measure, and print a row for each tensor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tensors.pth"
        make_file(path, options.elements)
        ours = Ours(path)
        titles = f"{'first picture':>24} {'the first time':>15} {'figures':>9} {'torch':>9} {'wanted':>10}"
        print(f"{options.elements:,} elements {titles}")
        for name in ("matrix", "filters", "vector", "bfloat16"):
            looks, peers = [], []
            for _ in range(options.runs):
                looks.append(ours.look(name))
                peers.append(torch_looks(path, name))
            picture = statistics.median(first for first, _ in looks)
            figures = statistics.median(last for _, last in looks)
            peer = statistics.median(peers)
            print(
                f"{name:<30} {picture * 1e3:>9.0f} ms {looks[0][0] * 1e3:>12.0f} ms {figures * 1e3:>6.0f} ms"
                f" {peer * 1e3:>6.0f} ms  <= {WANTED_SECONDS * 1e3:.0f} ms",
                flush=True,
            )
        ours.session.close_processes()


if __name__ == "__main__":
    main()
