"""Files made to hurt their reader, each opened by `inspector show`: seconds, memory of all its processes, the answer.

The files are those of `tests/checkpoint/test_hurting_files.py` and `test_hurting_archives.py`, and an honest
checkpoint of 200,000 tensors beside them. Prints a Markdown table.

    python benchmarks/hurting.py [--only PART_OF_A_NAME]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "src")]

#: Seconds between two looks at the memory.
_INTERVAL = 0.004

MAKE_HONEST = """
import sys, torch
one = torch.ones(1)
torch.save({f"layers.{i // 4}.{'qkvo'[i % 4]}.weight": one.clone() for i in range(200_000)}, sys.argv[1])
"""


def files(folder: Path) -> Iterator[tuple[str, Callable[[], Path]]]:
    """Name every file, and how it is made."""
    from tests.checkpoint.test_hurting_archives import PARTIAL, REFUSED
    from tests.checkpoint.test_hurting_files import BARE

    path = folder / "hurting.pth"

    def bare(make: Callable[[], bytes]) -> Callable[[], Path]:
        def write() -> Path:
            path.write_bytes(make())
            return path

        return write

    def packed(make: Callable[[Path], Path]) -> Callable[[], Path]:
        return lambda: make(path)

    def honest() -> Path:
        subprocess.run([sys.executable, "-c", MAKE_HONEST, str(path)], check=True)
        return path

    yield from ((name, bare(make)) for name, make in BARE.items())
    yield from ((name, packed(make)) for name, (make, _) in REFUSED.items())
    yield from ((name, packed(make)) for name, make in PARTIAL.items())
    yield "honest, 200,000 tensors", honest


def show(path: Path) -> tuple[float, int, str]:
    """Return the seconds of `inspector show`, the peak of its processes' resident bytes together, its first line."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), "COLUMNS": "1000"}
    with tempfile.TemporaryFile("w+") as out:
        started = time.monotonic()
        running = subprocess.Popen(
            [sys.executable, "-m", "inspector", "show", str(path)], stdout=out, stderr=out, env=environment
        )
        peak = 0
        while running.poll() is None:
            peak = max(peak, sum(map(resident, family(running.pid))))
            time.sleep(_INTERVAL)
        seconds = time.monotonic() - started
        out.seek(0)
        return seconds, peak, out.readline().strip()


def family(pid: int) -> list[int]:
    """Return a process and all below it, on Linux."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue  # it has just ended
    return found


def resident(pid: int) -> int:
    """Return a process's resident bytes, those it shares included."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="only the files with this in their name")
    only = parser.parse_args().only
    print("| file | bytes | seconds | memory | answer |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in files(Path(folder)):
            if only in name:
                path = make()
                size = path.stat().st_size
                seconds, peak, answer = show(path)
                answer = answer.removeprefix("inspector: ").replace("|", "\\|")
                print(f"| {name} | {size:,} | {seconds:.2f} | {peak / 1e6:.0f} MB | {answer} |", flush=True)


if __name__ == "__main__":
    main()
