"""The listening half of `inspector.desktop.single_instance`: Qt's, inside the running window."""

from __future__ import annotations

import logging
import os
import sys
from typing import IO

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from inspector.desktop.single_instance import (
    ACKNOWLEDGEMENT,
    MAX_MESSAGE,
    BadMessageError,
    UnsafeRuntimeFolderError,
    decode_message,
    server_name,
)

_log = logging.getLogger(__name__)

_MAX_CONNECTIONS = 32


class InstanceServer(QObject):
    """Receives the files of later starts.

    Signals
    -------
    files_received : list
        Absolute paths to open; an empty list asks only to raise the window.

    Parameters
    ----------
    parent
        As for every QObject.
    patience
        Milliseconds that a connection may stay open without having sent its message.
    """

    files_received = Signal(list)

    def __init__(self, parent: QObject | None = None, *, patience: int = 2000) -> None:
        super().__init__(parent)
        self._patience = patience
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.setMaxPendingConnections(_MAX_CONNECTIONS)
        self._server.newConnection.connect(self._accept)
        self._lock: IO[bytes] | None = None
        self._connections: list[_Connection] = []

    def listen(self) -> bool:
        """Begin to listen; remove the socket that a crashed window left.

        Returns
        -------
        bool
            False when another window of this person listens on this display, or there is no safe place for
            the socket. The window then works as ever, and only later starts don't find it.
        """
        try:
            name = server_name()
        except UnsafeRuntimeFolderError as error:
            _log.warning("Later starts will open windows of their own: %s", error.sentence)
            return False
        if sys.platform != "win32" and not self._take_lock(name):
            return False
        # Nobody else holds the lock, so what lies at that name was left by a crash.
        QLocalServer.removeServer(name)
        if not self._server.listen(name):
            _log.warning("Later starts will open windows of their own: %s", self._server.errorString())
            self.close()
            return False
        return True

    def close(self) -> None:
        """Stop listening, drop the open connections and remove the socket."""
        for connection in self._connections:
            connection.end()
        self._connections = []
        self._server.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self, name: str) -> bool:
        """Lock a file beside the socket for as long as this process lives.

        The kernel lets go of it, even after a crash, and two windows that start together can't both win.
        """
        if sys.platform == "win32":
            return True
        import fcntl

        try:
            descriptor = os.open(f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode=0o600)
        except OSError as error:
            _log.warning("Later starts will open windows of their own: %s", error)
            return False
        lock = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _accept(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            self._connections = [connection for connection in self._connections if connection.open]
            if len(self._connections) >= _MAX_CONNECTIONS:
                # A start sends its line at once, so the oldest is the one that has nothing to say.
                self._connections.pop(0).end()
            connection = _Connection(socket, self._patience, self)
            connection.received.connect(self.files_received)
            self._connections.append(connection)
            connection.read()


class _Connection(QObject):
    """One start that has connected: read its line, answer, and go.

    A QObject with slots of its own, not functions connected to the socket: Qt then takes the connections apart
    before it destroys the socket, whose destructor still emits signals.

    Signals
    -------
    received : list
        The paths of a valid message.
    """

    received = Signal(list)

    def __init__(self, socket: QLocalSocket, patience: int, parent: QObject) -> None:
        super().__init__(parent)
        self.open = True
        self._socket = socket
        socket.setParent(self)
        # Bounds what a sender can make us hold before it has sent its line.
        socket.setReadBufferSize(MAX_MESSAGE + 1)
        socket.readyRead.connect(self.read)
        socket.disconnected.connect(self.end)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.end)
        self._timer.start(patience)

    @Slot()
    def read(self) -> None:
        """Take the message, once its line is complete."""
        if not self.open:
            return
        if not self._socket.canReadLine():
            if self._socket.bytesAvailable() > MAX_MESSAGE:
                _log.warning("A start sent a message that is too long: dropped.")
                self.end()
            return
        try:
            paths = decode_message(bytes(self._socket.readLine().data()))
        except BadMessageError as error:
            _log.warning("A start sent a message that Inspector does not take: %s", error.sentence)
            self.end()
            return
        self._socket.write(ACKNOWLEDGEMENT)
        self._socket.flush()
        self.end()
        self.received.emit(paths)

    @Slot()
    def end(self) -> None:
        """Close the connection; one message each is all there is."""
        if not self.open:
            return
        self.open = False
        self._timer.stop()
        # What is still to be sent (the answer) is sent before the socket closes, within Qt's own loop.
        self._socket.disconnectFromServer()
        self.deleteLater()
