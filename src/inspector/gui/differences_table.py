"""The table of the images that two checkpoints answer differently: small pictures, both answers, and who is right."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from inspector.gui import theme
from inspector.gui.differences_model import SCORES, DifferencesModel, _Index
from inspector.gui.results_table import PICTURE, ROW_HEIGHT, paint_picture, rows_in_view
from inspector.gui.row_tables import set_up_rows
from inspector.gui.thumbnails import PixmapCache
from inspector.gui.tree_delegate import draw_text, tabular
from inspector.session.state import ImageItem

_PADDING = 8
_SCORE_WIDTH = 64
#: Of what the scores leave, how much each column gets; and the least of each in pixels.
_SHARES = {0: 1.25, 1: 1.0, 3: 1.0, 5: 0.8, 6: 0.9}
_LEAST = {0: PICTURE.width() + 82, 1: 84, 3: 84, 5: 84, 6: 84}


class DifferencesDelegate(QStyledItemDelegate):
    """Paints the cells as the table of results does."""

    def __init__(
        self, model: DifferencesModel, item: Callable[[int], ImageItem | None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._model, self._item = model, item
        self.pixmaps = PixmapCache()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Paint one cell."""
        row, c = self._model.rows[index.row()], theme.colors()
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, theme.qcolor(c.accent_soft))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, theme.qcolor(c.hover))
        room: QRect = option.rect.adjusted(_PADDING, 0, -_PADDING, 0)
        if index.column() == 0:
            room = paint_picture(painter, room, row.image, self._item(row.image), self.pixmaps)
        side = Qt.AlignmentFlag.AlignRight if index.column() in SCORES else Qt.AlignmentFlag.AlignLeft
        text = " ".join(str(index.data()).split())
        draw_text(painter, tabular(option.font), c.text, text, room, side)
        painter.restore()


class DifferencesTable(QTableView):
    """Shows a `DifferencesModel`, in the width there is.

    Signals
    -------
    seen
        The ids of the images that are in view now, shortly after that changed; none once the table is hidden.
    """

    seen = Signal(list)

    def __init__(
        self, model: DifferencesModel, item: Callable[[int], ImageItem | None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self.setModel(model)
        self.setItemDelegate(DifferencesDelegate(model, item, self))
        self._look = QTimer(self, singleShot=True, interval=80)
        self._look.timeout.connect(self._tell_seen)
        self._set_up()
        self.verticalScrollBar().valueChanged.connect(self._look.start)
        model.modelReset.connect(self._fit)

    def _set_up(self) -> None:
        self.setAccessibleName("Images that they answer differently")
        set_up_rows(self, ROW_HEIGHT)
        columns = self.horizontalHeader()
        columns.setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def _fit(self) -> None:
        """Hide the columns of true classes where none is known, and give the others the width there is."""
        for column in (5, 6):
            self.setColumnHidden(column, not self._model.filled(column))
        shares = {column: share for column, share in _SHARES.items() if not self.isColumnHidden(column)}
        room = self.viewport().width() - len(SCORES) * _SCORE_WIDTH
        for column in SCORES:
            self.setColumnWidth(column, _SCORE_WIDTH)
        whole = sum(shares.values())
        for column, share in shares.items():
            self.setColumnWidth(column, max(_LEAST[column], int(room * share / whole)))
        self._look.start()

    def _tell_seen(self) -> None:
        rows = self._model.rows if self.isVisible() else ()
        self.seen.emit([rows[place].image for place in rows_in_view(self)] if rows else [])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the width there is."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Look at what is in view."""
        super().showEvent(event)
        self._look.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Need no small pictures any more."""
        super().hideEvent(event)
        self._look.stop()
        self.seen.emit([])
