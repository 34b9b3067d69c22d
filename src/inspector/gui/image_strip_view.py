"""The view of the image strip: a row of tiles, or a grid of them where there is room for several rows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence, QResizeEvent, QShowEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from inspector.gui.image_strip_model import ImageStripModel, Index
from inspector.gui.image_tile import TileDelegate, tile_size

#: Milliseconds after which it is told what is in view.
_SOON = 60


class StripView(QListView):
    """Tiles: the arrow keys walk, the wheel scrolls; in a single row it scrolls sideways.

    Signals
    -------
    remove_pressed, copy_pressed
        Delete or Backspace; the keys that copy.
    menu_requested
        The id of the image (-1 for none) and where to show the menu.
    seen
        The ids of the images in view, and then of those around them, shortly after that changed.
    """

    remove_pressed = Signal()
    copy_pressed = Signal()
    menu_requested = Signal(int, object)
    seen = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.delegate = TileDelegate(self)
        self.setItemDelegate(self.delegate)
        self.setAccessibleName("Images")
        self.setAccessibleDescription("Dropped images with the likeliest class; Delete removes one")
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QListView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self._soon = QTimer(self, singleShot=True, interval=_SOON)
        self._soon.timeout.connect(self._tell_seen)
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.valueChanged.connect(self.look_soon)
            bar.rangeChanged.connect(self.look_soon)
        self.setAcceptDrops(False)  # the window takes drops, wherever they fall
        self.viewport().setAcceptDrops(False)

    def dataChanged(self, first: Index, last: Index, roles: Sequence[int] = ()) -> None:
        """Paint again, without QListView's new layout of all tiles: they are of one size whatever they show."""
        QAbstractItemView.dataChanged(self, first, last, roles)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Remove and copy by key; the rest is Qt's."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_pressed.emit()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy_pressed.emit()
        else:
            super().keyPressEvent(event)

    # -- rows --------------------------------------------------------------------------------------------------

    @property
    def is_grid(self) -> bool:
        """Whether the tiles stand in several rows."""
        return self.isWrapping()

    def _fit_rows(self) -> None:
        """Stand in several rows where there is room for at least two."""
        grid = self.height() >= 2 * tile_size().height()
        if grid == self.is_grid:
            return
        off, needed = Qt.ScrollBarPolicy.ScrollBarAlwaysOff, Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.setWrapping(grid)
        self.setResizeMode(QListView.ResizeMode.Adjust if grid else QListView.ResizeMode.Fixed)
        self.setVerticalScrollBarPolicy(needed if grid else off)
        self.setHorizontalScrollBarPolicy(off if grid else needed)
        current = self.currentIndex()
        if current.isValid():
            self.scrollTo(current)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stand in as many rows as there is room for."""
        self._fit_rows()
        super().resizeEvent(event)
        self.look_soon()

    # -- what is seen ------------------------------------------------------------------------------------------

    def look_soon(self) -> None:
        """Tell which images are in view, shortly."""
        if not self._soon.isActive():
            self._soon.start()

    def seen_rows(self) -> range:
        """Return the rows of the model that are in view, those that are cut included."""
        count, tile, room = self.model().rowCount(), tile_size(), self.viewport()
        if not count or not self.isVisible():
            return range(0)
        if not self.is_grid:
            start = self.horizontalScrollBar().value()
            return range(start // tile.width(), min(count, (start + room.width() - 1) // tile.width() + 1))
        columns = max(1, room.width() // tile.width())
        start = self.verticalScrollBar().value()
        last = (start + room.height() - 1) // tile.height() + 1
        return range(start // tile.height() * columns, min(count, last * columns))

    def _tell_seen(self) -> None:
        model, rows = self.model(), self.seen_rows()
        assert isinstance(model, ImageStripModel)
        after = range(rows.stop, min(rows.stop + len(rows), model.rowCount()))
        before = range(max(0, rows.start - len(rows)), rows.start)
        self.seen.emit([model.image_at(model.index(row)) for row in (*rows, *after, *reversed(before))])

    def showEvent(self, event: QShowEvent) -> None:
        """Tell what is in view."""
        super().showEvent(event)
        self.look_soon()

    # -- events ------------------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll a single row sideways also with a wheel that turns the other way."""
        if self.is_grid:
            super().wheelEvent(event)
            return
        pixels, steps = event.pixelDelta(), event.angleDelta()
        moved = pixels.y() or pixels.x() or round((steps.y() or steps.x()) / 120 * tile_size().width())
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - moved)
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the image under the mouse, or of the current one when a key asked."""
        index = self.indexAt(event.pos())
        place = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            index = self.currentIndex()
            place = self.viewport().mapToGlobal(self.visualRect(index).center())
        model = self.model()
        assert isinstance(model, ImageStripModel)
        self.menu_requested.emit(model.image_at(index), place)
