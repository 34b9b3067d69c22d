"""The results of all images, as a page of the window's centre."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from inspector.gui.empty_page import EmptyPage
from inspector.gui.results_model import ResultsModel
from inspector.gui.results_table_page import ResultsTablePage
from inspector.session import Session


class ResultsPage(QWidget):
    """What one checkpoint predicts for all images; it listens to the store by itself while it is seen.

    Signals
    -------
    image_selected
        The id of the image whose row the person chose.
    attach_requested, images_requested
        Attach the checkpoint; choose images.
    """

    image_selected = Signal(int)
    attach_requested = Signal()
    images_requested = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._store = session, session.store
        self._checkpoint: int | None = None
        self._pressed: Callable[[], None] = self.images_requested.emit
        self.model = ResultsModel(self._store, self)
        self.table_page = ResultsTablePage(self._store, self.model)
        self.table = self.table_page.table
        self.empty = EmptyPage("image")
        self.pages = QStackedWidget()
        for page in (self.empty, self.table_page):
            self.pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 0)
        column.setSpacing(8)
        column.addWidget(self.pages, 1)
        self.empty.pressed.connect(lambda: self._pressed())
        self.table.image_selected.connect(self.image_selected)
        self._listen()

    def _listen(self) -> None:
        store = self._store
        ends = [
            store.images_changed.connect(self._take_images),
            store.image_changed.connect(self._take_image),
            store.prediction_changed.connect(self._take_prediction),
            store.checkpoint_changed.connect(self._take_checkpoint),
        ]
        # A plain function: when `destroyed` is emitted this object can't be called any more.
        self.destroyed.connect(partial(_end_all, ends))

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_checkpoint(self, number: int | None) -> None:
        """Show the results of an open checkpoint, or none."""
        self._checkpoint = number
        if self.isVisible():
            self._show()

    def select(self, image: int) -> None:
        """Select an image's row."""
        self.table.select(image)

    def _show(self) -> None:
        self.model.take_checkpoint(self._checkpoint)
        self.model.take_images()
        self._choose_page()

    def _choose_page(self) -> None:
        found = self._store.checkpoints.get(self._checkpoint) if self._checkpoint is not None else None
        if not self._store.images:
            self.empty.say("No images yet", "Drop images or a folder of them anywhere on this window.", "Add images…")
            self._show_empty(self.images_requested.emit)
        elif found is None or (found.attachment.phase == "none" and not self._has_predictions()):
            text = "The images are predicted as soon as the checkpoint is attached to an architecture."
            can = found is not None and found.attachable
            self.empty.say("Nothing is attached yet", text, "Attach" if can else "")
            self._show_empty(self.attach_requested.emit)
        else:
            self.pages.setCurrentWidget(self.table_page)

    def _show_empty(self, pressed: Callable[[], None]) -> None:
        self._pressed = pressed
        self.pages.setCurrentWidget(self.empty)

    def _has_predictions(self) -> bool:
        return any(checkpoint == self._checkpoint for checkpoint, _ in self._store.predictions)

    # -- what the store says -----------------------------------------------------------------------------------

    def _take_images(self) -> None:
        if self.isVisible():
            self.model.take_images()
            self._choose_page()

    def _take_image(self, image: int) -> None:
        if self.isVisible():
            self.table.viewport().update()
            self.model.take([image])

    def _take_prediction(self, checkpoint: int, image: int) -> None:
        if checkpoint == self._checkpoint and self.isVisible():
            self.model.take([image])

    def _take_checkpoint(self, number: int) -> None:
        if number == self._checkpoint and self.isVisible():
            self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what has changed while this was not seen."""
        super().showEvent(event)
        self._show()
        self.model.take(self._store.images)

    def hideEvent(self, event: QHideEvent) -> None:
        """Need no small pictures any more."""
        super().hideEvent(event)
        self.table.seen.emit([])


def _end_all(ends: list[Callable[[], None]], _destroyed: object = None) -> None:
    while ends:
        ends.pop()()
