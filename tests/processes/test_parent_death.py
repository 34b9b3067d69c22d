"""When the window dies, kill -9 included, its children are gone within 5 s, whatever they are doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from .conftest import SOURCE, wait_for_end

_SECONDS = 5.0

_IDLE = """
import sys, threading
from inspector.processes.client import ProcessClient
client = ProcessClient(sys.argv[1])
started = threading.Event()
client.request("nothing", {}, done=lambda *_: None, failed=lambda _: started.set())
started.wait(30)
print(client.process.pid, flush=True)
threading.Event().wait()
"""

_READING = """
import sys, threading
from inspector.processes.client import ProcessClient
client = ProcessClient("reader")
started = threading.Event()
client.request("nothing", {}, done=lambda *_: None, failed=lambda _: started.set())
started.wait(30)
client.request("read", {"path": sys.argv[1]}, done=lambda *_: None, failed=lambda _: None)
print(client.process.pid, flush=True)
threading.Event().wait()
"""

_PREDICTING = """
import sys, threading
from pathlib import Path
from inspector.session import QueueLoop, Session
loop = QueueLoop()
session = Session(loop)
number = session.open(sys.argv[1])
session.add_images([Path(sys.argv[2])])
loop.run_until(lambda: any(found.phase == "running" for found in session.store.predictions.values()), 60)
print(session.engine.process_id, flush=True)
threading.Event().wait()
"""

_IMPORTING = """
import threading
from inspector.processes.client import ProcessClient
client = ProcessClient("engine")
client.request("versions", {}, done=lambda *_: None, failed=lambda _: None)
print(client.process.pid, flush=True)
threading.Event().wait()
"""


def child_of(code: str, *arguments: str) -> tuple[subprocess.Popen[str], int]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def assert_dies_with(parent: subprocess.Popen[str], pid: int) -> None:
    folder = Path(os.readlink(f"/proc/{pid}/cwd"))
    with parent:
        os.kill(parent.pid, signal.SIGKILL)
        ended = wait_for_end(pid, _SECONDS)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    assert ended
    assert not folder.exists()


pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits on Linux's process descriptors")


@pytest.mark.parametrize("role", ["reader", "worker", "engine"])
def test_an_idle_child(role: str) -> None:
    assert_dies_with(*child_of(_IDLE, role))


def test_the_reader_in_the_middle_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "long.pth"
    path.write_bytes(b"\x80\x02" + b"N0" * 30_000_000 + b"N.")
    assert_dies_with(*child_of(_READING, str(path)))


def test_the_engine_while_it_imports_torch() -> None:
    assert_dies_with(*child_of(_IMPORTING))


def test_the_engine_in_the_middle_of_a_forward_pass(tmp_path: Path) -> None:
    """A small model on images of 1,792 pixels: each pass takes seconds, and more are waiting."""
    from torchvision.models import squeezenet1_0

    path, images = tmp_path / "slow.pth", tmp_path / "images"
    content = {
        "state_dict": squeezenet1_0(num_classes=3).state_dict(),
        "inspector": {"architecture": "squeezenet1_0", "preprocessing": {"crop_size": 1_792, "resize_size": 1_792}},
    }
    torch.save(content, path)
    images.mkdir()
    for place in range(8):
        Image.new("RGB", (64, 64), (place, 0, 0)).save(images / f"{place}.png")
    assert_dies_with(*child_of(_PREDICTING, str(path), str(images)))
