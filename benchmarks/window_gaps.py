"""The longest gaps in the window's event loop while checkpoints of very many tensors are opened and walked through.

Every run is a fresh process: a real window with its real processes, which opens one file. A precise timer of 1 ms tells
when the loop turns. Each row prints, for one phase, the longest gap between two turns, as the median and the longest of
the runs; "unqueued", the longest gap without the time in which the window's thread was ready to run but other programs
had the processors (Linux, median of the runs), which is the gap of an idle machine; and the most that the thread itself
computed between two turns (median): what "unqueued" is longer was spent waiting, mostly for another thread of Python.
The last row of a file is the window process's resident memory with its tree on the screen, and at its highest. Runs on
Qt's offscreen platform unless there is a display.

    python benchmarks/window_gaps.py [--runs 5] [--only WORD] [--stacks]
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
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from inspector.desktop.settings import SettingsStore
from inspector.gui import theme
from inspector.gui.main_window import MainWindow
from inspector.gui.module_tree import ModuleTree
from inspector.gui.start import make_window

#: The files by what they are: a Python expression for the names of their tensors.
FILES = {
    "200,000 tensors, nested": "[f'layers.{i // 16}.block{i // 4 % 4}.{PARTS[i % 4]}' for i in range(200_000)]",
    "200,000 tensors, flat": "[f'layer{i}.weight' for i in range(200_000)]",
    "20,000 tensors beside a resnet18": "[*resnet18, *(f'extra.{i // 10}.part{i % 10}' for i in range(20_000))]",
}
SMALL = "[f'layer{i}.weight' for i in range(5)]"
MAKE = """
import sys, torch, torchvision
PARTS = ("attention.weight", "attention.bias", "mlp.weight", "mlp.bias")
resnet18 = torchvision.models.resnet18().state_dict() if "resnet18" in sys.argv[2] else {}
torch.save({name: resnet18.get(name, torch.zeros(4)) for name in eval(sys.argv[2])}, sys.argv[1])
"""

#: Milliseconds without work after which a phase is over.
QUIET = 400
WANTED = 50.0
#: Seconds without a turn after which ``--stacks`` looks at what the window does.
_SUSPICIOUS = 0.03


def queued_seconds() -> float:
    """Return how long this thread has waited for a processor, 0 where the system does not tell."""
    try:
        with open("/proc/thread-self/schedstat", encoding="ascii") as told:
            return int(told.read().split()[1]) / 1e9
    except OSError:
        return 0.0


class Gaps:
    """Notes the longest gap between two turns of the loop, and the most computing between two, in milliseconds."""

    def __init__(self) -> None:
        self.turned = time.perf_counter()
        self._computed = time.thread_time()
        self._queued = queued_seconds()
        self._longest = self._unqueued = self._most = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._turn)
        self._timer.start()

    def _turn(self) -> None:
        now, computed, queued = time.perf_counter(), time.thread_time(), queued_seconds()
        self._longest = max(self._longest, (now - self.turned) * 1e3)
        self._unqueued = max(self._unqueued, (now - self.turned - (queued - self._queued)) * 1e3)
        self._most = max(self._most, (computed - self._computed) * 1e3)
        self.turned, self._computed, self._queued = now, computed, queued

    def take(self) -> tuple[float, float, float]:
        """Return the longest gap, the longest unqueued, and the most that was computed between turns; begin anew."""
        taken = self._longest, self._unqueued, self._most
        self._longest = self._unqueued = self._most = 0.0
        return taken


def watch_stacks(gaps: Gaps) -> None:
    """Print, from another thread, where the window is whenever its loop has not turned for a while."""
    window = threading.main_thread().ident
    assert window is not None

    def watch() -> None:
        told = 0.0
        while True:
            time.sleep(0.01)
            turned = gaps.turned
            if time.perf_counter() - turned > _SUSPICIOUS and turned != told:
                told = turned
                print("".join(traceback.format_stack(sys._current_frames()[window])[-6:]), file=sys.stderr)

    threading.Thread(target=watch, daemon=True).start()


def _is_searched(tree: ModuleTree) -> bool:
    return tree.model.rows is not None and tree.model.rows.found is not None


class Walk:
    """Goes through what a person does with one file, phase by phase."""

    def __init__(self, window: MainWindow, gaps: Gaps) -> None:
        self._window = window
        self._tree = window.tree
        self._gaps = gaps

    def _until(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        """Run Qt's own loop until the condition holds and nothing has been busy for a while."""
        loop, deadline, calm = QEventLoop(), time.monotonic() + seconds, [time.monotonic()]

        def check() -> None:
            now = time.monotonic()
            if not condition() or self._tree.is_busy:
                calm[0] = now
            if now > deadline:
                raise SystemExit("The window never became quiet.")
            if (now - calm[0]) * 1e3 > QUIET:
                loop.quit()

        timer = QTimer()
        timer.timeout.connect(check)
        timer.start(20)
        loop.exec()
        timer.stop()

    def _is_shown(self, number: int) -> bool:
        found = self._window.store.checkpoints[number]
        view = found.tensor_view
        compared = found.state_dict is None or found.identification is not None
        return found.summary is not None and compared and view is not None and view.phase == "ready"

    def phases(self, path: Path, small: Path) -> Iterator[tuple[str, float, float, float]]:
        """Go through all phases of one file; yield each one's name and what `Gaps.take` returned."""
        window, tree, session = self._window, self._tree, self._window.session
        self._until(lambda: window.is_furnished)
        yield "window built", *self._gaps.take()
        number = session.open(path)
        self._until(lambda: self._is_shown(number))
        yield "opened", *self._gaps.take()
        other = session.open(small)
        self._until(lambda: self._is_shown(other))
        yield "left for another file", *self._gaps.take()
        session.show(number)
        self._until(lambda: self._is_shown(number))
        yield "come back to", *self._gaps.take()
        tree.expand_all()
        self._until(lambda: True)
        yield "expanded", *self._gaps.take()
        bar = tree.view.verticalScrollBar()
        for place in (bar.maximum() // 2, bar.maximum()):
            bar.setValue(place)
            self._until(lambda: True)
        yield "scrolled to the end", *self._gaps.take()
        summary = window.store.checkpoints[number].summary
        assert summary is not None
        for tensor in (len(summary) - 1, len(summary) // 2):
            session.select_tensor(number, tensor)
            self._until(lambda: self._is_shown(number))
        yield "far tensors selected", *self._gaps.take()
        for query in ("7", "7 weight"):
            tree.search.setText(query)
            self._until(lambda: _is_searched(tree))
        yield "searched", *self._gaps.take()
        tree.search.setText("")
        self._until(lambda: not _is_searched(tree))
        yield "search cleared", *self._gaps.take()
        window.close_checkpoint(number)
        self._until(lambda: True)
        yield "closed", *self._gaps.take()


def make(names: str, path: Path) -> Path:
    """Write a checkpoint with torch, in a process of its own."""
    subprocess.run([sys.executable, "-c", MAKE, str(path), names], check=True)
    return path


def resident_megabytes(field: str) -> float:
    """Return this process's ``VmRSS`` or ``VmHWM``, 0 where the system does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) / 1e3 for line in status if line.startswith(field))
    except OSError:
        return 0.0


def run_once(path: Path, small: Path, *, stacks: bool) -> None:
    """Be the window for one run; print what was measured as JSON."""
    app = QApplication(sys.argv[:1])
    theme.apply(app, "light")
    window = make_window(SettingsStore())
    window.show()
    window.session.warm_up(engine=False)
    gaps = Gaps()
    if stacks:
        watch_stacks(gaps)
    measured, memory = {}, 0.0
    for phase, *figures in Walk(window, gaps).phases(path, small):
        measured[phase] = figures
        memory = memory or (resident_megabytes("VmRSS") if phase == "opened" else 0.0)
    print(json.dumps({"phases": measured, "memory": memory, "highest": resident_megabytes("VmHWM")}))
    window.close()


def print_rows(what: str, runs: list[dict[str, Any]]) -> None:
    """Print one row per phase, and that of the memory."""
    for phase in runs[0]["phases"]:
        gaps, unqueued, computed = zip(*(run["phases"][phase] for run in runs), strict=True)
        medians = [statistics.median(gaps), max(gaps), statistics.median(unqueued), statistics.median(computed)]
        figures = " ".join(f"{found:6.0f} ms" for found in medians)
        print(f"{what + ': ' + phase:56} {figures} {'<= 50 ms':>9}")
    memory, highest = (statistics.median(run[key] for run in runs) for key in ("memory", "highest"))
    print(f"{what + ': memory, and at its highest':56} {memory:6.0f} MB {highest:6.0f} MB", flush=True)


def main() -> None:
    """Measure and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="a word of the files to measure")
    parser.add_argument("--stacks", action="store_true", help="print where the window is in every long gap")
    parser.add_argument("--once", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        run_once(*options.once, stacks=options.stacks)
        return
    with tempfile.TemporaryDirectory(prefix="inspector-benchmark-") as name:
        folder = Path(name)
        environment = dict(os.environ, INSPECTOR_CONFIG_DIR=str(folder / "config"))
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
        small = make(SMALL, folder / "small.pth")
        print(f"{options.runs} runs each {'median':>51} {'longest':>9} {'unqueued':>9} {'computed':>9} {'wanted':>9}")
        for what, names in FILES.items():
            if options.only not in what:
                continue
            path = make(names, folder / "large.pth")
            command = [sys.executable, __file__, "--once", str(path), str(small), *["--stacks"] * options.stacks]
            told = [
                subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
                for _ in range(options.runs)
            ]
            print_rows(what, [json.loads(run.stdout) for run in told])


if __name__ == "__main__":
    main()
