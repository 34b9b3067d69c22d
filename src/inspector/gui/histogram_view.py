"""The distribution of a tensor's values: bars, blue below zero and red above, counted on a log or a linear scale."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.gui import theme
from inspector.gui.drawn_widget import DrawnWidget
from inspector.gui.tree_delegate import tabular
from inspector.session import words

_AXIS = 20  # logical pixels for the figures below the bars
_LABEL_GAP = 12
_LEAST_BAR = 5  # logical pixels: where bins would be narrower, neighbours share a bar
_LARGEST_WHOLE = 1e12
_OTHERS = 0.45  # how strongly the bars are painted that the pointer is not on


def edge_text(edge: float) -> str:
    """Return the edge of a bin in words: a whole number as one."""
    return words.figure(int(edge) if edge.is_integer() and abs(edge) < _LARGEST_WHOLE else edge)


class HistogramView(DrawnWidget):
    """A histogram that tells of the bin under the pointer, or under the arrow keys.

    Attributes
    ----------
    pointed
        What the bin holds, in words; empty when none is pointed at.
    """

    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._given: tuple[tuple[float, ...], tuple[int, ...]] = ((), ())
        self._edges: Sequence[float] = ()
        self._counts: Sequence[int] = ()
        self._log = True
        self._bin = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Distribution of the values")
        self.setToolTip("Point at a bar, or use the arrow keys, to read its range and count")

    def show_histogram(self, edges: tuple[float, ...], counts: tuple[int, ...]) -> None:
        """Show counts and the edges of their bins, one more."""
        whole = len(edges) == len(counts) + 1 and all(map(math.isfinite, edges))
        self._given = (edges, counts) if whole else ((), ())
        self._merge()
        if whole:
            ends = f"{edge_text(edges[0])} to {edge_text(edges[-1])}"
            self.setAccessibleDescription(f"{words.plural(sum(counts), 'value')} from {ends}")
        self.update()

    def _merge(self) -> None:
        """Let neighbouring bins share a bar until bars are wide enough to be told apart."""
        self._point(-1)
        self._edges, self._counts = self._given
        while len(self._counts) % 2 == 0 and 0 < self.width() < _LEAST_BAR * len(self._counts):
            self._edges = self._edges[::2]
            self._counts = [a + b for a, b in zip(self._counts[::2], self._counts[1::2], strict=True)]

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the bars to the new width."""
        super().resizeEvent(event)
        self._merge()

    def set_log(self, log: bool) -> None:
        """Show the logarithm of the counts, or the counts."""
        self._log = log
        self.update()

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(480, 132 + _AXIS)

    def minimumSizeHint(self) -> QSize:
        """Return the least size that can be read."""
        return QSize(200, 132 + _AXIS)

    def bin_sentence(self, place: int) -> str:
        """Return a bin's range and its count."""
        low, high = self._edges[place], self._edges[place + 1]
        return f"{edge_text(low)} … {edge_text(high)}: {words.plural(self._counts[place], 'value')}"

    # -- painting ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bars, the line below them and its figures."""
        painter = QPainter(self)
        painter.setOpacity(self.opacity)
        c = theme.colors()
        floor = self.height() - _AXIS
        if self._counts:
            self._paint_bars(painter, floor)
        painter.setOpacity(self.opacity)
        painter.fillRect(QRectF(0, floor, self.width(), 1), theme.qcolor(c.border))
        if self._counts:
            self._paint_axis(painter, floor)
        self.paint_focus(painter)
        painter.end()

    def _height(self, count: int) -> float:
        return math.log1p(count) if self._log else float(count)

    def _paint_bars(self, painter: QPainter, floor: int) -> None:
        c, ratio = theme.colors(), self.devicePixelRatioF()
        below, above = theme.qcolor(c.negative_value), theme.qcolor(c.positive_value)
        highest = self._height(max(self._counts)) or 1.0
        pitch = self.width() * ratio / len(self._counts)
        gap = max(1, round(ratio)) if pitch >= 3 * ratio else 0
        base = painter.opacity()
        for place, count in enumerate(self._counts):
            if not count:
                continue
            # edges on whole pixels of the screen, so that all bars look equally wide
            left, right = round(place * pitch), max(round((place + 1) * pitch) - gap, round(place * pitch) + 1)
            tall = max(1.0, round(self._height(count) / highest * (floor - 4) * ratio))
            middle = (self._edges[place] + self._edges[place + 1]) / 2
            painter.setOpacity(base if self._bin in (-1, place) else base * _OTHERS)
            bar = QRectF(left / ratio, floor - tall / ratio, (right - left) / ratio, tall / ratio)
            painter.fillRect(bar, below if middle < 0 else above)

    def _paint_axis(self, painter: QPainter, floor: int) -> None:
        font = tabular(theme.scaled_font(0.88))
        metrics = QFontMetrics(font)
        painter.setFont(font)
        c = theme.colors()
        painter.setPen(theme.qcolor(c.muted))
        low, high = edge_text(self._edges[0]), edge_text(self._edges[-1])
        row = QRectF(0, floor + 3, self.width(), _AXIS - 3)
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(row, Qt.AlignmentFlag.AlignRight, high)
        if not self._edges[0] < 0 < self._edges[-1]:
            return
        zero = -self._edges[0] / (self._edges[-1] - self._edges[0]) * self.width()
        painter.fillRect(QRectF(round(zero), floor, 1, 4), theme.qcolor(c.muted))
        half = metrics.horizontalAdvance("0") / 2
        free = (
            metrics.horizontalAdvance(low) + _LABEL_GAP + half,
            self.width() - metrics.horizontalAdvance(high) - _LABEL_GAP - half,
        )
        if free[0] <= zero <= free[1]:
            painter.drawText(QRectF(zero - 20, floor + 3, 40, _AXIS - 3), Qt.AlignmentFlag.AlignHCenter, "0")

    # -- pointer and keys --------------------------------------------------------------------------------------

    def _point(self, place: int) -> None:
        if place != self._bin:
            self._bin = place
            self.pointed.emit(self.bin_sentence(place) if place >= 0 else "")
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell of the bin under the pointer."""
        share = event.position().x() / max(1, self.width())
        place = int(share * len(self._counts))
        self._point(place if 0 <= place < len(self._counts) and share >= 0 else -1)

    def leaveEvent(self, event: QEvent) -> None:
        """Tell of no bin."""
        self._point(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from bin to bin with the arrow keys; Esc points at none."""
        last = len(self._counts) - 1
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if last < 0 or (step is None and event.key() not in (Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Escape)):
            super().keyPressEvent(event)
        elif step is not None:
            # from the bin of zero, or of the middle
            start = min(last, max(0, bisect_right(self._edges, 0.0) - 1))
            self._point(start if self._bin < 0 else min(last, max(0, self._bin + step)))
        else:
            self._point({Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}.get(Qt.Key(event.key()), -1))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show it no longer."""
        self._point(-1)
        super().focusOutEvent(event)
