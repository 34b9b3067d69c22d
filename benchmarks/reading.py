"""`open_checkpoint` against `torch.load(mmap=True, weights_only=True)`, every name, shape and dtype touched.

Both run in this process, in turn, on the same files; imports are not counted. Each row prints ours, the peer's and
the ratio of the medians, and the bytes of the file that ours read beside those of its index.

    python benchmarks/reading.py [--tensors 400 20000 200000] [--runs 5]
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.source import Source

#: Wanted at the most, by number of tensors.
WANTED = {400: 0.30, 20_000: 0.25, 200_000: 0.25}


def make_file(path: Path, tensors: int, numel: int) -> None:
    """Write a state_dict of float32 tensors with the names that a deep network would have."""
    parts = ("attention.weight", "attention.bias", "mlp.weight", "mlp.bias")
    torch.save({f"layers.{i // 16}.block{i // 4 % 4}.{parts[i % 4]}": torch.zeros(numel) for i in range(tensors)}, path)


def ours(path: Path) -> int:
    """Open the file with Inspector and touch every tensor's name, shape and dtype."""
    with open_checkpoint(path) as checkpoint:
        return sum(len(tensor.name) + len(tensor.shape) + len(tensor.dtype) for tensor in checkpoint.tensors)


def peer(path: Path) -> int:
    """Open the file with torch and touch every tensor's name, shape and dtype."""
    loaded = torch.load(path, mmap=True, weights_only=True)
    return sum(len(name) + len(tensor.shape) + len(str(tensor.dtype)) for name, tensor in loaded.items())


def seconds(run: Callable[[Path], int], path: Path) -> float:
    """Time one run, after a collection so that neither pays for the other's garbage."""
    gc.collect()
    started = time.perf_counter()
    run(path)
    return time.perf_counter() - started


def bytes_read(path: Path) -> tuple[int, int]:
    """Return the bytes that opening reads, and those of the file's index: its pickle and its directory."""
    read = 0
    original = Source.require  # every way of reading asks it first

    def counting(source: Source, offset: int, length: int) -> None:
        nonlocal read
        read += length
        original(source, offset, length)

    with patch.object(Source, "require", counting):
        open_checkpoint(path).close()
    with zipfile.ZipFile(path) as archive:
        pickled = next(entry.file_size for entry in archive.infolist() if entry.filename.endswith("data.pkl"))
        return read, pickled + path.stat().st_size - archive.start_dir


def main() -> None:
    """Time each size and print its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensors", type=int, nargs="+", default=list(WANTED))
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'tensors':>8}  {'ours':>9}  {'torch.load':>10}  {'ratio':>5}  {'wanted':>6}  {'read':>10}  index")
    with tempfile.TemporaryDirectory() as folder:
        for tensors in arguments.tensors:
            path = Path(folder) / f"{tensors}.pth"
            make_file(path, tensors, 16)
            timed = [(seconds(ours, path), seconds(peer, path)) for _ in range(arguments.runs)]
            mine, theirs = (statistics.median(column) for column in zip(*timed, strict=True))
            read, index = bytes_read(path)
            print(
                f"{tensors:>8,}  {mine * 1e3:>6.1f} ms  {theirs * 1e3:>7.1f} ms  {mine / theirs:>5.2f}"
                f"  {WANTED.get(tensors, 0):>6.2f}  {read:>10,}  {index:,}",
                flush=True,
            )
            path.unlink()


if __name__ == "__main__":
    main()
