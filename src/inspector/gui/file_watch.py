"""Looks once a second whether the open files have changed.

Not a `QFileSystemWatcher`: that hears nothing of what another machine writes to a network drive, loses a file that is
replaced by renaming, keeps folders from being removed on Windows, and wakes the window for every write of a training.
One `stat` per file and second, made on another thread, has none of these holes.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

from inspector.session import Session

#: Milliseconds between two looks.
INTERVAL = 1_000


class FileWatch(QObject):
    """Makes the session look at its files: once a second, and at once when the person comes back to the window."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._timer = QTimer(self, interval=INTERVAL)
        self._timer.timeout.connect(session.look_at_files)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.applicationStateChanged.connect(self._returned)
        session.store.checkpoints_changed.connect(self._start)

    def _start(self) -> None:
        """Run as long as something is open."""
        wanted = bool(self._session.store.checkpoints)
        if wanted and not self._timer.isActive():
            self._timer.start()
        elif not wanted:
            self._timer.stop()

    def _returned(self, state: Qt.ApplicationState) -> None:
        if state == Qt.ApplicationState.ApplicationActive and self._timer.isActive():
            self._session.look_at_files()

    def stop(self) -> None:
        """Look no more: the window is closed."""
        self._timer.stop()
