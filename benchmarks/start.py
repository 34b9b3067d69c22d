"""Start to the painted tree of a 2 GB, 400-tensor state_dict, against `import torch` alone.

Both are whole processes, in turn, in one run; each row prints ours, the peer's and the ratio of the medians. The
window runs on Qt's offscreen platform unless there is a display.

    python benchmarks/start.py [--runs 7] [--file FILE]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MAKE = """
import sys, torch
torch.save({f"layers.{i // 4}.block{i % 4}.weight": torch.zeros(1250, 1024) for i in range(400)}, sys.argv[1])
"""


def make_file(path: Path) -> None:
    """Write a state_dict of 400 float32 tensors, 2.05 GB."""
    subprocess.run([sys.executable, "-c", MAKE, str(path)], check=True)


def isolated_environment(folder: Path) -> dict[str, str]:
    """Return an environment with settings, sockets and logs of its own."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    environment = dict(os.environ, XDG_RUNTIME_DIR=str(runtime), INSPECTOR_ANNOUNCE="1")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled, as torch is here
    environment |= {"INSPECTOR_CONFIG_DIR": str(folder / "config"), "INSPECTOR_LOG_DIR": str(folder / "log")}
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    return environment


def resident_bytes(process_id: int) -> int:
    """Return a process's resident memory in bytes, 0 where the system does not tell."""
    try:
        with open(f"/proc/{process_id}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
    except OSError:
        return 0


def time_window(path: Path, folder: Path) -> tuple[float, int]:
    """Return seconds from the start to the painted tree, and the window process's resident bytes then."""
    started = time.perf_counter()
    window = subprocess.Popen(
        [sys.executable, "-m", "inspector", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=isolated_environment(folder),
    )
    assert window.stdout is not None
    line = window.stdout.readline()
    seconds = time.perf_counter() - started
    memory = resident_bytes(window.pid)
    window.kill()
    window.wait()
    if not line.startswith("painted"):
        raise SystemExit(f"The window said {line!r} instead of having painted.")
    return seconds, memory


def time_import() -> float:
    """Return seconds of `python -c "import torch"`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Run both in turn and print the row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inspector-benchmark-") as name:
        folder = Path(name)
        path = options.file or folder / "weights.pth"
        if options.file is None:
            make_file(path)
        time_window(path, folder), time_import()  # both once, to warm the caches
        pairs = [(time_window(path, folder), time_import()) for _ in range(options.runs)]
    ours = statistics.median(seconds for (seconds, _), _ in pairs)
    peer = statistics.median(seconds for _, seconds in pairs)
    memory = max(memory for (_, memory), _ in pairs)
    print(f"{'what':44} {'ours':>9} {'import torch':>13} {'ratio':>7} {'wanted':>8}")
    what = "start to the painted tree, 400 tensors, 2 GB"
    print(f"{what:44} {ours:8.3f}s {peer:12.3f}s {ours / peer:7.2f} {'<= 0.20':>8}")
    print(f"{'window process, resident':44} {memory / 1e6:6.0f} MB {'':13} {'':7} {'<= 150':>8}")


if __name__ == "__main__":
    main()
