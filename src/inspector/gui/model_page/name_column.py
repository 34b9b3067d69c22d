"""The first column of a table once more, above it: it stays in view while the others are scrolled sideways."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView

from inspector.gui import theme

#: The arrow of the order stands above a title: beside it, it would cover titles that end at the right.
ARROW_ABOVE = (
    "QHeaderView::up-arrow, QHeaderView::down-arrow { subcontrol-position: top center; width: 9px; height: 9px; }"
)


class NameColumn(QTableView):
    """Lies over a table's first column, and follows it in everything: selection, order, width, place.

    Parameters
    ----------
    table
        The table, with its model, its delegate and its headers as they are to be.
    """

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self.setObjectName("names")
        self.setModel(table.model())
        self.setSelectionModel(table.selectionModel())
        self.setItemDelegate(table.itemDelegate())
        self.setAccessibleName("Names of the tensors")
        self.setFocusProxy(table)
        self._set_up()
        self._follow()
        self._dress()
        table.installEventFilter(self)
        self.place()
        self.show()

    def _set_up(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionBehavior(self._table.selectionBehavior())
        self.setSelectionMode(self._table.selectionMode())
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(self._table.verticalScrollMode())
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setMouseTracking(True)
        self.setAcceptDrops(False)
        self.viewport().setAcceptDrops(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._table.customContextMenuRequested)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        for column in range(1, self.model().columnCount()):
            self.setColumnHidden(column, True)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        theme.dress(header, ARROW_ABOVE)
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)

    def _follow(self) -> None:
        table, header, others = self._table, self.horizontalHeader(), self._table.horizontalHeader()
        table.verticalScrollBar().valueChanged.connect(self.verticalScrollBar().setValue)
        self.verticalScrollBar().valueChanged.connect(table.verticalScrollBar().setValue)
        others.sectionResized.connect(lambda column, _, width: self._take_width(column, width))
        header.sectionResized.connect(lambda column, _, width: self._give_width(column, width))
        header.sortIndicatorChanged.connect(self._give_order)
        others.sortIndicatorChanged.connect(self._take_order)
        self.doubleClicked.connect(table.doubleClicked)

    def _give_width(self, column: int, width: int) -> None:
        if column == 0:
            self._table.setColumnWidth(0, width)

    def _give_order(self, column: int, order: Qt.SortOrder) -> None:
        self._table.horizontalHeader().setSortIndicator(column, order)

    def _take_width(self, column: int, width: int) -> None:
        if column == 0:
            self.setColumnWidth(0, width)
            self.place()

    def _take_order(self, column: int, order: Qt.SortOrder) -> None:
        header = self.horizontalHeader()
        before = header.blockSignals(True)
        header.setSortIndicator(column, order)
        header.blockSignals(before)
        header.viewport().update()

    def place(self) -> None:
        """Lie over the first column."""
        table = self._table
        self.verticalHeader().setMinimumSectionSize(table.verticalHeader().minimumSectionSize())
        self.verticalHeader().setDefaultSectionSize(table.verticalHeader().defaultSectionSize())
        self.horizontalHeader().setFixedHeight(table.horizontalHeader().height())
        inside = table.viewport().geometry()
        top = inside.top() - table.horizontalHeader().height()
        self.setGeometry(inside.left(), top, table.columnWidth(0) + 1, inside.bottom() + 1 - top)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the table's size and font."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.FontChange, QEvent.Type.Show):
            self.place()
        return super().eventFilter(watched, event)

    def _dress(self) -> None:
        theme.dress(self, f"#names {{ border: none; border-right: 1px solid {theme.colors().border}; }}")

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)
