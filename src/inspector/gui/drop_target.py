"""Drags over a window: say what letting go will do, take what was dropped."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from inspector.gui.drops import Dropped, from_mime
from inspector.gui.overlay import DropOverlay


class DropTarget(QObject):
    """Makes a whole window take files.

    Parameters
    ----------
    window
        Takes drops anywhere on it.
    take
        Called with what was dropped, after the other program was let go.
    """

    def __init__(self, window: QWidget, take: Callable[[Dropped], None]) -> None:
        super().__init__(window)
        self._take = take
        self._usable = False
        self.overlay = DropOverlay(window)
        window.setAcceptDrops(True)
        self.leave_drops_to_window(window)
        window.installEventFilter(self)

    def leave_drops_to_window(self, part: QWidget) -> None:
        """Make the text fields in a part of the window refuse drops: a file dropped on one is meant for the window."""
        for line in part.findChildren(QLineEdit):
            line.setAcceptDrops(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle the window's drag events."""
        kind = event.type()
        if kind == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            return self._enter(event)
        if kind == QEvent.Type.DragMove and isinstance(event, QDragMoveEvent):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.setAccepted(self._usable)
            return True
        if kind == QEvent.Type.DragLeave:
            self.overlay.hide()
        elif kind == QEvent.Type.Drop and isinstance(event, QDropEvent):
            return self._drop(event)
        return super().eventFilter(watched, event)

    def _enter(self, event: QDragEnterEvent) -> bool:
        dropped = from_mime(event.mimeData())
        self._usable = dropped.usable  # asked for again at every move: folders are not listed each time
        self.overlay.show_text(dropped.invitation(), usable=dropped.usable)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.setAccepted(True)  # also for what can't be used: only then the reason can stay on screen
        return True

    def _drop(self, event: QDropEvent) -> bool:
        self.overlay.hide()
        dropped = from_mime(event.mimeData())
        event.setDropAction(Qt.DropAction.CopyAction)
        event.setAccepted(dropped.usable)
        if dropped.usable:
            QTimer.singleShot(0, self, lambda: self._take(dropped))
        return True
