"""The base of the widgets that paint themselves: dimmed while what they show is stale, repainted with the focus."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFocusEvent, QPainter
from PySide6.QtWidgets import QWidget

from inspector.gui import theme

_DIMMED = 0.35


class DrawnWidget(QWidget):
    """A widget that is reached with Tab and shows that it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.opacity = 1.0
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def set_dimmed(self, dimmed: bool) -> None:
        """Show that what is shown is about to be replaced, or that it is not."""
        wanted = _DIMMED if dimmed else 1.0
        if wanted != self.opacity:
            self.opacity = wanted
            self.update()

    def paint_focus(self, painter: QPainter) -> None:
        """Paint a frame where the widget has the focus."""
        if self.hasFocus():
            painter.setOpacity(1.0)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.qcolor(theme.colors().accent))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show it no longer."""
        self.update()
