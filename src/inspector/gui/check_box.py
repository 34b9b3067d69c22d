"""A check box with a box of ours: the style's own is hardly seen on a dark surface."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QStyle, QStyleOptionButton

from inspector.gui import icons, theme

_ROUND = 4.0


class CheckBox(QCheckBox):
    """A check box in the theme's colours."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, its tick, and the style's label beside it."""
        c, option, style = theme.colors(), QStyleOptionButton(), self.style()
        self.initStyleOption(option)
        box = QRectF(style.subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, self)).adjusted(
            0.5, 0.5, -0.5, -0.5
        )
        checked = self.isChecked()
        back = c.accent if checked and self.isEnabled() else c.track if checked else c.raised
        edge = c.accent if self.hasFocus() or (checked and self.isEnabled()) else c.muted
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.qcolor(edge), 1.0))
        painter.setBrush(theme.qcolor(back))
        painter.drawRoundedRect(box, _ROUND, _ROUND)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.qcolor(c.text), 1.0))
            painter.drawRoundedRect(box.adjusted(-1, -1, 1, 1), _ROUND, _ROUND)
        if checked:
            size = round(box.width()) - 2
            tick = icons.pixmap("check", c.accent_text if self.isEnabled() else c.muted, size, self.devicePixelRatioF())
            painter.drawPixmap(round(box.x()) + 1, round(box.y()) + 1, tick)
        option.rect = style.subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self)
        option.state &= ~QStyle.StateFlag.State_HasFocus
        style.drawControl(QStyle.ControlElement.CE_CheckBoxLabel, option, painter, self)
        painter.end()
