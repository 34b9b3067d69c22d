"""A second start hands its files to the window that is already open, and ends.

The running window listens on a socket that only this person can open, named after the person and the display
(so two displays have a window each). This module has no Qt in it: a start that finds a window must be over
before Qt would have been imported. The listening half is in `inspector.desktop.instance_server`.

The message is one line: a JSON list of absolute paths, at most `MAX_MESSAGE` bytes; an empty list only raises
the window. The answer is the line ``ok``, once the window has the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from inspector.errors import InspectorError

MAX_MESSAGE = 64 * 1024
MAX_PATHS = 256
MAX_PATH = 4096
ACKNOWLEDGEMENT = b"ok\n"

_CONNECT_SECONDS = 0.5
# A window that is busy for longer is taken for hung: the files then open in a window of their own.
_ANSWER_SECONDS = 2.0


class UnsafeRuntimeFolderError(InspectorError):
    """The folder for the socket is not this person's alone, so that others could read or fake messages."""


class BadMessageError(InspectorError):
    """Bytes that are no list of absolute paths within the limits."""


def runtime_folder() -> Path:
    """Return the folder of the socket: owned by this person, closed to everyone else.

    ``$XDG_RUNTIME_DIR`` where it is such a folder, else one below the temporary folder, made if needed.

    Raises
    ------
    UnsafeRuntimeFolderError
        The place below the temporary folder is taken by someone else, or open to others.
    """
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and os.path.isabs(given) and _is_private(Path(given)):
        return Path(given)
    folder = Path(tempfile.gettempdir()) / f"inspector-{_user()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UnsafeRuntimeFolderError(f"The folder {folder} can't be made: {error.strerror}.") from error
    if not _is_private(folder):
        raise UnsafeRuntimeFolderError(
            f"The folder {folder} is not yours alone, so Inspector does not use it.", "Remove that folder."
        )
    return folder


def server_name() -> str:
    """Return the name of the socket: a path on Linux and macOS, a pipe's name on Windows.

    Raises
    ------
    UnsafeRuntimeFolderError
        There is no folder that is this person's alone.
    """
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or ""
    key = hashlib.sha256(f"{_user()}\0{display}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    if sys.platform == "win32":
        return f"inspector-{key}"
    return str(runtime_folder() / f"inspector-{key}.sock")


def encode_message(paths: Iterable[str | os.PathLike[str]]) -> bytes:
    """Return the message that hands over `paths`, made absolute from the current folder.

    Raises
    ------
    BadMessageError
        There are more or longer paths than a message may hold.
    """
    message = json.dumps([os.path.abspath(path) for path in paths]).encode("ascii") + b"\n"
    decode_message(message)
    return message


def decode_message(message: bytes) -> list[str]:
    """Return the paths in a message that came over the socket; every doubt refuses the whole message.

    Raises
    ------
    BadMessageError
        Anything but one JSON list of at most `MAX_PATHS` absolute paths that this system could have.
    """
    if len(message) > MAX_MESSAGE:
        raise BadMessageError(f"The message is longer than {MAX_MESSAGE} bytes.")
    try:
        paths = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("The message is not JSON.") from error
    if not isinstance(paths, list) or len(paths) > MAX_PATHS:
        raise BadMessageError(f"The message is not a list of at most {MAX_PATHS} paths.")
    for path in paths:
        if not isinstance(path, str) or not _is_absolute_path(path):
            raise BadMessageError(f"The message names something that is no absolute path: {path!r:.80}")
    return paths


def send_to_running(paths: Iterable[str | os.PathLike[str]]) -> bool:
    """Hand `paths` to the window that is open on this display.

    Costs well under a millisecond when there is none. Never raises: whenever the files can't be handed over,
    this start opens them in a window of its own.

    Returns
    -------
    bool
        True once the window has said that it has the files; False when there is no window, it does not
        answer, or the paths are too many for one message.
    """
    try:
        name = server_name()
        message = encode_message(paths)
    except InspectorError:
        return False
    if sys.platform == "win32":
        return _send_by_qt(name, message)
    return _send_by_socket(name, message)


if sys.platform == "win32":

    def _user() -> str:
        return os.environ.get("USERNAME", "")

    def _is_private(folder: Path) -> bool:
        return folder.is_dir()

    def _send_by_qt(name: str, message: bytes) -> bool:
        from PySide6.QtNetwork import QLocalSocket

        pipe = QLocalSocket()
        pipe.connectToServer(name)
        if not pipe.waitForConnected(int(_CONNECT_SECONDS * 1000)):
            return False
        pipe.write(message)
        while not pipe.canReadLine():
            if not pipe.waitForReadyRead(int(_ANSWER_SECONDS * 1000)):
                return False
        return bool(pipe.readLine().data() == ACKNOWLEDGEMENT)

else:

    def _user() -> str:
        return str(os.getuid())

    def _is_private(folder: Path) -> bool:
        """Whether `folder` itself (no link to one) is a folder that only this person can enter."""
        try:
            status = folder.lstat()
        except OSError:
            return False
        return (
            stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077 == 0
        )

    def _send_by_socket(name: str, message: bytes) -> bool:
        # Asking the file system first keeps the ordinary start, with no window open, free of a connect.
        if not os.path.exists(name):
            return False
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_CONNECT_SECONDS)
                connection.connect(name)
                connection.settimeout(_ANSWER_SECONDS)
                connection.sendall(message)
                while len(answer) < len(ACKNOWLEDGEMENT):
                    received = connection.recv(len(ACKNOWLEDGEMENT) - len(answer))
                    if not received:
                        return False
                    answer += received
        except OSError:
            # Refused (the socket of a crashed window), too slow, or a path too long for a socket.
            return False
        return answer == ACKNOWLEDGEMENT


def _is_absolute_path(path: str) -> bool:
    if not 0 < len(path) <= MAX_PATH or "\0" in path or not os.path.isabs(path):
        return False
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True
