"""Faults in the middle of a run, on real processes: what was predicted is kept, and the exit code tells."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Inspector = Any
SECONDS = 120.0
CHECKOUT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a terminal and signals")


#: What an engine runs that dies of every image.
DEADLY = """
import os, runpy, signal, sys
bootstrap = runpy.run_path(sys.argv[-2])
incoming, outgoing = bootstrap["_take_protocol"]()
bootstrap["_load_package"]()
from inspector.processes.roles import engine

engine.Engine.predict = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
engine.run(incoming, outgoing)
"""


class OnATerminal:
    """A run whose standard error is a terminal, and whose engines' process ids are written down."""

    def __init__(self, demo: Path, images: Path, tmp_path: Path, *more: str) -> None:
        self._pids, self.temporary = tmp_path / "pids", tmp_path / "tmp"
        self._pids.touch()
        self.temporary.mkdir()
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\necho $$ >> "{self._pids}"\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        self._terminal, stderr = pty.openpty()
        self._out = tmp_path / "out.json"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "inspector", "predict", str(demo / "digits.pth"), str(images)),
                    *("--python", str(python), "--device", "cpu", "--json", *more),
                ],
                stdout=out,
                stderr=stderr,
                env={
                    **os.environ,
                    "PYTHONPATH": str(CHECKOUT / "src"),
                    "TMPDIR": str(self.temporary),
                    "COLUMNS": "150",
                },
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        os.close(stderr)
        self.shown = b""

    def pids(self) -> list[int]:
        return [int(line) for line in self._pids.read_text().split()]

    def watch(self, until: Callable[[], bool]) -> None:
        """Read what is shown until something holds."""
        end = time.monotonic() + SECONDS
        while not until():
            assert time.monotonic() < end, self.shown[-500:]
            if select.select([self._terminal], [], [], 0.02)[0]:
                try:
                    self.shown += os.read(self._terminal, 65_536)
                except OSError:  # Linux says so where the other end is closed
                    assert self.process.wait(SECONDS) is not None
                    assert until()

    def is_predicting(self) -> bool:
        return b"Predicting 2 of " in self.shown or b"a second" in self.shown or b"s each" in self.shown

    def ended(self) -> bool:
        return self.process.poll() is not None

    def results(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._out.read_text())["results"]
        return found

    def output(self) -> bytes:
        return self._out.read_bytes()

    def error_lines(self) -> list[str]:
        """Return the lines that stay on the terminal."""
        lines = self.shown.decode().replace("\r", "\n").split("\n")
        return [line[line.index("inspector: ") :] for line in lines if "inspector: " in line]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images enough for a while."""
    folder = tmp_path_factory.mktemp("many")
    for place in range(400):
        Image.new("RGB", (64, 64), (place % 256, 90, 120)).save(folder / f"{place}.png")
    return folder


def _lives(pid: int) -> bool:
    """Tell whether a process runs; one that has ended may wait for a parent that asks for its status."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(told.strip()) and not told.strip().startswith("Z")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_an_engine_that_is_killed_is_started_again_and_nothing_is_lost(demo: Path, many: Path, tmp_path: Path) -> None:
    run = OnATerminal(demo, many, tmp_path)
    run.watch(run.is_predicting)
    _kill(run.pids()[-1])
    run.watch(run.ended)
    assert run.process.returncode == 0
    assert len(run.pids()) == 2
    results = run.results()
    assert len(results) == 400
    assert all(result["error"] is None for result in results)


def test_an_image_that_kills_the_engine_is_said_with_what_was_attached(
    demo: Path, tmp_path: Path, inspector: Inspector
) -> None:
    """Nothing was predicted, and not for the image's sake: the exit code says so."""
    image = tmp_path / "a.png"
    Image.new("RGB", (64, 64)).save(image)
    code = tmp_path / "deadly.py"
    code.write_text(DEADLY, encoding="ascii")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{code}" "$@"\n')
    python.chmod(0o755)
    made = inspector("predict", demo / "digits.pth", image, "--device", "cpu", "--json", "--python", python)
    assert (made.code, made.err.count("\n")) == (4, 1)
    assert "signal 9" in made.err
    told = json.loads(made.out)
    assert told["device"] == "cpu"
    assert told["architecture"]
    assert "signal 9" in told["results"][0]["error"]


def test_an_engine_that_dies_again_and_again_ends_it_and_what_was_predicted_is_kept(
    demo: Path, many: Path, tmp_path: Path
) -> None:
    run = OnATerminal(demo, many, tmp_path)
    run.watch(run.is_predicting)
    killed: set[int] = set()

    def kill_each() -> bool:
        for pid in set(run.pids()) - killed:
            killed.add(pid)
            _kill(pid)
        return run.ended()

    run.watch(kill_each)
    assert run.process.returncode == 4
    results = run.results()
    assert len(results) == 400
    kept = [result for result in results if result["error"] is None]
    assert 0 < len(kept) < 400
    assert all(result["predictions"] for result in kept)
    assert len(run.error_lines()) == 1
    assert "stopped" in run.error_lines()[0]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_predicting(demo: Path, many: Path, tmp_path: Path, how: signal.Signals) -> None:
    run = OnATerminal(demo, many, tmp_path)
    run.watch(run.is_predicting)
    run.process.send_signal(how)
    started = time.monotonic()
    run.watch(run.ended)
    assert time.monotonic() - started < 20
    assert run.process.returncode == 128 + how
    assert (run.output(), run.error_lines()) == (b"", [])
    assert list(run.temporary.iterdir()) == []
    end = time.monotonic() + 10
    while any(map(_lives, run.pids())):
        assert time.monotonic() < end


@pytest.mark.parametrize("phase", ["starting", "saving"])
def test_interrupted_before_predicting_and_while_saving(demo: Path, many: Path, tmp_path: Path, phase: str) -> None:
    saved = tmp_path / "saved"
    run = OnATerminal(demo, many, tmp_path, "--save", str(saved))
    saving = phase == "saving"
    run.watch(lambda: any(saved.glob("*.png")) if saving else b"Starting the engine" in run.shown)
    run.process.send_signal(signal.SIGINT)
    run.watch(run.ended)
    assert run.process.returncode == 128 + signal.SIGINT
    assert (run.output(), run.error_lines()) == (b"", [])
    assert list(run.temporary.iterdir()) == []
    assert saving == any(saved.iterdir())
    for picture in saved.iterdir():  # none is half written
        with Image.open(picture) as opened:
            opened.load()
    end = time.monotonic() + 10
    while any(map(_lives, run.pids())):
        assert time.monotonic() < end


def _png_of(width: int, height: int) -> bytes:
    """A PNG whose header claims a size; there is next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    begin = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return begin + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def test_images_that_hurt_are_errors_of_their_own(inspector: Inspector, demo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a huge.png").write_bytes(_png_of(40_000, 25_000))
    (folder / "b broken.png").write_bytes(_png_of(64, 64))
    (folder / "c empty.png").touch()
    (folder / "d gone.png").symlink_to(tmp_path / "nowhere.png")
    Image.new("RGB", (32, 32)).save(folder / "e good.png")
    run = inspector("predict", demo / "digits.pth", folder, "--device", "cpu", "--save", tmp_path / "saved", "--json")
    assert run.err == ""
    errors = {Path(result["image"]).name[0]: result["error"] for result in run.json()["results"]}
    assert "more pixels than can be read" in errors["a"]
    assert "cut short or damaged" in errors["b"]
    assert "is empty" in errors["c"]
    assert "There is no image" in errors["d"]
    assert errors["e"] is None
    assert [path.name for path in (tmp_path / "saved").iterdir()] == ["e good-predicted.png"]
