"""A combo box with an arrow of ours: the style sheet takes the style's own away."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox

from inspector.gui import icons, theme


class Combo(QComboBox):
    """A combo box that shows its arrow in the theme's colour and leaves the wheel to the panel it is in."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arrow over the box."""
        super().paintEvent(event)
        color = theme.colors().muted
        arrow = icons.pixmap("chevron-down", color, 14, self.devicePixelRatioF())
        painter = QPainter(self)
        painter.drawPixmap(self.width() - 24, (self.height() - 14) // 2, arrow)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the panel; a choice is never changed by passing over it."""
        event.ignore()
