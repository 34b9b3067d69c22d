"""The base of the widgets that paint themselves: dimmed while stale, repainted with the focus, copied like text."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import QMenu, QWidget

from inspector.gui import icons, theme

_DIMMED = 0.35


class DrawnWidget(QWidget):
    """A widget that is reached with Tab and shows that it is.

    Attributes
    ----------
    copies
        What its context menu offers to copy, such as ``"Copy name"``; empty where there is nothing.
    """

    copies = ""

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

    def copy(self) -> None:
        """Put what is shown into the clipboard."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy by the usual key."""
        if self.copies and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy."""
        if self.copies:
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction(icons.icon("copy"), self.copies, self.copy)
            menu.popup(event.globalPos())
