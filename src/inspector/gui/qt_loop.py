"""The one adapter between the processes' threads and Qt's event loop."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal


class QtLoop(QObject):
    """A session loop on the thread this object lives on: calls posted from any thread are made by Qt's loop.

    Parameters
    ----------
    hold_idle
        Keep idle calls back until `release_idle`: while the window starts, everything else can wait.
    """

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None, *, hold_idle: bool = False) -> None:
        super().__init__(parent)
        self._held: list[Callable[[], None]] | None = [] if hold_idle else None
        self._posted.connect(self._make, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], None]) -> None:
        """Make ``call`` on the window's thread, soon."""
        self._posted.emit(call)

    def post_idle(self, call: Callable[[], None]) -> None:
        """Make ``call`` when the events that are there have been handled, and not before the window is built."""
        if self._held is not None:
            self._held.append(call)
        else:
            QTimer.singleShot(0, self, call)

    def release_idle(self) -> None:
        """Make the idle calls that were kept back, and from now on all of them."""
        held, self._held = self._held or [], None
        for call in held:
            QTimer.singleShot(0, self, call)

    @staticmethod
    def _make(call: Callable[[], None]) -> None:
        call()
