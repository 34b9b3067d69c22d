"""The view of a checkpoint's module tree: a table of the shown rows, which looks and behaves as a tree does."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QHoverEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QStyleOptionViewItem, QTableView, QWidget

from inspector.gui import icons, theme
from inspector.gui.module_tree_cells import Column, Role
from inspector.gui.module_tree_model import ModuleTreeModel
from inspector.gui.row_histogram import WIDTH
from inspector.gui.tensor_marks import Mark
from inspector.gui.tree_delegate import GAP, ICON, PADDING, TreeDelegate, detail_font, draw_text, row_height, tabular
from inspector.session import words
from inspector.session.match_state import MatchReport

#: The name keeps this many pixels; other columns are hidden for it, the least needed first.
_LEAST_NAME = 156
_HIDDEN_FIRST = (Column.SIZE, Column.DTYPE, Column.SHAPE, Column.VALUES)
_CHEVRON = 12
_INDENT = 12
#: Pixels below which the words after a name are left out.
_LEAST_DETAIL = 24
_LARGEST_SAMPLE = 500


class ModuleTreeView(QTableView):
    """Shows a `ModuleTreeModel`. Its cost is that of the rows on the screen.

    Attributes
    ----------
    typed
        Text typed while the tree has the focus.
    expand_all_requested
        The asterisk was pressed.
    values_toggled
        The person wants the small distributions, or does not want them.
    """

    typed = Signal(str)
    expand_all_requested = Signal()
    values_toggled = Signal(bool)

    def __init__(self, model: ModuleTreeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._hovered = -1
        self._has_match = self._has_values = False
        self.wants_values = True
        self._widths: dict[Column, int] = {}
        self.message = ""
        self.setItemDelegate(TreeDelegate(self))
        self.setModel(model)
        self._set_up()

    def _set_up(self) -> None:
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        self._set_up_viewport()
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._fit_rows()
        header = self.horizontalHeader()
        header.setSectionsMovable(False)
        header.setSectionsClickable(False)
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(40)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._offer_columns)

    def _set_up_viewport(self) -> None:
        """Paint on a widget that Python knows: to tell what Qt's own is, it makes every class of widgets, in 7 ms."""
        viewport = QWidget()
        viewport.setBackgroundRole(QPalette.ColorRole.Base)
        viewport.setAutoFillBackground(True)
        viewport.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setViewport(viewport)

    def _fit_rows(self) -> None:
        """Give all rows the one height that the font needs."""
        header, height = self.verticalHeader(), row_height(self.fontMetrics())
        header.setMinimumSectionSize(height)
        header.setDefaultSectionSize(height)

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return QSize(120, 80)

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
        title = QFontMetrics(self.horizontalHeader().font())
        for column, texts in self._widest_texts(report).items():
            widest = max((metrics.horizontalAdvance(text) for text in texts), default=0)
            least = title.horizontalAdvance(str(self._model.headerData(column, Qt.Orientation.Horizontal)))
            limit = 160 if column == Column.SHAPE else 400
            # a text that just fits is elided all the same where its width was rounded down
            widest = max(widest, WIDTH if column == Column.VALUES else 0)
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
            Column.PARAMETERS: [words.number(summary.parameters[0])],
            Column.SIZE: [words.size(summary.nbytes[0]), "888.8 MB"],
            Column.VALUES: [],
            Column.MATCH: matches,
        }

    def _hide_columns(self) -> None:
        wanted = {Column.MATCH: self._has_match, Column.VALUES: self._has_values and self.wants_values}
        shown: list[Column] = [column for column in self._widths if wanted.get(column, True)]
        room = self.viewport().width() - sum(map(self._width, shown))
        for least_needed in _HIDDEN_FIRST:
            if room < _LEAST_NAME and least_needed in shown:
                room += self._width(least_needed)
                shown.remove(least_needed)
        for column in self._widths:
            if self.isColumnHidden(column) != (column not in shown):
                self.setColumnHidden(column, column not in shown)

    def show_values(self, *, known: bool) -> None:
        """Show the column of the small distributions, once any is known and unless the person does not want it."""
        self._has_values = known
        self._hide_columns()

    def columns_menu(self) -> QMenu:
        """Return the menu that hides the small distributions, or shows them."""
        menu = QMenu(self)
        action = menu.addAction("Small distributions")
        action.setCheckable(True)
        action.setChecked(self.wants_values)
        action.toggled.connect(self._want_values)
        return menu

    def _offer_columns(self, place: QPoint) -> None:
        menu = self.columns_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.horizontalHeader().mapToGlobal(place))

    def _want_values(self, wanted: bool) -> None:
        self.wants_values = wanted
        self._hide_columns()
        self.values_toggled.emit(wanted)

    def _width(self, column: Column) -> int:
        """Return a column's width; a hidden one has none, so what it was given is kept."""
        return self._widths[column] if self.isColumnHidden(column) else self.columnWidth(column)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the columns that the new width has room for."""
        super().resizeEvent(event)
        self._hide_columns()

    # -- rows --------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Take in at once how many rows there are, so that it can be scrolled to any of them."""
        self.executeDelayedItemsLayout()
        self.updateGeometries()

    def set_expanded(self, row: int, expanded: bool) -> None:
        """Expand or collapse a row; what is selected below a collapsed row gives way to that row."""
        rows, current = self._model.rows, self.currentIndex().row()
        if rows is not None and not expanded and row < current <= row + rows.span(row):
            self.setCurrentIndex(self._model.index(row, Column.NAME))
        self._model.set_expanded(row, expanded)

    def _toggle(self, row: int) -> None:
        if row >= 0:
            self.set_expanded(row, not self._model.is_expanded(self._node(row)))

    def _node(self, row: int) -> int:
        return self._model.node(self._model.index(row, Column.NAME))

    def _arrow(self, row: int) -> QRect:
        """Return where the arrow of a row is, in the viewport."""
        node, rows = self._node(row), self._model.rows
        left = self._left(node) - _INDENT if rows is not None else 0
        return QRect(left, self.rowViewportPosition(row), _INDENT, self.rowHeight(row))

    def _left(self, node: int) -> int:
        """Return where a node's icon begins, in the viewport."""
        assert self._model.rows is not None
        return self.columnViewportPosition(Column.NAME) + _INDENT * (self._model.rows.depth(node) + 1)

    # -- mouse and keys ----------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Expand and collapse with the arrow; select anywhere else."""
        place = event.position().toPoint()
        row = self.rowAt(place.y())
        on_arrow = row >= 0 and self._arrow(row).contains(place)
        if event.button() == Qt.MouseButton.LeftButton and on_arrow and self._can_expand(row):
            self._toggle(row)
        else:
            super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Expand and collapse with a double click; on the arrow it is the second of two clicks."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._toggle(self.rowAt(int(event.position().y())))

    def _can_expand(self, row: int) -> bool:
        return self._model.has_children(self._node(row))

    def keyboardSearch(self, search: str) -> None:
        """Hand typed text to the search field: it finds more than the beginnings of visible rows."""
        self.typed.emit(search)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move and expand as in any tree; everything is expanded with the asterisk."""
        key, row = event.key(), self.currentIndex().row()
        if event.matches(QKeySequence.StandardKey.Copy):
            event.ignore()  # the panel copies the whole name, not the cell's text
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._toggle(row)
            self.activated.emit(self._model.index(row, Column.NAME))
        elif key == Qt.Key.Key_Asterisk:
            self.expand_all_requested.emit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus) and row >= 0:
            self.set_expanded(row, key == Qt.Key.Key_Plus)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and row >= 0:
            self._go_in(row) if key == Qt.Key.Key_Right else self._go_out(row)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._go_to(0 if key == Qt.Key.Key_Home else self._model.rowCount() - 1)
        else:
            super().keyPressEvent(event)

    def _go_in(self, row: int) -> None:
        """Expand a row, or go to the first one in it."""
        if not self._can_expand(row):
            return
        if self._model.is_expanded(self._node(row)):
            self._go_to(row + 1)
        else:
            self.set_expanded(row, True)

    def _go_out(self, row: int) -> None:
        """Collapse a row, or go to the one it lies in."""
        node, summary = self._node(row), self._model.summary
        if self._model.is_expanded(node):
            self.set_expanded(row, False)
        elif node > 0 and summary is not None:
            self.setCurrentIndex(self._model.index_of(summary.parents[node]))

    def _go_to(self, row: int) -> None:
        index = self._model.index(row, Column.NAME)
        if index.isValid():
            self.setCurrentIndex(index)

    # -- painting ----------------------------------------------------------------------------------------------

    def viewportEvent(self, event: QEvent) -> bool:
        """Keep the row under the pointer."""
        if isinstance(event, QHoverEvent):
            left = event.type() == QEvent.Type.HoverLeave
            row = -1 if left else self.rowAt(int(event.position().y()))
            if row != self._hovered:
                self._hovered = row
                self.viewport().update()
        return super().viewportEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Take the height of a new font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit_rows()

    def _draw_row(self, painter: QPainter, option: QStyleOptionViewItem, row: int) -> None:
        """Paint one row, its background over the whole width."""
        index, c = self._model.index(row, Column.NAME), theme.colors()
        room = QRect(0, self.rowViewportPosition(row), self.viewport().width(), self.rowHeight(row))
        if self.selectionModel().isSelected(index):
            painter.fillRect(room, theme.qcolor(c.accent_soft))
        elif row == self._hovered:
            painter.fillRect(room, theme.qcolor(c.hover))
        node = self._model.node(index)
        name = QRect(room)
        name.setLeft(self._left(node))
        name.setRight(self.columnViewportPosition(Column.NAME) + self.columnWidth(Column.NAME) - 1)
        self._draw_arrow(painter, row, node)
        for column in (Column.NAME, *self._widths):
            if not self.isColumnHidden(column):
                left, width = self.columnViewportPosition(column), self.columnWidth(column)
                option.rect = name if column == Column.NAME else QRect(left, room.top(), width, room.height())
                self.itemDelegate().paint(painter, option, self._model.index(row, column))
        self._draw_name(painter, index, name)
        if self.hasFocus() and row == self.currentIndex().row():
            painter.setPen(theme.qcolor(c.accent))
            painter.drawRect(room.adjusted(0, 0, -1, -1))

    def _draw_name(self, painter: QPainter, index: QModelIndex, cell: QRect) -> None:
        """Paint a name and the words after it, over the cells to their right as far as those are empty."""
        c, room = theme.colors(), cell.adjusted(ICON + GAP, 0, -PADDING, 0)
        for column in self._widths:
            if index.siblingAtColumn(column).data() and not self.isColumnHidden(column):
                break
            room.setRight(room.right() + self.columnWidth(column))
        is_marked = index.data(Role.WORRY) >= Mark.NOTABLE
        named = room.adjusted(0, 0, -(ICON + GAP) if is_marked else 0, 0)
        used = draw_text(painter, self.font(), c.text, str(index.data()), named)
        detail = index.data(Role.DETAIL)
        room.setLeft(room.left() + used + GAP)
        if is_marked:
            color = c.danger if index.data(Role.WORRY) == Mark.SERIOUS else c.warning
            sign = icons.pixmap("warning", color, ICON, painter.device().devicePixelRatio())
            painter.drawPixmap(room.left(), room.top() + (room.height() - ICON) // 2, sign)
            room.setLeft(room.left() + ICON + GAP)
        if detail and room.width() >= _LEAST_DETAIL:
            draw_text(painter, detail_font(self.font()), c.muted, str(detail), room)

    def _draw_arrow(self, painter: QPainter, row: int, node: int) -> None:
        """Paint the arrow of a row that can be expanded."""
        if not self._model.has_children(node):
            return
        name = "chevron-down" if self._model.is_expanded(node) else "chevron-right"
        room, ratio = self._arrow(row), painter.device().devicePixelRatio()
        at = QPoint(room.left() + (_INDENT - _CHEVRON) // 2, room.top() + (room.height() - _CHEVRON) // 2)
        painter.drawPixmap(at, icons.pixmap(name, theme.colors().muted, _CHEVRON, ratio))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows that are on the screen, or the message where there are none."""
        painter, option = QPainter(self.viewport()), QStyleOptionViewItem()
        self.initViewItemOption(option)
        first, last = self.rowAt(event.rect().top()), self.rowAt(event.rect().bottom())
        count = self._model.rowCount()
        for row in range(max(first, 0), (last if last >= 0 else count - 1) + 1):
            self._draw_row(painter, option, row)
        painter.end()
        if self.message and self._model.rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(theme.qcolor(theme.colors().muted))
            room = self.viewport().rect().adjusted(24, 32, -24, -24)
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(room, flags, self.message)
            painter.end()
