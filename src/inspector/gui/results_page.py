"""The results of all images, as a page of the window's centre: a table, the accuracy, a comparison."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from inspector.export.tables import tab_text
from inspector.gui import icons
from inspector.gui.empty_page import EmptyPage
from inspector.gui.results_model import HEADER, ResultsModel, texts
from inspector.gui.results_table_page import ResultsTablePage
from inspector.gui.segmented import Segmented
from inspector.gui.view_options import ViewOptions
from inspector.session import Session, words
from inspector.session.accuracy import accuracy
from inspector.session.comparing import agreement
from inspector.session.results import CLASSIFYING
from inspector.session.state import OpenCheckpoint

if TYPE_CHECKING:
    from inspector.gui.accuracy_page import AccuracyPage
    from inspector.gui.compare_page import ComparePage

AskForExport = Callable[[str, str], Path | None]

#: Rows that are copied at the most: a table of all belongs into a file.
_MOST_COPIED = 5_000

#: Milliseconds between two countings while results come in.
_COUNT_EVERY = 500


class ResultsPage(QWidget):
    """What one checkpoint predicts for all images; it listens to the store by itself while it is seen.

    Parameters
    ----------
    ask
        Asks the person where to save: with ``"csv"``, ``"json"`` or ``"pictures"``, and the suggested name; None where
        that was cancelled.
    options
        How predictions are looked at: what is counted and saved is what is shown.

    Signals
    -------
    image_selected
        The id of the image whose row the person chose.
    opened
        That image is to be shown large.
    attach_requested, images_requested, open_requested
        Attach the checkpoint; choose images; open another checkpoint.
    """

    image_selected = Signal(int)
    opened = Signal()
    attach_requested = Signal()
    images_requested = Signal()
    open_requested = Signal()

    def __init__(
        self, session: Session, ask: AskForExport, options: ViewOptions | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._options = options if options is not None else ViewOptions(self)
        self._ask = ask
        self._session, self._store = session, session.store
        self._checkpoint: int | None = None
        self._pressed: Callable[[], None] = self.images_requested.emit
        self._view = "table"
        self.model, self.other = ResultsModel(self._store, self), ResultsModel(self._store, self)
        self.switch = Segmented("How the results are shown")
        self.table_page = ResultsTablePage(self._store, self.model)
        self.table = self.table_page.table
        self.empty = EmptyPage("image")
        self.pages = QStackedWidget()
        self.bar = QWidget()
        self.copy, self.export = QPushButton("Copy"), QPushButton("Export…")
        self._counting = QTimer(self, singleShot=True, interval=_COUNT_EVERY)
        self._lay_out()
        self._connect()
        self._listen()

    def _lay_out(self) -> None:
        self.switch.add("table", "Table", "Every image with its prediction")
        self.switch.add("accuracy", "Accuracy", "How often the model is right, where the true classes are known")
        self.switch.add("compare", "Compare", "The same images with another open checkpoint")
        self.switch.show_chosen("table")
        self.copy.setToolTip("Copy the shown rows, for a spreadsheet")
        self.export.setToolTip("Save the shown rows as a table, as JSON, or as pictures")
        menu = QMenu(self.export)
        menu.addAction("Table (CSV)…", lambda: self._save_table("csv"))
        menu.addAction("JSON…", lambda: self._save_table("json"))
        menu.addAction("Pictures with their predictions…", self._save_pictures)
        self.export.setMenu(menu)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.table_page)
        self.head = QHBoxLayout(self.bar)
        self.head.setContentsMargins(0, 0, 0, 0)
        self.head.addWidget(self.switch)
        self.head.addStretch(1)
        self.head.addWidget(self.copy)
        self.head.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 0)
        column.setSpacing(10)
        column.addWidget(self.bar)
        column.addWidget(self.pages, 1)

    def _connect(self) -> None:
        self.switch.chosen.connect(self.show_view)
        self.empty.pressed.connect(lambda: self._pressed())
        self.table.image_selected.connect(self.image_selected)
        self.table.doubleClicked.connect(lambda _: self.opened.emit())
        self.table.seen.connect(partial(self._session.show_thumbnails, "table"))
        self._counting.timeout.connect(self._count)
        self.copy.clicked.connect(self.copy_rows)
        self.table.copy_pressed.connect(self.copy_rows)
        self.table.menu_requested.connect(lambda place: self._menu().popup(place))
        for model in (self.model, self.other):
            model.settled.connect(self._count_soon)
            self._options.changed.connect(partial(self._take_options, model))

    def _take_options(self, model: ResultsModel) -> None:
        model.set_threshold(self._options.threshold)

    def _listen(self) -> None:
        store = self._store
        ends = [
            store.images_changed.connect(self._take_images),
            store.image_changed.connect(self._take_image),
            store.prediction_changed.connect(self._take_prediction),
            store.checkpoint_changed.connect(self._take_checkpoint),
            store.checkpoints_changed.connect(self._take_checkpoints),
            store.comparison_changed.connect(self._take_checkpoints),
        ]
        # A plain function: when `destroyed` is emitted this object can't be called any more.
        self.destroyed.connect(partial(_end_all, ends))

    @cached_property
    def accuracy_page(self) -> AccuracyPage:
        """The accuracy, built at its first use."""
        from inspector.gui.accuracy_page import AccuracyPage

        page = AccuracyPage()
        page.chosen.connect(self._show_cell)
        self.pages.addWidget(page)
        return page

    @cached_property
    def compare_page(self) -> ComparePage:
        """The comparison, built at its first use."""
        from inspector.gui.compare_page import ComparePage

        page = ComparePage(self._store.images.get)
        page.chosen.connect(self._compare)
        page.image_selected.connect(self.image_selected)
        page.table.doubleClicked.connect(lambda _: self.opened.emit())
        page.table.seen.connect(partial(self._session.show_thumbnails, "differences"))
        page.open_requested.connect(self.open_requested)
        self.pages.addWidget(page)
        return page

    @property
    def _page(self) -> QWidget:
        """The page of the chosen view."""
        if self._view == "table":
            return self.table_page
        return self.accuracy_page if self._view == "accuracy" else self.compare_page

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_checkpoint(self, number: int | None) -> None:
        """Show the results of an open checkpoint, or none."""
        if number != self._checkpoint:
            self.table_page.filter.show_cell(None, "")  # a cell is one of the other checkpoint's classes
        self._checkpoint = number
        if self.isVisible():
            self._show()

    def show_view(self, name: str) -> None:
        """Show ``"table"``, ``"accuracy"`` or ``"compare"``."""
        self._view = name
        self.switch.show_chosen(name)
        self._choose_page()
        self._count()

    def select(self, image: int) -> None:
        """Select an image's row."""
        self.table.select(image)

    @property
    def _found(self) -> OpenCheckpoint | None:
        return self._store.checkpoints.get(self._checkpoint) if self._checkpoint is not None else None

    @property
    def _compared(self) -> OpenCheckpoint | None:
        """The checkpoint that the shown one is compared with."""
        pair = self._store.comparison or ()
        others = [number for number in pair if number != self._checkpoint] if self._checkpoint in pair else []
        return self._store.checkpoints.get(others[0]) if others else None

    def _show(self) -> None:
        compared = self._compared
        self.model.take_checkpoint(self._checkpoint)
        self.other.take_checkpoint(compared.id if compared is not None else None)
        self.model.take_images()
        if compared is not None:
            self.other.take_images()
        self._choose_page()
        self._count_soon()

    def _choose_page(self) -> None:
        found = self._found
        is_empty = False
        if not self._store.images:
            self.empty.say("No images yet", "Drop images or a folder of them anywhere on this window.", "Add images…")
            self._pressed, is_empty = self.images_requested.emit, True
        elif found is None or (found.attachment.phase == "none" and not self._has_predictions()):
            text = "The images are predicted as soon as the checkpoint is attached to an architecture."
            self.empty.say("Nothing is attached yet", text, "Attach" if found is not None and found.attachable else "")
            self._pressed, is_empty = self.attach_requested.emit, True
        self.bar.setVisible(not is_empty)
        self.pages.setCurrentWidget(self.empty if is_empty else self._page)

    def _has_predictions(self) -> bool:
        return any(checkpoint == self._checkpoint for checkpoint, _ in self._store.predictions)

    # -- taking results away -----------------------------------------------------------------------------------

    def _shown_images(self) -> list[int]:
        return [row.image for row in self.model.shown]

    def copy_rows(self) -> None:
        """Put the shown rows into the clipboard, for a spreadsheet."""
        rows = [texts(row) for row in self.model.shown[:_MOST_COPIED]]
        QGuiApplication.clipboard().setText(tab_text(HEADER, rows).replace(words.THIN, " "))
        copied = words.plural(len(rows), "row")
        rest = "" if len(rows) == self.model.rowCount() else " Export the others as a table."
        self._store.notice(f"Copied {copied}.{rest}")

    def _save_table(self, kind: Literal["csv", "json"]) -> None:
        found = self._found
        out = self._ask(kind, f"{found.path.stem}-results.{kind}") if found is not None else None
        if found is not None and out is not None:
            self._session.exporting.save_table(
                found.id, self._shown_images(), out, kind, threshold=self._options.threshold
            )

    def _save_pictures(self) -> None:
        found = self._found
        folder = self._ask("pictures", "") if found is not None else None
        if found is not None and folder is not None:
            self._session.exporting.save_pictures(
                found.id, self._shown_images(), folder, threshold=self._options.threshold
            )

    def _menu(self) -> QMenu:
        """Return the menu of the selected row; it deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        row = self.model.row_at(self.table.currentIndex())
        item = self._store.images.get(row.image) if row is not None else None
        if item is not None:
            menu.addAction(icons.icon("image"), "Show the image", self.opened.emit)
            settled, image = row is not None and row.phase in ("ready", "failed"), item.id
            if settled:
                menu.addAction(icons.icon("predict"), "Predict again", lambda: self._session.predict_again([image]))
            path = str(item.path)
            menu.addAction(icons.icon("copy"), "Copy path", lambda: QGuiApplication.clipboard().setText(path))
        menu.addAction(icons.icon("copy"), "Copy the shown rows", self.copy_rows)
        return menu

    # -- figures over all rows ---------------------------------------------------------------------------------

    def _count_soon(self) -> None:
        if self._view != "table" and not self._counting.isActive():
            self._counting.start()

    def _count(self) -> None:
        found = self._found
        if found is None or self._view == "table":
            return
        if self._view == "accuracy":
            classifies = found.attachment.task in CLASSIFYING
            labels = self.model.classes.labels if self.model.classes is not None else ()
            counted = accuracy(self.model.rows.values(), labels) if classifies else None
            self.accuracy_page.show_accuracy(counted)
            return
        others = [one for one in self._store.checkpoints.values() if one.id != found.id and one.state_dict is not None]
        compared = self._compared
        self.compare_page.show_others(others, compared.id if compared is not None else None)
        if compared is not None:
            labels_of_both = (found.attachment.labels, compared.attachment.labels)
            agreed = agreement(self.model.rows.values(), self.other.rows.values(), labels_of_both)
            self.compare_page.show_agreement(agreed, found.name, compared.name, state=_state(compared))

    def _show_cell(self, cell: tuple[int, int], said: str) -> None:
        """Show the images of one cell of the confusion matrix in the table."""
        self.show_view("table")
        self.table_page.filter.show_cell(cell, said)

    def _compare(self, other: int | None) -> None:
        if self._checkpoint is not None:
            self._session.compare(self._checkpoint, other)

    # -- what the store says -----------------------------------------------------------------------------------

    def _take_images(self) -> None:
        if self.isVisible():
            self._show()

    def _take_image(self, image: int) -> None:
        if self.isVisible():
            self.table.viewport().update()
            if self._view == "compare":
                self.compare_page.table.viewport().update()
            self.model.take([image])

    def _take_prediction(self, checkpoint: int, image: int) -> None:
        if self.isVisible():
            for model in (self.model, self.other):
                if checkpoint == model.checkpoint:
                    model.take([image])

    def _take_checkpoint(self, number: int) -> None:
        compared = self._compared
        if self.isVisible() and (number == self._checkpoint or (compared is not None and number == compared.id)):
            self._show()

    def _take_checkpoints(self) -> None:
        if self.isVisible():
            self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what has changed while this was not seen."""
        super().showEvent(event)
        self._show()
        for model in (self.model, self.other):
            if model.checkpoint is not None:
                model.take(self._store.images)

    def hideEvent(self, event: QHideEvent) -> None:
        """Need no small pictures any more."""
        super().hideEvent(event)
        self._session.show_thumbnails("table", [])


def _state(found: OpenCheckpoint) -> str:
    """Return what keeps a checkpoint from predicting, in words; empty where nothing does."""
    if found.attachment.phase == "running":
        return f"{found.name} is being attached…"
    if found.attachment.phase == "failed":
        return f"{found.name} could not be attached"
    return f"{found.name} is not attached" if found.attachment.phase == "none" else ""


def _end_all(ends: list[Callable[[], None]], _destroyed: object = None) -> None:
    while ends:
        ends.pop()()
