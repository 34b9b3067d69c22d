"""Notices when a view has painted something worth seeing: what nobody waits for can be built then."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QAbstractItemView


class FirstPaint(QObject):
    """Tells once, just after the first paint of a view at which ``ready`` held.

    Signals
    -------
    painted
        The paint is on the screen.
    """

    painted = Signal()

    def __init__(self, view: QAbstractItemView, ready: Callable[[], bool]) -> None:
        super().__init__(view)
        self._ready = ready
        self._viewport = view.viewport()
        self._viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Watch for the paint; the event itself goes on its way."""
        if event.type() == QEvent.Type.Paint and self._ready():
            self._viewport.removeEventFilter(self)
            QTimer.singleShot(0, self, self.painted.emit)
        return super().eventFilter(watched, event)
