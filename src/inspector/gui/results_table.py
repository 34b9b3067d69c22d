"""The table of results: small pictures, sortable columns, and a mark where the answer is wrong."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from inspector.gui import icons, theme
from inspector.gui.results_model import FIELDS, ROW, Column, ResultsModel, _Index, texts
from inspector.gui.row_tables import set_up_rows
from inspector.gui.thumbnails import PixmapCache, cover
from inspector.gui.tree_delegate import draw_text, tabular
from inspector.session.results import ResultRow
from inspector.session.state import ImageItem

#: The small pictures, and the height of a row; logical pixels.
PICTURE = QSize(44, 33)
ROW_HEIGHT = 41
_RADIUS = 4.0
_PADDING = 8
_MARK = 14
_WIDTHS = (196, 150, 72, 128, 150, 170, 110, 76, 260)


class ResultsDelegate(QStyledItemDelegate):
    """Paints the cells.

    Parameters
    ----------
    item
        Gives an image by its id, None where it is gone.
    """

    def __init__(self, item: Callable[[int], ImageItem | None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._item = item
        self.pixmaps = PixmapCache()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Paint one cell."""
        row = index.data(ROW)
        if not isinstance(row, ResultRow):
            return
        c, column = theme.colors(), Column(index.column())
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, theme.qcolor(c.accent_soft))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, theme.qcolor(c.hover))
        room = option.rect.adjusted(_PADDING, 0, -_PADDING, 0)
        if column == Column.FILE:
            room = paint_picture(painter, room, row.image, self._item(row.image), self.pixmaps)
        elif column == Column.PREDICTION and row.right is not None:
            room = _paint_mark(painter, room, is_right=row.right)
        side = Qt.AlignmentFlag.AlignRight if column in (Column.SCORE, Column.TIME) else Qt.AlignmentFlag.AlignLeft
        draw_text(painter, tabular(option.font), _color(row, column), " ".join(texts(row)[column].split()), room, side)
        painter.restore()


def rows_in_view(table: QTableView) -> range:
    """Return the rows that a table shows now, in part or whole."""
    last = table.rowAt(table.viewport().height() - 1)
    return range(max(0, table.rowAt(0)), (table.model().rowCount() - 1 if last < 0 else last) + 1)


def paint_picture(painter: QPainter, room: QRect, image: int, item: ImageItem | None, pixmaps: PixmapCache) -> QRect:
    """Paint an image's small picture at the left of a cell; return the room that is left."""
    ratio, c = painter.device().devicePixelRatio(), theme.colors()
    place = QRect(room.left(), room.center().y() - PICTURE.height() // 2, PICTURE.width(), PICTURE.height())
    thumbnail = item.thumbnail if item is not None else None
    if thumbnail is not None:
        made = pixmaps.get(image, (ratio, thumbnail), lambda: cover(thumbnail, PICTURE, ratio, _RADIUS))
        painter.drawPixmap(place.topLeft(), made)
    else:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        is_broken = item is not None and item.failure is not None
        painter.setBrush(theme.qcolor(c.danger_soft if is_broken else c.hover))
        painter.drawRoundedRect(place, _RADIUS, _RADIUS)
        mark = icons.pixmap("error" if is_broken else "image", c.danger if is_broken else c.muted, _MARK, ratio)
        painter.drawPixmap(place.center() - QRect(0, 0, _MARK, _MARK).center(), mark)
    return room.adjusted(PICTURE.width() + 10, 0, 0, 0)


def _paint_mark(painter: QPainter, room: QRect, *, is_right: bool) -> QRect:
    """Paint whether the answer is right: by form and by colour."""
    c = theme.colors()
    name, color = ("check", c.positive) if is_right else ("close", c.danger)
    mark = icons.pixmap(name, color, _MARK, painter.device().devicePixelRatio())
    painter.drawPixmap(room.left(), room.center().y() - _MARK // 2, mark)
    return room.adjusted(_MARK + 6, 0, 0, 0)


def _color(row: ResultRow, column: Column) -> str:
    c = theme.colors()
    if column == Column.PROBLEM:
        return c.danger
    quiet = column in (Column.FOLDER, Column.SECOND, Column.TIME, Column.FIGURES)
    return c.muted if quiet or (column == Column.PREDICTION and row.phase != "ready") else c.text


class ResultsTable(QTableView):
    """Shows a `ResultsModel`.

    Signals
    -------
    image_selected
        The id of the image in the current row, -1 for none.
    seen
        The ids of the images that are in view now, shortly after that changed.
    copy_pressed
        The keys that copy.
    menu_requested
        Where to show a menu about the selected image.
    """

    image_selected = Signal(int)
    seen = Signal(list)
    copy_pressed = Signal()
    menu_requested = Signal(object)

    def __init__(
        self, model: ResultsModel, item: Callable[[int], ImageItem | None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._told = -1
        self.setModel(model)
        self.delegate = ResultsDelegate(item, self)
        self.setItemDelegate(self.delegate)
        self._look = QTimer(self, singleShot=True, interval=80)
        self._look.timeout.connect(self._tell_seen)
        self._set_up()
        self.verticalScrollBar().valueChanged.connect(self.look_soon)
        for changed in (model.rowsInserted, model.rowsRemoved, model.layoutChanged, model.modelReset):
            changed.connect(self.look_soon)
        model.modelReset.connect(self._follow_reset)
        self.selectionModel().currentRowChanged.connect(self._tell_selected)

    def _set_up(self) -> None:
        self.setAccessibleName("Results")
        self.setAccessibleDescription("What is predicted for each image; a column's title sorts by it")
        set_up_rows(self, ROW_HEIGHT)
        columns = self.horizontalHeader()
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        columns.setStretchLastSection(True)
        columns.setSectionsMovable(True)
        columns.setMinimumSectionSize(48)
        columns.setSortIndicatorClearable(True)
        columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        for column, width in enumerate(_WIDTHS):
            self.setColumnWidth(column, width)
        self.setSortingEnabled(True)

    # -- selection ---------------------------------------------------------------------------------------------

    def select(self, image: int) -> None:
        """Select an image's row, and bring it into view where it is shown."""
        index = self._model.index_of(image)
        self._told = image
        if not index.isValid():
            self.selectionModel().clear()
        elif index.row() != self.currentIndex().row():
            self.setCurrentIndex(index.siblingAtColumn(max(0, self.currentIndex().column())))
            self.scrollTo(index)

    def _tell_selected(self) -> None:
        row = self._model.row_at(self.currentIndex())
        if row is not None and row.image != self._told:
            self._told = row.image
            self.image_selected.emit(row.image)

    def _follow_reset(self) -> None:
        """Select again what was selected before rows were chosen anew."""
        self.select(self._told)

    # -- what is seen ------------------------------------------------------------------------------------------

    def look_soon(self) -> None:
        """Tell which images are in view, shortly."""
        if not self._look.isActive():
            self._look.start()

    def _tell_seen(self) -> None:
        rows = (self._model.row_at(self._model.index(place, 0)) for place in rows_in_view(self))
        self.seen.emit([row.image for row in rows if row is not None] if self.isVisible() else [])

    def show_needed_columns(self) -> None:
        """Show the columns that any row has something in."""
        for column in FIELDS:
            self.setColumnHidden(column, column not in self._model.filled)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Look again at what is in view."""
        super().resizeEvent(event)
        self.look_soon()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy by key; the rest is Qt's."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_pressed.emit()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the row under the mouse, or of the current one when a key asked."""
        place = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            place = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        self.menu_requested.emit(place)
