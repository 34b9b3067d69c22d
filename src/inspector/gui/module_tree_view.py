"""The tree view of a checkpoint's modules: rows in the theme's look, expanded in slices that block nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QHoverEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyleOptionViewItem, QTreeView, QWidget

from inspector.gui import icons, theme
from inspector.gui.module_tree_cells import Column, Role
from inspector.gui.module_tree_model import Index, ModuleTreeModel
from inspector.gui.tree_delegate import GAP, ICON, PADDING, TreeDelegate, detail_font, draw_text, tabular
from inspector.session import words
from inspector.session.state import MatchReport

#: One slice of expanding: this long, or this many new rows, which the view lays out at 3 µs each.
_SLICE_SECONDS = 0.006
_SLICE_ROWS = 1_500
#: The name keeps this many pixels; other columns are hidden for it, the least needed first.
_LEAST_NAME = 156
_HIDDEN_FIRST = (Column.SIZE, Column.DTYPE, Column.SHAPE)
_CHEVRON = 12
#: Pixels below which the words after a name are left out.
_LEAST_DETAIL = 24
_LARGEST_SAMPLE = 2_000


class ModuleTreeView(QTreeView):
    """Shows a `ModuleTreeModel`.

    Attributes
    ----------
    typed
        Text typed while the tree has the focus.
    """

    typed = Signal(str)

    def __init__(self, model: ModuleTreeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._hovered = -1
        self._pending: Iterator[int] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._expand_slice)
        self._has_match = False
        self._widths: dict[Column, int] = {}
        self.message = ""
        self.setItemDelegate(TreeDelegate(self))
        self.setModel(model)
        model.modelAboutToBeReset.connect(self._stop_expanding)
        self._set_up()

    def _set_up(self) -> None:
        self.setUniformRowHeights(True)
        self.setIndentation(16)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setAllColumnsShowFocus(True)
        self.setExpandsOnDoubleClick(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        header = self.header()
        header.setSectionsMovable(False)
        header.setSectionsClickable(False)
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(40)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)

    # -- columns -----------------------------------------------------------------------------------------------

    def fit_columns(self, report: MatchReport | None, *, has_match: bool) -> None:
        """Give every column but the name the width of its widest text.

        Parameters
        ----------
        has_match
            Whether the match column is shown, be there a report already or not.
        """
        self._has_match = has_match
        metrics = QFontMetrics(tabular(self.font()))
        title = QFontMetrics(self.header().font())
        for column, texts in self._widest_texts(report).items():
            widest = max((metrics.horizontalAdvance(text) for text in texts), default=0)
            least = title.horizontalAdvance(str(self._model.headerData(column, Qt.Orientation.Horizontal)))
            limit = 160 if column == Column.SHAPE else 400
            # a text that just fits is elided all the same where its width was rounded down
            self._widths[column] = min(limit, max(widest, least)) + 2 * PADDING + 3
            self.setColumnWidth(column, self._widths[column])
        self._hide_columns()

    def _widest_texts(self, report: MatchReport | None) -> dict[Column, list[str]]:
        summary = self._model.summary
        if summary is None:
            return {}
        step = max(1, len(summary) // _LARGEST_SAMPLE)
        shapes = [words.shape_text(summary.shape(tensor)) for tensor in range(0, len(summary), step)]
        matches = ["all"]
        if report is not None and (report.unexpected or report.mismatched):
            total = words.number(len(report.marks))
            matches += [f"{total} of {total}", *(["unexpected"] if report.unexpected else [])]
        return {
            Column.SHAPE: sorted(shapes, key=len)[-20:],
            Column.DTYPE: [summary.dtype(summary.dtypes.index(code)) for code in set(summary.dtypes)],
            Column.PARAMETERS: [words.number(max(summary.parameters, default=0))],
            Column.SIZE: [words.size(summary.nbytes[0]), "888.8 MB"],
            Column.MATCH: matches,
        }

    def _hide_columns(self) -> None:
        shown: list[Column] = [column for column in self._widths if column != Column.MATCH or self._has_match]
        room = self.viewport().width() - sum(map(self._width, shown))
        for least_needed in _HIDDEN_FIRST:
            if room < _LEAST_NAME and least_needed in shown:
                room += self._width(least_needed)
                shown.remove(least_needed)
        for column in self._widths:
            if self.isColumnHidden(column) != (column not in shown):
                self.setColumnHidden(column, column not in shown)

    def _width(self, column: Column) -> int:
        """Return a column's width; a hidden one has none, so what it was given is kept."""
        return self._widths[column] if self.isColumnHidden(column) else self.columnWidth(column)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the columns that the new width has room for."""
        super().resizeEvent(event)
        self._hide_columns()

    # -- expanding ---------------------------------------------------------------------------------------------

    def expand_nodes(self, nodes: Iterable[int]) -> None:
        """Expand nodes, each given before what lies in it: at once as far as that is quick, then in slices."""
        self._pending = iter(nodes)
        self._timer.start()
        self._expand_slice()

    @property
    def is_expanding(self) -> bool:
        """Whether nodes still wait to be expanded."""
        return self._timer.isActive()

    def expand_all(self) -> None:
        """Expand everything that is shown."""
        self.expand_nodes(self._model.branches())

    def collapse_all(self) -> None:
        """Collapse everything but the top row."""
        self._stop_expanding()
        self.collapseAll()
        self.expand(self._model.index(0, 0))

    def _expand_slice(self) -> None:
        deadline, rows = time.monotonic() + _SLICE_SECONDS, 0
        while self._pending is not None and rows < _SLICE_ROWS and time.monotonic() < deadline:
            node = next(self._pending, -1)
            if node < 0:
                self._stop_expanding()
                return
            index = self._model.index_of(node)
            if index.isValid() and not self.isExpanded(index):
                rows += self._model.rowCount(index)
                self.expand(index)

    def _stop_expanding(self) -> None:
        self._pending = None
        self._timer.stop()

    # -- keys --------------------------------------------------------------------------------------------------

    def keyboardSearch(self, search: str) -> None:
        """Hand typed text to the search field: it finds more than the beginnings of visible rows."""
        self.typed.emit(search)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Expand and collapse with Enter, everything with the asterisk."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            index = self.currentIndex().siblingAtColumn(Column.NAME)
            self.setExpanded(index, not self.isExpanded(index))
            self.activated.emit(index)
        elif event.key() == Qt.Key.Key_Asterisk:
            self.expand_all()
        else:
            super().keyPressEvent(event)

    # -- painting ----------------------------------------------------------------------------------------------

    def viewportEvent(self, event: QEvent) -> bool:
        """Keep the row under the pointer."""
        if isinstance(event, QHoverEvent):
            left = event.type() == QEvent.Type.HoverLeave
            self._hovered = -1 if left else self._model.node(self.indexAt(event.position().toPoint()))
        return super().viewportEvent(event)

    def drawRow(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row, its background over the whole width."""
        node, c = self._model.node(index), theme.colors()
        row = QRect(0, option.rect.top(), self.viewport().width(), option.rect.height())
        if self.selectionModel().isRowSelected(index.row(), index.parent()):
            painter.fillRect(row, theme.qcolor(c.accent_soft))
        elif node == self._hovered:
            painter.fillRect(row, theme.qcolor(c.hover))
        super().drawRow(painter, option, index)
        self._draw_name(painter, index)
        if (
            self.hasFocus()
            and index.row() == self.currentIndex().row()
            and node == self._model.node(self.currentIndex())
        ):
            painter.setPen(theme.qcolor(c.accent))
            painter.drawRect(row.adjusted(0, 0, -1, -1))

    def _draw_name(self, painter: QPainter, index: Index) -> None:
        """Paint a name and the words after it, over the cells to their right as far as those are empty."""
        cell, c = self._model.index_of(self._model.node(index)), theme.colors()
        room = self.visualRect(cell).adjusted(ICON + GAP, 0, -PADDING, 0)
        for column in self._widths:
            if cell.siblingAtColumn(column).data() and not self.isColumnHidden(column):
                break
            room.setRight(room.right() + self.columnWidth(column))
        used = draw_text(painter, self.font(), c.text, str(cell.data()), room)
        detail = cell.data(Role.DETAIL)
        room.setLeft(room.left() + used + GAP)
        if detail and room.width() >= _LEAST_DETAIL:
            draw_text(painter, detail_font(self.font()), c.muted, str(detail), room)

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:
        """Paint the arrow of a row that can be expanded."""
        if not self._model.hasChildren(index):
            return
        name = "chevron-down" if self.isExpanded(self._model.index_of(self._model.node(index))) else "chevron-right"
        ratio = painter.device().devicePixelRatio()
        left = rect.right() + 1 - self.indentation() + (self.indentation() - _CHEVRON) // 2
        top = rect.top() + (rect.height() - _CHEVRON) // 2
        painter.drawPixmap(QPoint(left, top), icons.pixmap(name, theme.colors().muted, _CHEVRON, ratio))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows, or the message where there are none."""
        super().paintEvent(event)
        if self.message and self._model.rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(theme.qcolor(theme.colors().muted))
            room = self.viewport().rect().adjusted(24, 32, -24, -24)
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(room, flags, self.message)
            painter.end()
