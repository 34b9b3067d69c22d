"""The one adapter between the processes' threads and Qt's event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal

#: Milliseconds before every idle call: what was there before it is painted by then.
_IDLE = 50


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
        self._idle: deque[Callable[[], None]] = deque()
        self._is_held = hold_idle
        self._is_closed = False
        self._posted.connect(self._make, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], None]) -> None:
        """Make ``call`` on the window's thread, soon."""
        if not self._is_closed:
            self._posted.emit(call)

    def post_turn(self, call: Callable[[], None]) -> None:
        """Make ``call`` in the next turn of Qt's loop. What is posted comes in the same turn, were it without end."""
        QTimer.singleShot(0, self, lambda: self._make(call))

    def post_idle(self, call: Callable[[], None]) -> None:
        """Make ``call`` when the events that are there have been handled, and not before the window is built.

        Between two of them there is time to paint: each may take 20 ms, such as to start a process.
        """
        self._idle.append(call)
        if len(self._idle) == 1 and not self._is_held:
            QTimer.singleShot(_IDLE, self, self._make_idle_call)

    def release_idle(self) -> None:
        """Make the idle calls that were kept back, and from now on all of them."""
        self._is_held = False
        if self._idle:
            QTimer.singleShot(_IDLE, self, self._make_idle_call)

    def close(self) -> None:
        """Make no more calls. A process's thread may still post some when the loop itself is gone."""
        self._is_closed = True

    def _make_idle_call(self) -> None:
        if self._is_closed:
            return
        try:
            self._idle[0]()
        finally:
            self._idle.popleft()
            if self._idle:
                QTimer.singleShot(_IDLE, self, self._make_idle_call)

    def _make(self, call: Callable[[], None]) -> None:
        if not self._is_closed:
            call()
