"""Long work of the window's own in slices that leave the event loop free."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer

#: Seconds of one slice.
_SLICE = 0.006

Made = TypeVar("Made")

#: Work that yields wherever it may pause, and returns what it made.
Work = Generator[None, None, Made]


class Slices(QObject):
    """Does one piece of work at a time: a new one takes the place of the one before."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._work: Work[Any] | None = None
        self._done: Callable[[Any], None] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._go_on)

    @property
    def is_busy(self) -> bool:
        """Whether work is under way."""
        return self._timer.isActive()

    def begin(self, work: Work[Made], done: Callable[[Made], None]) -> None:
        """Do work, the first slice of it at once, and hand on what it made."""
        self._work, self._done = work, done
        self._timer.start()
        self._go_on()

    def stop(self) -> None:
        """Give up what is under way."""
        self._work = self._done = None
        self._timer.stop()

    def _go_on(self) -> None:
        deadline = time.monotonic() + _SLICE
        work, done = self._work, self._done
        assert work is not None
        assert done is not None
        try:
            while time.monotonic() < deadline:
                next(work)
        except StopIteration as end:
            self.stop()
            done(end.value)
