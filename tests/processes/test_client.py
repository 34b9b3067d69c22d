"""The client and its child: answers, errors and deaths, in a private folder and a clean environment."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
import torch

from inspector.errors import InspectorError
from inspector.processes import client as client_module
from inspector.processes.client import Message, ProcessError
from inspector.processes.frames import read_frame, write_frame
from inspector.processes.starting import clean_environment

from .conftest import BOOTSTRAP, Start, ask


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "downloads" / "a.pth"
    path.parent.mkdir()
    torch.save({"a.weight": torch.ones(3, 2)}, path)
    return path


def test_an_answer(start: Start, checkpoint: Path) -> None:
    header, buffers = ask(start("reader"), "read", {"path": str(checkpoint)})
    assert header["kind"] == "state_dict"
    assert buffers[0] == b"a.weight"


def test_an_unknown_method_is_an_error(start: Start) -> None:
    client = start("reader")
    with pytest.raises(ProcessError, match="no method 'fly'") as caught:
        ask(client, "fly")
    assert caught.value.kind == "ProtocolError"
    assert client.alive


def pipes(child: subprocess.Popen[bytes]) -> tuple[BinaryIO, BinaryIO]:
    return cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)


@pytest.mark.parametrize(
    "header",
    [{"id": 7}, {"id": 7, "method": "read"}, {"id": 7, "method": "read", "params": []}, {"id": 7, "method": ["read"]}],
)
def test_a_request_that_makes_no_sense_is_answered(header: dict[str, Any]) -> None:
    command = [sys.executable, "-I", str(BOOTSTRAP), "reader"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        to, back = pipes(child)
        write_frame(to, header)
        answer = read_frame(back)
        to.close()
        assert child.wait(10) == 0
    assert answer is not None
    assert answer[0]["id"] == 7
    assert answer[0]["error"]["type"] == "ProtocolError"


def test_noise_ends_the_child() -> None:
    with subprocess.Popen(
        [sys.executable, "-I", str(BOOTSTRAP), "reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        out, _ = child.communicate(b"GET / HTTP/1.1\r\n\r\n", timeout=10)
        assert out == b""
        assert child.returncode == 0


def test_an_error_keeps_its_type_message_and_hint(start: Start, tmp_path: Path) -> None:
    with pytest.raises(ProcessError) as caught:
        ask(start("reader"), "read", {"path": str(tmp_path / "gone.pth")})
    assert caught.value.kind == "CheckpointError"
    assert "gone.pth" in caught.value.message
    assert caught.value.hint


def test_a_bug_in_a_method_is_an_answer(start: Start) -> None:
    client = start("worker")
    with pytest.raises(ProcessError) as caught:
        ask(client, "thumbnail", {})
    assert caught.value.kind == "InternalError"
    assert "\n" not in caught.value.sentence
    assert ask(client, "catalogue")[0]["architectures"]


def test_killing_it_fails_what_waits_and_what_comes(start: Start) -> None:
    died = threading.Event()
    client = start("worker", on_death=died.set)
    ask(client, "catalogue")
    failures: queue.SimpleQueue[ProcessError] = queue.SimpleQueue()
    os.kill(client.process.pid, signal.SIGSTOP)  # it can't answer before it is killed
    for _ in range(3):
        client.request("catalogue", {}, done=lambda *_: None, failed=failures.put)
    client.kill()
    assert [failures.get(timeout=10).kind for _ in range(3)] == ["ProcessDied"] * 3
    assert died.wait(10)
    assert not client.alive
    with pytest.raises(ProcessError) as caught:
        ask(client, "catalogue")
    assert caught.value.kind == "ProcessDied"
    assert "signal 9" in caught.value.message


def test_closing_is_quiet(start: Start) -> None:
    told: list[object] = []
    client = start("worker", on_death=lambda: told.append("death"))
    ask(client, "catalogue")
    stop(client)
    client.request("catalogue", {}, done=lambda *_: told.append("done"), failed=told.append)
    client.close()
    client.process.wait(10)
    _join("worker-in")
    assert told == []


def _join(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(10)


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="asks Linux for a process's folder")
@pytest.mark.parametrize("how", ["close", "kill", "stdin"])
def test_the_private_folder_is_empty_and_removed(start: Start, how: str) -> None:
    client = start("worker")
    ask(client, "catalogue")
    folder = Path(os.readlink(f"/proc/{client.process.pid}/cwd"))
    assert folder.name.startswith("inspector-worker-")
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o077 == 0
    if how == "stdin":
        client._outbox.put(None)
    else:
        getattr(client, how)()
    client.process.wait(10)
    _join("worker-in")
    assert not folder.exists()


def test_a_python_that_is_none(start: Start, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        start("engine", python=str(tmp_path / "python"))


def test_a_python_that_ends_at_once(start: Start, tmp_path: Path) -> None:
    false = tmp_path / "python"
    false.write_text("#!/bin/sh\necho no such option >&2\nexit 2\n", encoding="ascii")
    false.chmod(0o755)
    died = threading.Event()
    client = start("engine", python=str(false), on_death=died.set)
    assert died.wait(10)
    _join("engine-err")
    with pytest.raises(ProcessError, match="code 2"):
        ask(client, "versions")
    assert client.last_words() == "no such option"


def test_what_fails_before_sending_is_the_request_s_failure(start: Start) -> None:
    def unreadable() -> Iterator[Message]:
        yield {"method": "catalogue", "params": {}}, []
        raise InspectorError("The file is gone.", "Look for it.")

    def broken() -> list[bytes]:
        raise OSError(5, "Input/output error")

    client = start("worker")
    with pytest.raises(ProcessError, match=r"The file is gone\."):
        ask(client, "catalogue", before=unreadable)
    with pytest.raises(ProcessError, match="Input/output error"):
        ask(client, "catalogue", buffers=broken)
    assert ask(client, "catalogue")[0]["architectures"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_before_sending_fails_the_request_too(start: Start) -> None:
    def bug() -> list[bytes]:
        raise RuntimeError("a bug")

    with pytest.raises(ProcessError) as caught:
        ask(start("worker"), "catalogue", buffers=bug)
    assert caught.value.kind == "ProcessDied"
    _join("worker-out")


def test_environment_is_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "LD_LIBRARY_PATH", "LD_PRELOAD", "QT_PLUGIN_PATH"):
        monkeypatch.setenv(name, "/somewhere")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    cleaned = clean_environment("/private")
    assert not [name for name in cleaned if name.startswith(("PYTHON", "LD_", "QT_")) and name != "PYTHONUTF8"]
    assert cleaned["CUDA_VISIBLE_DEVICES"] == "1"
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/the/person's/own")
    assert clean_environment("/private")["LD_LIBRARY_PATH"] == "/the/person's/own"


POISON = "import pathlib\npathlib.Path({canary!r}).write_text(__file__)\nraise SystemExit(3)\n"


@pytest.mark.parametrize("role", ["reader", "worker", "engine"])
def test_nothing_beside_a_file_is_imported(
    start: Start, role: str, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary, folder = tmp_path / "canary", checkpoint.parent
    for name in ("json", "struct", "queue", "zlib", "torch", "numpy", "PIL", "sitecustomize", "inspector", "typing"):
        (folder / f"{name}.py").write_text(POISON.format(canary=str(canary)), encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("PYTHONSTARTUP", str(folder / "json.py"))
    client = start(role)
    if role == "reader":
        assert ask(client, "read", {"path": str(checkpoint)})[0]["kind"] == "state_dict"
    elif role == "worker":
        from PIL import Image

        Image.new("RGB", (3, 2)).save(folder / "a.png")
        result, _ = ask(client, "thumbnail", {"path": str(folder / "a.png"), "width": 8, "height": 8})
        assert (result["original_width"], result["original_height"]) == (3, 2)
    else:
        assert ask(client, "versions")[0]["torch"] == torch.__version__
    assert not canary.exists()


NOISY = """
import os, runpy, subprocess, sys
bootstrap = runpy.run_path(sys.argv[1])
incoming, outgoing = bootstrap["_take_protocol"]()
bootstrap["_load_package"]()
from inspector.processes.roles.serving import Server

def noisy(params, buffers, progress):
    print("hello", flush=True)
    os.write(1, b"INS1 hello")
    subprocess.run([sys.executable, "-c", "print('hello from a child'); import sys; sys.stdin.read()"], check=True)
    progress({"share": 0.5})
    print("more", flush=True)
    return {"read": sys.stdin.read()}, [b"ok"]

Server(incoming, outgoing, {"noisy": noisy}).run()
"""


def test_a_library_that_prints_and_reads_does_not_break_the_protocol() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", NOISY, str(BOOTSTRAP)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        to, back = pipes(child)
        for number in (1, 2):
            write_frame(to, {"id": number, "method": "noisy", "params": {}})
            assert read_frame(back) == ({"id": number, "progress": {"share": 0.5}}, [])
            assert read_frame(back) == ({"id": number, "result": {"read": ""}}, [bytearray(b"ok")])
        to.close()
        assert child.wait(10) == 0
        assert cast(BinaryIO, child.stderr).read().count(b"hello from a child") == 2


def test_what_torch_keeps_lies_in_the_process_own_folder(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    client = start("engine")
    ask(client, "versions")  # imports torchvision
    assert [path.name.startswith("inspector-engine-") for path in tmp_path.iterdir()] == [True]


# -- processes that hang -----------------------------------------------------------------------------------------


def stop(client: Any) -> None:
    """Stop a process, and wait until it has: for a moment it could still read what it is sent."""
    os.kill(client.process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, client.process.pid, os.WSTOPPED)


@pytest.fixture
def quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "BEAT", 0.05)
    monkeypatch.setattr(client_module, "BEATS", 6)


@pytest.mark.usefixtures("quick_heart")
def test_a_watched_process_that_stops_is_ended_whatever_it_was_asked(start: Start) -> None:
    client = start("worker", watched=True)
    ask(client, "catalogue")
    stop(client)
    with pytest.raises(ProcessError) as caught:
        ask(client, "catalogue")
    assert caught.value.kind == "ProcessDied"
    assert client.is_hung


@pytest.mark.usefixtures("quick_heart")
def test_a_process_that_stops_is_noticed_though_its_pipe_is_nearly_full(start: Start) -> None:
    """A ping that does not fit any more must not hold up who counts the beats."""
    client = start("worker", watched=True)
    ask(client, "catalogue")
    stop(client)
    failures: queue.SimpleQueue[ProcessError] = queue.SimpleQueue()
    client.request("catalogue", {}, done=lambda *_: None, failed=failures.put)

    def fill() -> list[bytes]:
        while True:  # until it is ended
            os.write(pipes(client.process)[0].fileno(), b"x")

    client.request("catalogue", {}, fill, done=lambda *_: None, failed=failures.put)
    assert {failures.get(timeout=10).kind for _ in range(2)} <= {"ProcessDied", "OSError"}
    assert client.is_hung


def test_a_message_that_can_t_be_sent_fails_its_request_alone(start: Start) -> None:
    client = start("worker")
    with pytest.raises(ProcessError) as caught:
        ask(client, "catalogue", buffers=[b""] * 5_000)
    assert caught.value.kind == "ProtocolError"
    assert "too large" in caught.value.message
    assert ask(client, "catalogue")[0]["architectures"]


FAKE = """
import runpy, sys, threading
bootstrap = runpy.run_path(sys.argv[1])
incoming, outgoing = bootstrap["_take_protocol"]()
bootstrap["_load_package"]()
from inspector.processes.roles.serving import Server

stuck = lambda *_: threading.Event().wait()
Server(incoming, outgoing, {"versions": lambda *_: ({}, []), "predict": stuck}).run()
"""


@pytest.mark.usefixtures("quick_heart")
def test_a_process_that_answers_nothing_but_pings_is_told_and_not_ended(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "SILENT_BEATS", 12)
    code, python = tmp_path / "fake.py", tmp_path / "python"
    code.write_text(FAKE, encoding="ascii")
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{code}" "{BOOTSTRAP}"\n', encoding="utf-8")
    python.chmod(0o755)
    told: queue.SimpleQueue[frozenset[str]] = queue.SimpleQueue()
    client = start("engine", python=str(python), watched=True, on_silence=told.put)
    ask(client, "versions")
    client.request("predict", {}, done=lambda *_: None, failed=lambda _: None)
    assert told.get(timeout=30) == {"predict"}
    assert client.alive
    assert not client.is_hung
    assert told.empty()
