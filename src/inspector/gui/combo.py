"""A combo box with an arrow of ours: the style sheet takes the style's own away."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from inspector.gui import icons, theme

#: Room that the style leaves free around the text.
_INSIDE = 2


class Combo(QComboBox):
    """A combo box that shows its arrow in the theme's colour and leaves the wheel to the panel it is in."""

    def shown_text(self) -> str:
        """Return what there is room for of the chosen text: the style would cut it off in a letter."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        return self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, room - _INSIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the style's box with the shortened text, and the arrow over it."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text()
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        if not self.isEditable():
            painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        arrow = icons.pixmap("chevron-down", theme.colors().muted, 14, self.devicePixelRatioF())
        painter.drawPixmap(self.width() - 24, (self.height() - 14) // 2, arrow)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the panel; a choice is never changed by passing over it."""
        event.ignore()
