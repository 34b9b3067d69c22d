"""Writing a clean copy against the libraries' own writing of the same tensors, and the memory that ours takes.

Ours reads the original and writes, in this process, and makes sure that it is on the disk; the peers write tensors
that are in memory already, ``safetensors.torch.save_file`` and ``torch.save``, and are given the same sync. A second
row has them load the original first, which is what a person does without Inspector. Files are written in turn to the
same folder; medians.

    python benchmarks/converting.py [--megabytes 1000] [--tensors 400] [--runs 5] [--folder DIR]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from inspector.checkpoint import open_checkpoint
from inspector.export.convert import convert
from inspector.export.plan import make_plan

#: Wanted at the most, of the time that loading and saving with the library takes.
WANTED = 1.0

_ALONE = """\
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from inspector.checkpoint import open_checkpoint
from inspector.export.convert import convert
from inspector.export.plan import make_plan
with open_checkpoint(sys.argv[2]) as checkpoint:
    plan = make_plan(checkpoint, 0)
convert(plan, Path(sys.argv[3]), "alone", lambda done, total: None, force=True)
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) >> 10)
"""


def make_file(path: Path, tensors: int, megabytes: int) -> None:
    """Write a state_dict of float32 tensors."""
    numel = megabytes * 1_000_000 // 4 // tensors
    torch.save({f"layers.{i // 4}.block{i % 4}.weight": torch.rand(numel) for i in range(tensors)}, path)


def ours(path: Path, out: Path) -> None:
    with open_checkpoint(path) as checkpoint:
        plan = make_plan(checkpoint, 0)
    convert(plan, out, "benchmark", tell_nobody, force=True)


def tell_nobody(_done: int, _total: int) -> None:
    """Take word of the progress."""


def save(tensors: dict[str, torch.Tensor], out: Path) -> None:
    """Write with the library that the suffix belongs to, and make sure that it is on the disk."""
    if out.suffix == ".pth":
        torch.save(tensors, out)
    else:
        save_file(tensors, out)
    with out.open("rb") as file:
        os.fsync(file.fileno())


def seconds(call: Callable[[], object]) -> float:
    """Time one run."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def measure(path: Path, out: Path, tensors: dict[str, torch.Tensor], runs: int) -> tuple[float, float, float]:
    """Return the medians of ours, of saving alone, and of loading and saving."""
    calls: tuple[Callable[[], object], ...] = (
        lambda: ours(path, out),
        lambda: save(tensors, out),
        lambda: save(torch.load(path, weights_only=True), out),
    )
    timed = [[seconds(call) for call in calls] for _ in range(runs)]
    mine, saving, both = (statistics.median(column) for column in zip(*timed, strict=True))
    return mine, saving, both


def peak(path: Path, out: Path) -> str:
    """Return the megabytes of memory that one conversion takes in a process of its own."""
    source = str(Path(__file__).resolve().parents[1] / "src")
    if not Path("/proc/self/status").exists():
        return "?"
    command = [sys.executable, "-c", _ALONE, source, str(path), str(out)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Time both formats and print their rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1_000)
    parser.add_argument("--tensors", type=int, default=400)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "original.pth"
        make_file(path, arguments.tensors, arguments.megabytes)
        tensors = torch.load(path, weights_only=True)
        print("format         ours     saving  ratio  load and save  ratio  wanted  peak")
        for suffix in (".safetensors", ".pth"):
            out = Path(folder) / f"copy{suffix}"
            mine, saving, both = measure(path, out, tensors, arguments.runs)
            print(
                f"{suffix:<12}  {mine:>5.2f} s  {saving:>7.2f} s  {mine / saving:>5.2f}  {both:>11.2f} s"
                f"  {mine / both:>5.2f}  {WANTED:>6.2f}  {peak(path, out)} MB",
                flush=True,
            )
            out.unlink()


if __name__ == "__main__":
    main()
