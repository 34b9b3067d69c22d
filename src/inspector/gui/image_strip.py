"""The strip of dropped images at the window's bottom, each with the likeliest class of the current checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from inspector.gui import icons
from inspector.gui.drop_button import DropButton
from inspector.gui.image_strip_model import ImageStripModel
from inspector.gui.image_strip_view import StripView
from inspector.gui.image_tile import MARGIN, tile_size
from inspector.gui.prediction_progress import PredictionProgress
from inspector.session.store import Store

#: Milliseconds between two turns of the spinners.
_TURN = 80

#: Room for the horizontal scroll bar, kept free also while there is none: nothing jumps when it comes.
_SCROLL_BAR = 12


class ImageStrip(QWidget):
    """The images of the store; it listens to the store by itself.

    Signals
    -------
    image_selected
        The selected image's id, -1 for none.
    remove_requested
        The id of an image to remove.
    again_requested
        The id of an image to predict again.
    clear_requested, cancel_requested, open_images_requested
        Remove all images; stop predicting; choose images.
    seen
        The ids of the images in view, and then of those around them.
    """

    image_selected = Signal(int)
    remove_requested = Signal(int)
    again_requested = Signal(int)
    clear_requested = Signal()
    cancel_requested = Signal()
    open_images_requested = Signal()
    seen = Signal(list)

    def __init__(self, store: Store, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._selected = -1
        self._taking = self._adding = False
        self._done = 0
        self._changed: set[int] = set()
        self.model = ImageStripModel(store, self)
        self.view = StripView()
        self.view.setModel(self.model)
        self.drop_button = DropButton()
        self.drop_button.clicked.connect(self.open_images_requested)
        self.progress = PredictionProgress()
        self.progress.cancel_requested.connect(self.cancel_requested)
        self.drop_button.setMinimumWidth(self.progress.minimumSizeHint().width())
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._show_changed)
        self._spin = QTimer(self, interval=_TURN)
        self._spin.timeout.connect(self._turn_spinners)
        self._lay_out()
        self._connect_view()
        self._listen(store)
        self._take_images()

    def _lay_out(self) -> None:
        corner = QVBoxLayout()
        corner.setContentsMargins(0, MARGIN, 0, MARGIN)
        corner.setSpacing(8)
        corner.addWidget(self.drop_button, 1)
        corner.addWidget(self.progress)
        row = QHBoxLayout(self)
        row.setContentsMargins(9, 5, 14, 0)
        row.setSpacing(14)
        row.addWidget(self.view, 1)
        row.addLayout(corner)
        self.drop_button.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        # Taller than a row if the person makes it so, but not by itself.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def _connect_view(self) -> None:
        self.view.selectionModel().currentChanged.connect(self._tell_selected)
        self.view.seen.connect(self.seen)
        self.view.remove_pressed.connect(self._remove_selected)
        self.view.copy_pressed.connect(lambda: self._copy_path(self._selected))
        self.view.menu_requested.connect(lambda index, place: self.context_menu(index).popup(place))

    def _listen(self, store: Store) -> None:
        ends = [
            store.images_changed.connect(self._take_images),
            store.image_changed.connect(self._take_image),
            store.prediction_changed.connect(self._take_prediction),
            store.progress_changed.connect(lambda: self.progress.show_pace(store.progress)),
            store.checkpoint_changed.connect(self._take_checkpoint),
        ]
        # A plain function: when `destroyed` is emitted this object can't be called any more.
        self.destroyed.connect(partial(_end_all, ends))

    # -- commands ----------------------------------------------------------------------------------------------

    def set_checkpoint(self, number: int | None) -> None:
        """Show the predictions of an open checkpoint, or none."""
        if number != self.model.checkpoint:
            self._done = 0
            self._changed.clear()
        self.model.take_checkpoint(number)
        self._show_progress()

    def select(self, image: int) -> None:
        """Select an image and bring it into view; an id that is not there selects none."""
        index = self.model.index_of(image)
        if index.isValid():
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)
        else:
            self.view.selectionModel().clear()

    @property
    def selected(self) -> int:
        """The selected image's id, -1 for none."""
        return self._selected

    def context_menu(self, image: int) -> QMenu:
        """Return the menu of an image (-1: of the empty place beside them); it deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if image in self._store.images:
            if self.model.is_settled(image):
                menu.addAction(icons.icon("predict"), "Predict again", lambda: self.again_requested.emit(image))
                menu.addSeparator()
            menu.addAction("Remove", QKeySequence.StandardKey.Delete, lambda: self.remove_requested.emit(image))
            menu.addAction(icons.icon("clear"), "Clear all", self.clear_requested.emit)
            menu.addSeparator()
            menu.addAction(icons.icon("copy"), "Copy path", lambda: self._copy_path(image))
            menu.addAction(icons.icon("folder"), "Open containing folder", lambda: self._open_folder(image))
        else:
            menu.addAction(icons.icon("image"), "Add images…", self.open_images_requested.emit)
            clear = menu.addAction(icons.icon("clear"), "Clear all", self.clear_requested.emit)
            clear.setEnabled(bool(self._store.images))
        return menu

    def _remove_selected(self) -> None:
        if self._selected >= 0:
            self.remove_requested.emit(self._selected)

    def _copy_path(self, image: int) -> None:
        item = self._store.images.get(image)
        if item is not None:
            QGuiApplication.clipboard().setText(str(item.path))

    def _open_folder(self, image: int) -> None:
        item = self._store.images.get(image)
        if item is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(item.path.parent)))

    # -- what the store says -----------------------------------------------------------------------------------

    def _take_images(self) -> None:
        self._show_changed()
        self._taking = True  # removed rows change the current one several times; only the outcome is told
        try:
            added = self.model.take_images()
            if added and not self._adding:
                self.select(added[0])  # what was just dropped is what the person wants to know
            elif not self.view.currentIndex().isValid():
                self.select(next(iter(self._store.images), -1))  # there before this strip was
        finally:
            self._taking = False
        self._adding = self._store.adding  # the next ones will be of the same drop
        self.view.setVisible(self.model.rowCount() > 0)
        self.view.look_soon()
        self.view.delegate.pixmaps.keep_only(self._store.images)
        self._tell_selected()
        self._show_progress()

    def _take_image(self, image: int) -> None:
        self.view.delegate.pixmaps.forget(image)
        self.model.take_image(image)

    def _take_prediction(self, checkpoint: int, image: int) -> None:
        """Take note of it: thousands of them can change in one go, and are shown together."""
        if checkpoint == self.model.checkpoint:
            self._changed.add(image)
            if not self._soon.isActive():
                self._soon.start()

    def _show_changed(self) -> None:
        changed, self._changed = self._changed, set()
        self._soon.stop()
        self._done += self.model.take_predictions(changed)
        self._show_progress()

    def _take_checkpoint(self, number: int) -> None:
        if number == self.model.checkpoint:
            self.model.take_checkpoint(number)
            self._show_progress()

    def _tell_selected(self) -> None:
        selected = self.model.image_at(self.view.currentIndex())
        if not self._taking and selected != self._selected:
            self._selected = selected
            self.image_selected.emit(selected)

    def _show_progress(self) -> None:
        unfinished = self.model.unfinished
        if not unfinished:
            self._done = 0
        self.progress.show_counts(self._done, unfinished)
        if bool(self.model.running) != self._spin.isActive():
            (self._spin.start if self.model.running else self._spin.stop)()

    def _turn_spinners(self) -> None:
        for image in self.model.running:
            self.view.update(self.model.index_of(image))

    # -- size, theme -------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Return a size of eight images and the drop zone."""
        return QSize(8 * tile_size().width() + 180, self.minimumSizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return the size of one image and the drop zone."""
        return QSize(tile_size().width() + 180, tile_size().height() + _SCROLL_BAR + 5)

    def changeEvent(self, event: QEvent) -> None:
        """Follow another font and another theme."""
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange, QEvent.Type.PaletteChange):
            self.updateGeometry()
            if hasattr(self, "view"):
                self.view.scheduleDelayedItemsLayout()
                self.view.viewport().update()
        super().changeEvent(event)


def _end_all(ends: list[Callable[[], None]], _destroyed: object = None) -> None:
    while ends:
        ends.pop()()
