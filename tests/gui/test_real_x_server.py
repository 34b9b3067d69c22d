"""The whole way once more on a real X server: Inspector as a process of its own, a real drag from another process."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
DEMO = CHECKOUT / "resources" / "demo"
ARTIFACTS = CHECKOUT / "artifacts"

pytestmark = pytest.mark.skipif(
    not all(shutil.which(program) for program in ("Xvfb", "xdotool", "import")),
    reason="needs Xvfb, xdotool and ImageMagick",
)

DRAG_SOURCE = """
import sys
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QApplication, QWidget

class Source(QWidget):
    def mouseMoveEvent(self, event):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(path) for path in sys.argv[1:]])
        drag = QDrag(self)
        drag.setMimeData(data)
        print("dragging", flush=True)
        print("dropped", drag.exec(Qt.DropAction.CopyAction) == Qt.DropAction.CopyAction, flush=True)

app = QApplication([])
source = Source()
source.setGeometry(1450, 10, 120, 90)
source.show()
print("ready", flush=True)
app.exec()
"""


class Program:
    """A child process whose lines can be waited for."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def wait_for(self, beginning: str, seconds: float = 60.0) -> str:
        seen: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                pytest.fail(f"no line {beginning!r} after {seconds} s; there were {seen}")
            seen.append(line)
            if line.startswith(beginning):
                return line

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def x_environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An X server of our own, and the environment for programs on it."""
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as told:
        display = told.readline().strip()
    environment = dict(os.environ, DISPLAY=f":{display}", QT_QPA_PLATFORM="xcb", INSPECTOR_ANNOUNCE="1")
    environment["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT / "src"), os.environ.get("PYTHONPATH", "")])
    yield environment
    server.terminate()
    server.wait()


def xdotool(environment: dict[str, str], *arguments: str | int) -> str:
    done = subprocess.run(
        ["xdotool", *map(str, arguments)], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def drag(environment: dict[str, str], source: Program, target: tuple[int, int]) -> None:
    """Press on the source, move to ``target`` in steps as a hand does, let go."""
    source.wait_for("ready")
    xdotool(environment, "mousemove", "--sync", 1500, 50, "mousedown", 1, "mousemove", "--sync", 1480, 60)
    source.wait_for("dragging")
    for step in range(1, 11):
        x, y = 1480 + (target[0] - 1480) * step // 10, 60 + (target[1] - 60) * step // 10
        xdotool(environment, "mousemove", "--sync", x, y)
    xdotool(environment, "mousemove", "--sync", target[0] + 3, target[1] + 3, "mouseup", 1)
    assert source.wait_for("dropped") == "dropped True"


def screenshot(environment: dict[str, str], name: str) -> Path:
    ARTIFACTS.mkdir(exist_ok=True)
    path = ARTIFACTS / name
    subprocess.run(["import", "-window", "root", str(path)], env=environment, check=True)
    return path


def test_inspector_as_a_process_takes_a_real_drag(x_environment: dict[str, str]) -> None:
    inspector = Program([sys.executable, "-m", "inspector", str(DEMO / "digits.pth")], x_environment)
    source = None
    try:
        inspector.wait_for("painted digits.pth")
        window = xdotool(x_environment, "search", "--onlyvisible", "--name", "digits.pth – Inspector").splitlines()[0]
        xdotool(x_environment, "windowmove", "--sync", window, 0, 0)
        inspector.wait_for("matched shufflenet_v2_x0_5")
        xdotool(x_environment, "windowfocus", "--sync", window, "key", "ctrl+Return")
        inspector.wait_for("attached shufflenet_v2_x0_5")
        program = [sys.executable, "-c", DRAG_SOURCE, str(DEMO / "samples" / "4_1.png")]
        source = Program(program, x_environment)
        drag(x_environment, source, (700, 450))
        assert inspector.wait_for("predicted") == "predicted 4_1.png: four"
        assert inspector.wait_for("modules") == "modules none"
        path = screenshot(x_environment, "whole-way.png")
        assert path.stat().st_size > 20_000
    finally:
        inspector.end()
        if source is not None:
            source.end()
