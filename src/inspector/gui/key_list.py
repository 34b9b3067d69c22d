"""What the colours over an image stand for: a list of classes or objects, linked with the image both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from inspector.gui import theme
from inspector.gui.tooltips import tooltip
from inspector.gui.tree_delegate import tabular

Index = QModelIndex | QPersistentModelIndex

_SWATCH = 12
_GAP = 8
_BAR_HEIGHT = 6
_LABEL_SHARE = 0.46
_ROW = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One row.

    Attributes
    ----------
    row
        Which of the predictions it is.
    share
        The length of its bar, 0 to 1; None for none.
    value
        The figure at its end.
    hidden
        Whether the person hid it.
    """

    row: int
    text: str
    value: str
    color: QColor
    share: float | None = None
    hidden: bool = False


class KeyModel(QAbstractListModel):
    """The rows of a `KeyList`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[KeyRow, ...] = ()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a row shows."""
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == _ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(row.text, row.value)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(filter(None, (row.text, row.value, "hidden" if row.hidden else "")))
        return None

    def show_rows(self, rows: tuple[KeyRow, ...]) -> None:
        """Show other rows; where only their looks changed, the place in the list is kept."""
        if [row.row for row in rows] == [row.row for row in self.rows]:
            if rows != self.rows:
                self.rows = rows
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()


class KeyList(QListView):
    """Rows of a colour, a name, a bar and a figure.

    Signals
    -------
    pointed
        The row of the prediction under the mouse, or reached by keys; -1 for none.
    pressed_row
        The row that was clicked, or on which Space or Return was pressed.
    """

    pointed = Signal(int)
    pressed_row = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.keys = KeyModel(self)
        self.setModel(self.keys)
        self._delegate = KeyDelegate(self)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QListView.SelectionMode.SingleSelection)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setAcceptDrops(False)
        self.viewport().setAcceptDrops(False)
        self._told = -1
        self._taking = False
        self.selectionModel().currentChanged.connect(lambda index, _: self._tell(self.row_of(index)))

    def show_rows(self, rows: Sequence[KeyRow]) -> None:
        """Show other rows."""
        self._taking = True
        self.keys.show_rows(tuple(rows))
        self._taking = False
        self.updateGeometry()

    def mark(self, pointed: int, selected: int) -> None:
        """Let the row that is pointed at in the image stand out, and bring the selected one into view."""
        self._told = pointed
        if self._delegate.marked != (pointed, selected):
            newly = selected != self._delegate.marked[1]
            self._delegate.marked = (pointed, selected)
            place = next(
                (at for at, row in enumerate(self.keys.rows) if row.row == (selected if newly else pointed)), -1
            )
            if place >= 0 and not self.viewport().underMouse():
                self.scrollTo(self.keys.index(place))
            self.viewport().update()

    def row_of(self, index: Index) -> int:
        """Return which of the predictions a row of the list is, -1 for none."""
        row = index.data(_ROW)
        return row.row if isinstance(row, KeyRow) else -1

    def _tell(self, row: int) -> None:
        if row != self._told and not self._taking:
            self._told = row
            self.pointed.emit(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell which row the mouse is on."""
        super().mouseMoveEvent(event)
        self._tell(self.row_of(self.indexAt(event.position().toPoint())))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell that a row was clicked."""
        super().mouseReleaseEvent(event)
        row = self.row_of(self.indexAt(event.position().toPoint()))
        if row >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.pressed_row.emit(row)

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that the mouse has left."""
        self._tell(-1)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press a row by Space or Return."""
        row = self.row_of(self.currentIndex())
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
            self.pressed_row.emit(row)
        else:
            super().keyPressEvent(event)

    def row_height(self) -> int:
        """Return the height of a row, in logical pixels."""
        return round(1.5 * self.fontMetrics().height())

    def sizeHint(self) -> QSize:
        """Return the size of all rows."""
        return QSize(220, max(1, self.keys.rowCount()) * self.row_height() + 2)

    def minimumSizeHint(self) -> QSize:
        """Return the size of a few rows."""
        return QSize(120, min(3, max(1, self.keys.rowCount())) * self.row_height() + 2)


class KeyDelegate(QStyledItemDelegate):
    """Paints the rows; ``marked`` are the one pointed at and the selected one."""

    def __init__(self, parent: KeyList) -> None:
        super().__init__(parent)
        self._list = parent
        self.marked = (-1, -1)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the one size of all rows."""
        return QSize(100, self._list.row_height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        row = index.data(_ROW)
        if not isinstance(row, KeyRow):
            return
        c, rect = theme.colors(), option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        pointed, selected = self.marked
        if row.row == selected or row.row == pointed:
            painter.setBrush(theme.qcolor(c.accent_soft if row.row == selected else c.hover))
            painter.drawRoundedRect(QRectF(rect), 5, 5)
        if focused:
            painter.setPen(QPen(theme.qcolor(c.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        self._paint_swatch(painter, QRectF(rect.left() + 6, rect.center().y() - 5.5, _SWATCH, _SWATCH), row)
        self._paint_words(painter, rect.adjusted(6 + _SWATCH + _GAP, 0, -6, 0), row)
        painter.restore()

    def _paint_swatch(self, painter: QPainter, place: QRectF, row: KeyRow) -> None:
        clear = row.hidden or row.color.alpha() == 0
        color = theme.qcolor(theme.colors().muted) if clear else row.color
        painter.setPen(QPen(color, 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush if clear else row.color)
        painter.drawRoundedRect(place.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def _paint_words(self, painter: QPainter, room: QRect, row: KeyRow) -> None:
        c = theme.colors()
        painter.setFont(tabular(self._list.font()))
        metrics = painter.fontMetrics()
        value = max(metrics.horizontalAdvance(other.value) for other in self._list.keys.rows)
        left = room.width() - value - _GAP
        label = round(left * _LABEL_SHARE) if row.share is not None else left
        painter.setPen(theme.qcolor(c.muted if row.hidden else c.text))
        one_line = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        text = " ".join(row.text[:300].split())
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, label)
        painter.drawText(QRect(room.left(), room.top(), label, room.height()), one_line, shown)
        painter.drawText(room, one_line | Qt.AlignmentFlag.AlignRight, row.value)
        if row.share is not None:
            track = QRectF(room.left() + label + _GAP, room.center().y() - 2.5, left - label - _GAP, _BAR_HEIGHT)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.qcolor(c.track))
            painter.drawRoundedRect(track, _BAR_HEIGHT / 2, _BAR_HEIGHT / 2)
            clear = row.hidden or row.color.alpha() == 0
            painter.setBrush(theme.qcolor(c.muted) if clear else row.color)
            track.setWidth(max(2.0, row.share * track.width()))
            painter.drawRoundedRect(track, _BAR_HEIGHT / 2, _BAR_HEIGHT / 2)
