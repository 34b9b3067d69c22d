"""The legend of a heatmap: its colours between the values at their ends."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.gui.views import raster_painting as painting
from inspector.session import words


class ColourBar(QWidget):
    """A bar of colours."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table: Sequence[int] = ()
        self.labels = ("", "")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_scale(self, table: Sequence[int], low: float, high: float, note: str) -> None:
        """Show what the colours of a table stand for; ``note`` says how the range was chosen."""
        self.table = table
        self.labels = (words.figure(float(low)), words.figure(float(high)))
        self.setVisible(True)
        self.setAccessibleName(f"Colours from {self.labels[0]} to {self.labels[1]}")
        self.setToolTip(f"Colours from {self.labels[0]} to {self.labels[1]}; {note}; amber is NaN or Inf")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the width of the bar and its figures."""
        return QSize(round(painting.bar_width(self.labels)), 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar."""
        if self.table:
            painter = QPainter(self)
            painting.paint_bar(painter, QPointF(0, 0), self.table, self.labels)
            painter.end()
