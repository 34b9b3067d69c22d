"""A confusion matrix, painted: true classes down, predicted ones across; a cell tells its count and filters by it."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.gui import theme
from inspector.gui.drawn_widget import DrawnWidget
from inspector.gui.tree_delegate import tabular
from inspector.session import words
from inspector.session.accuracy import OTHERS, Accuracy

_LARGEST_CELL, _READABLE = 44, 15  # logical pixels: a cell, and the least for a class's name beside it
_MOST_NAME = 120
_GAP = 8
_TITLE = 20
_ARROWS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


class ConfusionView(DrawnWidget):
    """Paints an `Accuracy`'s counts. The arrow keys walk its cells, Enter chooses one.

    Signals
    -------
    pointed
        What the cell under the pointer holds, in words; empty for none.
    chosen
        The true and the predicted class of a cell with images in it, and both in words.
    """

    pointed = Signal(str)
    chosen = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found = Accuracy()
        self._cell: tuple[int, int] | None = None  # row and column under the pointer
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Confusion matrix")
        self.setToolTip("")

    def show_accuracy(self, found: Accuracy) -> None:
        """Show other counts."""
        self._found = found
        self._point(None)
        self.setAccessibleDescription(f"{words.plural(len(found.shown), 'class', 'classes')}, true by predicted")
        self.update()

    def label(self, index: int) -> str:
        """Return a class's name."""
        return "other classes" if index == OTHERS else self._found.labels.get(index, f"class {index}")

    # -- layout ------------------------------------------------------------------------------------------------

    def _names_font(self) -> QFont:
        return theme.scaled_font(0.86)

    def _frame(self) -> tuple[QPoint, int]:
        """Return where the first cell is and how large a cell is, in logical pixels."""
        count = max(1, len(self._found.shown))
        metrics = QFontMetrics(self._names_font())
        widest = max((metrics.horizontalAdvance(self.label(index)) for index in self._found.shown), default=0)
        name = min(_MOST_NAME, widest)
        left, top = name + _TITLE + _GAP, min(name, 90) + _TITLE + _GAP
        side = min((self.width() - left - 4) // count, (self.height() - top - 4) // count)
        if side < _READABLE:  # no room for names: it is told by the pointer
            left = top = _TITLE + _GAP
            side = min((self.width() - left - 4) // count, (self.height() - top - 4) // count)
        return QPoint(left, top), max(2, min(side, _LARGEST_CELL))

    def cell_rect(self, row: int, column: int) -> QRect:
        """Return where a cell is painted."""
        corner, side = self._frame()
        return QRect(corner.x() + column * side, corner.y() + row * side, side, side)

    def _cell_at(self, place: QPoint) -> tuple[int, int] | None:
        corner, side = self._frame()
        column, row = (place.x() - corner.x()) // side, (place.y() - corner.y()) // side
        count = len(self._found.shown)
        return (row, column) if 0 <= row < count and 0 <= column < count else None

    def sizeHint(self) -> QSize:
        """Return a size in which a few classes are readable."""
        return QSize(440, 420)

    def minimumSizeHint(self) -> QSize:
        """Return a size in which the matrix can be made out."""
        return QSize(160, 160)

    # -- painting ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cells that have images, the names, and the frame of the one that is pointed at."""
        painter, c = QPainter(self), theme.colors()
        corner, side = self._frame()
        shown = self._found.shown
        edge = side * len(shown)
        painter.fillRect(QRect(corner, QSize(edge, edge)), theme.qcolor(c.hover))
        places = {index: place for place, index in enumerate(shown)}
        most = max(self._found.counts.values(), default=1)
        gap = 1 if side > 4 else 0
        painter.setFont(tabular(self._names_font()))
        for (truth, predicted), count in self._found.counts.items():
            cell = self.cell_rect(places[truth], places[predicted]).adjusted(0, 0, -gap, -gap)
            strength = 0.25 + 0.75 * math.sqrt(count / most)
            painter.setOpacity(strength)
            is_right = truth == predicted and truth != OTHERS
            painter.fillRect(cell, theme.qcolor(c.accent if is_right else c.danger))
            painter.setOpacity(1.0)
            if side >= 22:
                painter.setPen(theme.qcolor(c.accent_text if strength > 0.6 else c.text))
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, words.short_number(count))
        self._paint_names(painter, corner, side, edge)
        if self._cell is not None:
            painter.setPen(theme.qcolor(c.text))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell_rect(*self._cell).adjusted(-1, -1, 0, 0))
        self.paint_focus(painter)

    def _paint_names(self, painter: QPainter, corner: QPoint, side: int, edge: int) -> None:
        c = theme.colors()
        painter.setPen(theme.qcolor(c.muted))
        painter.setFont(theme.scaled_font(0.86, bold=True))
        across = QRect(corner.x(), 0, max(edge, 80), _TITLE)
        painter.drawText(across, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "Predicted")
        painter.save()
        painter.translate(_TITLE / 2, corner.y())
        painter.rotate(-90)
        room = QRectF(-max(edge, 80), -_TITLE / 2, max(edge, 80), _TITLE)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "True")
        painter.restore()
        if side < _READABLE:
            return
        painter.setFont(self._names_font())
        metrics = painter.fontMetrics()
        wide, high = corner.x() - _TITLE - _GAP, corner.y() - _TITLE - _GAP
        for place, index in enumerate(self._found.shown):
            name = " ".join(self.label(index).split())
            row = QRect(_TITLE, corner.y() + place * side, wide, side)
            elided = metrics.elidedText(name, Qt.TextElideMode.ElideRight, wide)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, elided)
            painter.save()
            painter.translate(corner.x() + place * side + side / 2, corner.y() - _GAP / 2)
            painter.rotate(-90)
            elided = metrics.elidedText(name, Qt.TextElideMode.ElideRight, high)
            painter.drawText(QRectF(0, -side / 2, high, side), Qt.AlignmentFlag.AlignVCenter, elided)
            painter.restore()

    # -- pointing ----------------------------------------------------------------------------------------------

    def _point(self, cell: tuple[int, int] | None) -> None:
        self._cell = cell
        self.pointed.emit(self._words(*cell) if cell is not None else "")
        self.update()

    def _words(self, row: int, column: int) -> str:
        truth, predicted = self._found.shown[row], self._found.shown[column]
        count = self._found.counts.get((truth, predicted), 0)
        images = words.plural(count, "image")
        if truth == predicted and truth != OTHERS:
            return f"{images} of {self.label(truth)}, predicted right"
        return f"{images} of {self.label(truth)}, predicted {self.label(predicted)}"

    def _choose(self) -> None:
        if self._cell is None:
            return
        truth, predicted = (self._found.shown[place] for place in self._cell)
        if OTHERS not in (truth, predicted) and (truth, predicted) in self._found.counts:
            self.chosen.emit((truth, predicted), f"{self.label(truth)} as {self.label(predicted)}")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell of the cell under the pointer."""
        cell = self._cell_at(event.position().toPoint())
        if cell != self._cell:
            self._point(cell)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the cell under the pointer."""
        self._point(self._cell_at(event.position().toPoint()))
        self._choose()

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        if not self.hasFocus():
            self._point(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk by the arrow keys, choose with Enter."""
        step = _ARROWS.get(Qt.Key(event.key()))
        count = len(self._found.shown)
        if step is not None and count:
            row, column = self._cell or (0, 0)
            moved = (row + step[0], column + step[1]) if self._cell is not None else (0, 0)
            self._point((min(max(moved[0], 0), count - 1), min(max(moved[1], 0), count - 1)))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose()
        else:
            super().keyPressEvent(event)
