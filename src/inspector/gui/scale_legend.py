"""What the colours of a picture of weights mean: a small bar of them between the values at its ends."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.gui import theme
from inspector.gui.tree_delegate import tabular
from inspector.session import words

#: The colours that ``inspector.weights.colours`` draws with, which the window does not import (numpy); a test
#: holds the two together. They are the picture's, the same in light and dark.
STOPS = (
    (0.0, (20, 52, 140)),
    (0.25, (74, 127, 224)),
    (0.5, (238, 240, 243)),
    (0.75, (217, 98, 78)),
    (1.0, (140, 26, 16)),
)
_BAR = (64, 8)
_GAP = 6
_SIZE = 0.92


class ScaleLegend(QWidget):
    """A bar from full blue at minus the scale, over neutral at zero, to full red at the scale."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scale = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_scale(self, scale: float) -> None:
        """Show a scale; nothing for 0."""
        self._scale = scale
        self.setVisible(scale > 0)
        low, high = self._ends()
        self.setAccessibleName(f"Colours from {low}, blue, to {high}, red")
        self.setToolTip(f"Blue is {low} and below, red {high} and above; amber is NaN or Inf")
        self.updateGeometry()
        self.update()

    def _ends(self) -> tuple[str, str]:
        return words.figure(-self._scale), words.figure(self._scale)

    def sizeHint(self) -> QSize:
        """Return the width of bar and figures."""
        metrics = QFontMetrics(tabular(theme.scaled_font(_SIZE)))
        width = sum(map(metrics.horizontalAdvance, self._ends())) + _BAR[0] + 2 * _GAP + 4
        return QSize(width, metrics.height() + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the figures and the bar between them."""
        low, high = self._ends()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(tabular(theme.scaled_font(_SIZE)))
        painter.setPen(theme.qcolor(theme.colors().muted))
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), flags | Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(self.rect(), flags | Qt.AlignmentFlag.AlignRight, high)
        left = painter.fontMetrics().horizontalAdvance(low) + _GAP + 2
        bar = QRectF(left, (self.height() - _BAR[1]) / 2, _BAR[0], _BAR[1])
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for place, rgb in STOPS:
            gradient.setColorAt(place, QColor(*rgb))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, 3, 3)
        painter.end()
