"""The table of two checkpoints' tensors: a bar for how much each changed, and a row that is looked at closely."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from inspector.export.tables import tab_text
from inspector.gui import theme
from inspector.gui.comparison_page.rows_model import BAR, HEADER, ROW, Column, ComparisonModel
from inspector.gui.row_tables import set_up_rows
from inspector.gui.slices import Slices, Work
from inspector.gui.tree_delegate import draw_text, row_height, tabular
from inspector.session import words
from inspector.session.comparison_state import ComparisonRow

_PADDING = 8
_BAR_HEIGHT = 6
_FIGURE = 62  # logical pixels of the figure beside a bar
_WIDTHS = {Column.CHANGE: 142, Column.MAX_ABS: 82, Column.COSINE: 80, Column.SHAPE: 190}
_LEAST_NAME = 170
#: Rows that are copied at the most.
_MOST_COPIED = 50_000
#: So many of them at a time.
_SLICE = 256


class ComparisonDelegate(QStyledItemDelegate):
    """Paints the cells."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint one cell."""
        row = index.data(ROW)
        if not isinstance(row, ComparisonRow):
            return
        c, column = theme.colors(), Column(index.column())
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, theme.qcolor(c.accent_soft))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, theme.qcolor(c.hover))
        room = option.rect.adjusted(_PADDING, 0, -_PADDING, 0)
        text, color = str(index.data()), _color(row, column)
        if column == Column.CHANGE and row.kind == "changed":
            self._paint_bar(painter, room, index.data(BAR), broken=bool(row.not_finite))
            draw_text(
                painter, tabular(option.font), color, text, room.adjusted(room.width() - _FIGURE, 0, 0, 0), _RIGHT
            )
        elif column == Column.NAME:
            _draw_name(painter, option, color, text, room)
        else:
            side = _RIGHT if column in (Column.MAX_ABS, Column.COSINE) else Qt.AlignmentFlag.AlignLeft
            draw_text(painter, tabular(option.font), color, text, room, side)
        painter.restore()

    def _paint_bar(self, painter: QPainter, room: QRect, share: float, *, broken: bool) -> None:
        c = theme.colors()
        width = room.width() - _FIGURE - 6
        track = QRectF(room.left(), room.center().y() - _BAR_HEIGHT / 2 + 1, width, _BAR_HEIGHT)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.qcolor(c.track))
        painter.drawRoundedRect(track, 3, 3)
        painter.setBrush(theme.qcolor(c.danger if broken else c.accent))
        painter.drawRoundedRect(QRectF(track.left(), track.top(), width * share, _BAR_HEIGHT), 3, 3)


_RIGHT = Qt.AlignmentFlag.AlignRight


def _draw_name(painter: QPainter, option: QStyleOptionViewItem, color: str, text: str, room: QRect) -> None:
    """Draw a name, shortened in its middle: its end tells most."""
    shown = option.fontMetrics.elidedText(" ".join(text.split()), Qt.TextElideMode.ElideMiddle, room.width())
    draw_text(painter, option.font, color, shown, room)


def _color(row: ComparisonRow, column: Column) -> str:
    c = theme.colors()
    if row.not_finite and column not in (Column.NAME, Column.SHAPE):
        return c.danger
    if column == Column.CHANGE and row.kind in ("shape", "unread"):
        return c.warning
    quiet = column in (Column.SHAPE, Column.COSINE) or row.kind == "equal" or column == Column.CHANGE
    return c.muted if quiet and (row.kind != "changed" or column in (Column.SHAPE, Column.COSINE)) else c.text


class ComparisonTable(QTableView):
    """Shows a `ComparisonModel`.

    Signals
    -------
    row_selected
        Another row is the current one: its number among all rows.
    opened
        The current row is to be shown by itself.
    """

    row_selected = Signal(int)
    opened = Signal()

    def __init__(self, model: ComparisonModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._copying, self._copied = Slices(self), model.rows
        self.setModel(model)
        self.setItemDelegate(ComparisonDelegate(self))
        self._set_up()
        self._told = -1
        self.selectionModel().currentRowChanged.connect(lambda _: self._tell())
        model.modelReset.connect(self._select_again)
        self.doubleClicked.connect(lambda _: self.opened.emit())

    def _set_up(self) -> None:
        self.setAccessibleName("Tensors of both checkpoints")
        self.setAccessibleDescription("What became of each; a column's title sorts by it")
        set_up_rows(self, row_height(self.fontMetrics()))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        columns = self.horizontalHeader()
        columns.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        columns.setSortIndicatorClearable(True)
        columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        for column, width in _WIDTHS.items():
            self.setColumnWidth(column, width)
        self.setSortingEnabled(True)

    @property
    def selected(self) -> int:
        """The number of the current row among all rows, -1 for none."""
        place = self.currentIndex().row()
        return self._model.shown[place] if 0 <= place < len(self._model.shown) else -1

    def _tell(self) -> None:
        if self.selected >= 0 and self.selected != self._told:
            self._told = self.selected
            self.row_selected.emit(self._told)

    def _select_again(self) -> None:
        """Select what was selected before rows were chosen or put in order anew, where it is still shown."""
        if self._model.rows is not self._copied:
            self._copying.stop()  # they are not there any more
        if self._told in self._model.shown:
            self.setCurrentIndex(self._model.index(self._model.shown.index(self._told), 0))

    def select_first(self) -> None:
        """Make the first row the current one, of other rows than before."""
        self._told = -1
        self.selectionModel().clear()
        if self._model.rowCount():
            self.setCurrentIndex(self._model.index(0, 0))

    @property
    def is_copying(self) -> bool:
        """Whether rows are on their way into the clipboard."""
        return self._copying.is_busy

    def copy_rows(self) -> None:
        """Put the shown rows into the clipboard, for a spreadsheet; many take a moment."""
        self._copied = self._model.rows
        self._copying.begin(self._lines(), QGuiApplication.clipboard().setText)

    def _lines(self) -> Work[str]:
        model, shown = self._model, self._model.shown[:_MOST_COPIED]
        rows, lines = model.rows, [tab_text(HEADER, ())]
        for first in range(0, len(shown), _SLICE):
            part = tab_text((), [model.texts(rows.row(row)) for row in shown[first : first + _SLICE]])
            lines.append(part.removeprefix("\n"))
            yield
        return "".join(lines).replace(words.THIN, " ")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy by key, open with Enter; the rest is Qt's."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_rows()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the columns that leave room for names; the less telling ones go first."""
        super().resizeEvent(event)
        room = self.viewport().width() - _LEAST_NAME
        for column in (Column.CHANGE, Column.MAX_ABS, Column.COSINE, Column.SHAPE):
            room -= _WIDTHS[column]
            self.setColumnHidden(column, room < 0 and column != Column.CHANGE)
