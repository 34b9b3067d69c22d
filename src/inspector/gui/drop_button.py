"""The dashed place at the end of the strip: it says that images can be dropped, and opens them when pressed."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from inspector.gui import icons, theme

_ICON = 20
_WIDTH = 170  # also enough for the progress below it: nothing moves aside when that comes


class DropButton(QAbstractButton):
    """A button that looks like a drop zone. The window takes the drops themselves, anywhere."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText("Drop images or a folder anywhere to predict")
        self.setAccessibleName("Add images")
        self.setToolTip("Choose images to predict (Ctrl+I)")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        """Return a size that holds the text in two or three lines."""
        return QSize(_WIDTH, 64)

    def minimumSizeHint(self) -> QSize:
        """Return the least size: two lines of text."""
        return QSize(120, 2 * self.fontMetrics().lineSpacing() + 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the dashed outline and the text; an icon too where there is room."""
        c = theme.colors()
        active = self.underMouse() or self.hasFocus() or self.isDown()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.qcolor(c.accent if active else c.muted), 1.5 if self.hasFocus() else 1)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.setBrush(theme.qcolor(c.accent_soft if self.isDown() else c.hover if self.underMouse() else c.surface))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 7, 7)
        painter.setPen(theme.qcolor(c.text if active else c.muted))
        painter.setFont(theme.scaled_font(0.95))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        room = self.rect().adjusted(8, 6, -8, -6)
        needed = painter.boundingRect(room, flags, self.text())
        if room.height() >= needed.height() + _ICON + 8:
            top = room.top() + (room.height() - needed.height() - _ICON - 6) // 2
            mark = icons.pixmap("image", c.accent if active else c.muted, _ICON, self.devicePixelRatioF())
            painter.drawPixmap(room.center().x() - _ICON // 2 + 1, top, mark)
            room.setTop(top + _ICON + 6)
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(room, flags, self.text())
