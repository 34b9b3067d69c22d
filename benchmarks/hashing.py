"""The SHA-256 of a large file, as the window asks for it, against ``sha256sum``.

Ours is asked of a process of its own, as in the window, its start counted; the file is the same and cached for both,
and they take turns. Each row prints ours, the peer's and the ratio of the medians.

    python benchmarks/hashing.py [--megabytes 2000] [--runs 5]
"""

from __future__ import annotations

import argparse
import queue
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from inspector.checkpoint.source import InspectedFile, Source
from inspector.processes.client import ProcessClient

WANTED = 1.10

#: A name that torchvision publishes: what is called so is hashed.
_NAME = "resnet50-11ad3fa6.pth"


def make_file(path: Path, megabytes: int) -> None:
    """Write a file of zeros: hashing does not care."""
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(bytes(1_000_000))


def ours(path: Path) -> str:
    """Return what a fresh worker answers."""
    source = Source(path)
    inspected = InspectedFile(source.path, source.identity)
    source.close()
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    client = ProcessClient("worker")
    params = {"file": inspected.to_json(), "architectures": [], "list": None}
    done, failed = (lambda result, _: answers.put(result)), answers.put
    client.request("official_weights", params, [], done=done, failed=failed, progress=lambda _: None)
    found = answers.get()
    client.close()
    return str(found["sha256"])


def peer(path: Path) -> str:
    """Return what coreutils' program prints."""
    return subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]


def main() -> None:
    """Time both and print the row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _NAME
        make_file(path, arguments.megabytes)
        times: dict[str, list[float]] = {"ours": [], "peer": []}
        for _ in range(arguments.runs):
            digests = set()
            for name, run in (("ours", ours), ("peer", peer)):
                started = time.perf_counter()
                digests.add(run(path))
                times[name].append(time.perf_counter() - started)
            assert len(digests) == 1, digests
    mine, other = (statistics.median(times[name]) for name in ("ours", "peer"))
    print(f"{'megabytes':>9}  {'ours':>8}  {'sha256sum':>9}  ratio  wanted")
    print(f"{arguments.megabytes:>9,}  {mine:>6.2f} s  {other:>7.2f} s  {mine / other:>5.2f}  ≤ {WANTED:.2f}")


if __name__ == "__main__":
    main()
