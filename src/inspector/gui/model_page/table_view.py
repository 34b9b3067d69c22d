"""The table over all tensors, as it is painted and as a person acts on it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from inspector.gui import icons, theme
from inspector.gui.model_page.name_column import ARROW_ABOVE, NameColumn
from inspector.gui.model_page.rows import COUNTS, FIELDS, Column
from inspector.gui.model_page.table_model import HEADER, MARK, TENSOR, TONE, TensorTableModel, _Index
from inspector.gui.row_histogram import WIDTH, paint_row_histogram
from inspector.gui.row_tables import set_up_rows
from inspector.gui.tensor_marks import Mark
from inspector.gui.tree_delegate import draw_text, row_height, tabular

_PADDING = 8
_SIGN = 14
_LARGEST_SAMPLE = 80
#: The widest a name or a shape may make its column, in logical pixels.
_WIDEST = {Column.NAME: 196, Column.SHAPE: 150}


class TensorTableDelegate(QStyledItemDelegate):
    """Paints the cells: numbers, and the small distribution."""

    def __init__(self, model: TensorTableModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Paint one cell."""
        c = theme.colors()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, theme.qcolor(c.accent_soft))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, theme.qcolor(c.hover))
        room = option.rect.adjusted(_PADDING, 0, -_PADDING, 0)
        tensor, figures = index.data(TENSOR), self._model.figures
        if tensor is None:
            return
        if index.column() == Column.VALUES:
            if figures is not None and figures.known[tensor] == 1:
                paint_row_histogram(painter, room, figures, tensor, c.muted)
            return
        color = {"quiet": c.muted, "alarm": c.danger, "note": c.warning}.get(index.data(TONE), c.text)
        side = Qt.AlignmentFlag.AlignRight if index.column() in FIELDS else Qt.AlignmentFlag.AlignLeft
        if index.column() == Column.NAME:
            room = _paint_mark(painter, room, index.data(MARK))
        # the end of a name tells more than its beginning
        elide = Qt.TextElideMode.ElideLeft if index.column() == Column.NAME else Qt.TextElideMode.ElideRight
        draw_text(painter, tabular(option.font), color, " ".join(str(index.data()).split()), room, side, elide)


def _paint_mark(painter: QPainter, room: QRect, mark: Mark) -> QRect:
    """Paint that something is wrong with a tensor at the right end of its name; return the room that is left."""
    if mark < Mark.NOTABLE:
        return room
    c = theme.colors()
    color = c.danger if mark == Mark.SERIOUS else c.warning
    sign = icons.pixmap("warning", color, _SIGN, painter.device().devicePixelRatio())
    painter.drawPixmap(room.right() - _SIGN + 1, room.center().y() - _SIGN // 2, sign)
    return room.adjusted(0, 0, -_SIGN - 4, 0)


class TensorTable(QTableView):
    """Shows a `TensorTableModel`; its cost is that of the rows on the screen.

    Signals
    -------
    tensor_selected
        The tensor of the current row, when the person chose another one.
    opened
        That tensor is to be shown by itself: Enter or a double click.
    copy_pressed
        The keys that copy.
    """

    tensor_selected = Signal(int)
    opened = Signal()
    copy_pressed = Signal()

    def __init__(self, model: TensorTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._told = -1
        self.setModel(model)
        self.setItemDelegate(TensorTableDelegate(model, self))
        self._set_up()
        self.names = NameColumn(self)
        self.selectionModel().currentRowChanged.connect(self._tell_selected)
        self.doubleClicked.connect(lambda _: self.opened.emit())
        model.modelReset.connect(lambda: self.select(self._told))

    def _set_up(self) -> None:
        self.setAccessibleName("All tensors")
        self.setAccessibleDescription("Figures of every tensor; a column's title sorts by it, Enter shows the tensor")
        set_up_rows(self, row_height(self.fontMetrics()))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        columns = self.horizontalHeader()
        self._fit_rows()
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        columns.setSectionsMovable(True)
        columns.setFirstSectionMovable(False)
        columns.setMinimumSectionSize(44)
        columns.setSortIndicatorClearable(True)
        columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        theme.dress(columns, ARROW_ABOVE)
        self.setSortingEnabled(True)

    def _fit_rows(self) -> None:
        header, height = self.verticalHeader(), row_height(self.fontMetrics())
        header.setMinimumSectionSize(height)
        header.setDefaultSectionSize(height)

    def fit_columns(self) -> None:
        """Give every column the width of what it is likely to hold."""
        summary = self._model.summary
        if summary is None:
            return
        metrics, title = QFontMetrics(tabular(self.font())), QFontMetrics(self.horizontalHeader().font())
        sample = range(0, len(summary), max(1, len(summary) // _LARGEST_SAMPLE))
        for column in Column:
            texts = [self._model.text(tensor, column) for tensor in sample]
            widest = max(map(metrics.horizontalAdvance, [*texts, _usual(column)]))
            widest = WIDTH if column == Column.VALUES else widest
            widest = min(widest, _WIDEST.get(column, widest))
            least = title.horizontalAdvance(HEADER[column])
            self.setColumnWidth(column, max(widest, least) + 2 * _PADDING + 3)

    # -- selection ---------------------------------------------------------------------------------------------

    def select(self, tensor: int) -> None:
        """Select a tensor's row, without telling of it, and bring it into view where it is shown."""
        self._told = tensor
        index = self._model.index_of(tensor)
        if not index.isValid():
            self.selectionModel().clear()
        elif index.row() != self.currentIndex().row():
            self.setCurrentIndex(index.siblingAtColumn(max(0, self.currentIndex().column())))

    def _tell_selected(self) -> None:
        tensor = self._model.tensor_at(self.currentIndex())
        if tensor >= 0 and tensor != self._told:
            self._told = tensor
            self.tensor_selected.emit(tensor)

    def chosen_tensors(self) -> list[int]:
        """Return the tensors of the selected rows, in the order they are shown."""
        ranges = sorted((found.top(), found.bottom()) for found in self.selectionModel().selection().toList())
        rows = dict.fromkeys(row for top, bottom in ranges for row in range(top, bottom + 1))
        return [self._model.shown[row] for row in rows]

    # -- keys and fonts ----------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy, and show the tensor by Enter; the rest is Qt's."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_pressed.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def updateGeometries(self) -> None:
        """Keep the names over their column."""
        super().updateGeometries()
        if hasattr(self, "names"):
            self.names.place()

    def changeEvent(self, event: QEvent) -> None:
        """Take the height of a new font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit_rows()


def _usual(column: Column) -> str:
    """Return as wide a text as a figure has at least, before any is known."""
    return "888" if column in COUNTS else "−8.8888" if column in FIELDS else ""
