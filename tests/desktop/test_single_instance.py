from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from inspector.desktop import single_instance
from inspector.desktop.instance_server import InstanceServer
from inspector.desktop.single_instance import (
    MAX_MESSAGE,
    MAX_PATH,
    MAX_PATHS,
    BadMessageError,
    UnsafeRuntimeFolderError,
    decode_message,
    encode_message,
    runtime_folder,
    send_to_running,
    server_name,
)

Background = Callable[..., Future[Any]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a socket in a folder of one's own")


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(os.environ["XDG_RUNTIME_DIR"])  # of this test alone, and short enough for a socket's name
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return folder


@pytest.fixture
def server(qtbot: QtBot) -> Iterator[InstanceServer]:
    listening = InstanceServer(patience=100)
    assert listening.listen()
    yield listening
    listening.close()


@pytest.fixture
def background() -> Iterator[Background]:
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


def _finished(qtbot: QtBot, future: Future[Any]) -> Any:
    """Wait for the client while Qt's loop, which the server needs, runs on."""
    qtbot.waitUntil(future.done)
    return future.result()


def _connect() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(5)
    connection.connect(server_name())
    return connection


def _answer(message: bytes, *, end: bool = False) -> bytes:
    with _connect() as connection:
        try:
            connection.sendall(message)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return connection.recv(16)
        except (ConnectionResetError, BrokenPipeError):
            return b""


def test_files_reach_the_window(qtbot: QtBot, server: InstanceServer, background: Background) -> None:
    with qtbot.waitSignal(server.files_received) as blocker:
        future = background(send_to_running, ["/a b/ü.pth", "/c.pt"])
    assert blocker.args == [["/a b/ü.pth", "/c.pt"]]
    assert _finished(qtbot, future)


def test_no_files_raise_the_window(qtbot: QtBot, server: InstanceServer, background: Background) -> None:
    with qtbot.waitSignal(server.files_received) as blocker:
        future = background(send_to_running, [])
    assert blocker.args == [[]]
    assert _finished(qtbot, future)


def test_a_real_second_process_hands_over_relative_paths_without_qt(
    qtbot: QtBot, server: InstanceServer, tmp_path: Path
) -> None:
    code = (
        "import sys; from inspector.desktop.single_instance import send_to_running;"
        "done = send_to_running(sys.argv[1:]);"
        "qt = [name for name in sys.modules if name.startswith('PySide6')];"
        "sys.exit(0 if done and not qt else 1)"
    )
    source = Path(single_instance.__file__).parents[2]
    with qtbot.waitSignal(server.files_received) as blocker:
        start = subprocess.Popen(
            [sys.executable, "-c", code, "a.pth", "../b.pth"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(source)},
        )
    assert start.wait(timeout=30) == 0
    assert blocker.args == [[str(tmp_path / "a.pth"), str(tmp_path.parent / "b.pth")]]


def test_many_starts_at_once_lose_nothing(qtbot: QtBot, server: InstanceServer, background: Background) -> None:
    received: list[str] = []
    server.files_received.connect(received.extend)
    futures = [background(send_to_running, [f"/{n}.pth"]) for n in range(20)]
    qtbot.waitUntil(lambda: all(future.done() for future in futures))
    assert all(future.result() for future in futures)
    assert sorted(received) == sorted(f"/{n}.pth" for n in range(20))


def test_without_a_window_the_answer_is_quick() -> None:
    begin = time.perf_counter()
    assert not send_to_running(["/a.pth"])
    assert time.perf_counter() - begin < 0.1


def test_socket_is_the_persons_alone(server: InstanceServer, runtime: Path) -> None:
    status = os.stat(server_name())
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) & 0o077 == 0
    assert Path(server_name()).parent == runtime


def test_displays_have_windows_of_their_own(server: InstanceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":8")
    assert not send_to_running(["/a.pth"])
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    by_wayland = server_name()
    monkeypatch.setenv("DISPLAY", ":9")
    assert server_name() == by_wayland


def test_only_one_window_listens(qtbot: QtBot, server: InstanceServer) -> None:
    second = InstanceServer()
    assert not second.listen()
    server.close()
    assert second.listen()
    second.close()


def test_closing_removes_the_socket(server: InstanceServer) -> None:
    server.close()
    assert not os.path.exists(server_name())
    assert not send_to_running(["/a.pth"])


def test_socket_of_a_crashed_window_is_replaced(qtbot: QtBot, background: Background) -> None:
    code = (
        "import os, signal; from PySide6.QtCore import QCoreApplication;"
        "from inspector.desktop.instance_server import InstanceServer;"
        "app = QCoreApplication([]); server = InstanceServer(); assert server.listen();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    source = Path(single_instance.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(source)}, timeout=60, check=False)
    assert os.path.exists(server_name())
    assert not send_to_running(["/a.pth"])
    server = InstanceServer()
    assert server.listen()
    with qtbot.waitSignal(server.files_received) as blocker:
        future = background(send_to_running, ["/a.pth"])
    assert blocker.args == [["/a.pth"]]
    assert _finished(qtbot, future)
    server.close()


def test_a_window_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_instance, "_ANSWER_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(server_name())
        silent.listen()
        assert not send_to_running(["/a.pth"])


@pytest.mark.parametrize(
    "message",
    [
        b"\n",
        b"{}\n",
        b'"/a.pth"\n',
        b"[1]\n",
        b'["relative.pth"]\n',
        b'[""]\n',
        b'["/a\\u0000b"]\n',
        b'["/\\ud800"]\n',
        b'[["/a.pth"]]\n',
        b'["/a.pth", null]\n',
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        json.dumps(["/" + "a" * MAX_PATH]).encode() + b"\n",
        json.dumps(["/a"] * (MAX_PATHS + 1)).encode() + b"\n",
        b'["' + b"/" * (4 * MAX_MESSAGE),
    ],
)
def test_hostile_message_is_dropped_and_the_window_goes_on(
    qtbot: QtBot, server: InstanceServer, background: Background, message: bytes
) -> None:
    received: list[list[str]] = []
    server.files_received.connect(received.append)
    dropped = background(_answer, message)
    qtbot.waitUntil(dropped.done)
    assert dropped.result() == b""
    assert received == []
    with qtbot.waitSignal(server.files_received):
        future = background(send_to_running, ["/a.pth"])
    assert _finished(qtbot, future)
    assert received == [["/a.pth"]]


def test_half_a_message_is_dropped(qtbot: QtBot, server: InstanceServer, background: Background) -> None:
    received: list[list[str]] = []
    server.files_received.connect(received.append)
    ended = background(_answer, b'["/a.pth"]', end=True)
    qtbot.waitUntil(ended.done)
    # This one keeps the connection open and says nothing: the server's patience ends it.
    silent = background(_answer, b"")
    qtbot.waitUntil(silent.done)
    assert (ended.result(), silent.result()) == (b"", b"")
    assert received == []
    assert not any(connection.open for connection in server._connections)


def test_what_follows_a_message_is_ignored(qtbot: QtBot, server: InstanceServer, background: Background) -> None:
    received: list[list[str]] = []
    server.files_received.connect(received.append)
    answer = background(_answer, b'["/a.pth"]\n["/b.pth"]\n')
    qtbot.waitUntil(answer.done)
    assert answer.result() == b"ok\n"
    assert received == [["/a.pth"]]


def test_a_crowd_of_silent_connections_does_not_lock_the_window_up(
    qtbot: QtBot, server: InstanceServer, background: Background
) -> None:
    with ExitStack() as crowd:
        for _ in range(40):
            crowd.enter_context(_connect())
        with qtbot.waitSignal(server.files_received):
            future = background(send_to_running, ["/a.pth"])
        assert _finished(qtbot, future)
        assert sum(connection.open for connection in server._connections) <= 32


def test_more_paths_than_a_message_holds_are_not_sent(server: InstanceServer) -> None:
    assert not send_to_running([f"/{n}.pth" for n in range(MAX_PATHS + 1)])


def test_open_runtime_folder_is_not_used(runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = runtime_folder()
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert runtime_folder() == folder


@pytest.mark.parametrize("trap", ["open", "link", "file"])
def test_trap_in_the_temporary_folder_is_refused(
    trap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = tmp_path / f"inspector-{os.getuid()}"
    if trap == "open":
        place.mkdir()
        place.chmod(0o770)
    elif trap == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.write_text("")
    with pytest.raises(UnsafeRuntimeFolderError, match=place.name):
        runtime_folder()
    assert not send_to_running(["/a.pth"])
    assert not InstanceServer().listen()
    assert "Later starts" in caplog.text


def test_folder_of_someone_else_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "inspector-4242").mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(UnsafeRuntimeFolderError):
        runtime_folder()


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=20))
def test_paths_survive_the_message(names: list[str]) -> None:
    paths = [os.path.abspath(f"/x/{name}") for name in names]
    assert decode_message(encode_message(paths)) == paths


@given(st.binary(max_size=200))
def test_any_bytes_are_paths_or_refused(message: bytes) -> None:
    try:
        paths = decode_message(message)
    except BadMessageError:
        return
    assert all(os.path.isabs(path) for path in paths)
