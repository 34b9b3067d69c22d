"""Two checkpoints on the same images: how often they agree, and where they do not."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from inspector.gui import theme
from inspector.gui.combo import Combo
from inspector.gui.differences_model import DifferencesModel
from inspector.gui.differences_table import DifferencesTable
from inspector.gui.empty_page import EmptyPage
from inspector.session import words
from inspector.session.comparing import Agreement, sentence
from inspector.session.state import ImageItem, OpenCheckpoint

_ALONE = "Open another checkpoint, in a tab of its own, to compare what both predict for these images."
#: Characters of a checkpoint's name.
_LONGEST_NAME = 32


class ComparePage(QWidget):
    """Chooses the other checkpoint, and shows an `Agreement`.

    Parameters
    ----------
    item
        Gives an image by its id, None where it is gone.

    Signals
    -------
    chosen
        The id of the checkpoint to compare with, None for none.
    image_selected
        The id of the image in the current row.
    open_requested
        Open another checkpoint.
    """

    chosen = Signal(object)
    image_selected = Signal(int)
    open_requested = Signal()

    def __init__(self, item: Callable[[int], ImageItem | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.other = Combo()
        self.said, self.waiting = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self.model = DifferencesModel(self)
        self.table = DifferencesTable(self.model, item)
        self.empty, self.none_differ = EmptyPage("open"), EmptyPage("check")
        self.lists, self.pages = QStackedWidget(), QStackedWidget()
        self._set_up()
        self._lay_out()
        self.other.activated.connect(lambda row: self.chosen.emit(self.other.itemData(row)))
        self.empty.pressed.connect(self.open_requested)
        self.table.selectionModel().currentRowChanged.connect(self._tell_selected)

    def _set_up(self) -> None:
        self.other.setAccessibleName("Compare with")
        self.other.setMinimumContentsLength(12)
        self.other.setSizeAdjustPolicy(Combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for label in (self.said, self.waiting):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.said.setFont(theme.scaled_font(1.05))
        self.waiting.setProperty("muted", True)

    def _lay_out(self) -> None:
        label = QLabel("Compare with")
        label.setProperty("muted", True)
        label.setBuddy(self.other)
        choice = QHBoxLayout()
        choice.setSpacing(8)
        choice.addWidget(label)
        choice.addWidget(self.other, 1)
        self.lists.addWidget(self.table)
        self.lists.addWidget(self.none_differ)
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(choice)
        column.addWidget(self.said)
        column.addWidget(self.waiting)
        column.addWidget(self.lists, 1)
        for page in (self.empty, shown):
            self.pages.addWidget(page)
        self._shown = shown
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.pages)

    def show_others(self, others: list[OpenCheckpoint], chosen: int | None) -> None:
        """Offer the other open checkpoints."""
        if not others:
            self.empty.say("There is nothing to compare with", _ALONE, "Open…")
            self.pages.setCurrentWidget(self.empty)
            return
        with QSignalBlocker(self.other):
            self.other.clear()
            self.other.addItem("Choose a checkpoint", None)
            for found in others:
                self.other.addItem(found.name, found.id)
            self.other.setCurrentIndex(max(0, self.other.findData(chosen)))
        self.pages.setCurrentWidget(self._shown)
        if chosen is None:
            self.said.setText("")
            self.waiting.hide()
            self.none_differ.say("Choose the other checkpoint", "It is attached and predicts these images too.")
            self.lists.setCurrentWidget(self.none_differ)

    def show_agreement(self, found: Agreement, first: str, second: str, *, state: str) -> None:
        """Show how two checkpoints agree.

        Parameters
        ----------
        first, second
            Their names.
        state
            What keeps the other one from answering, in words; empty where nothing does.
        """
        first, second = _short(first), _short(second)
        self.said.setText(sentence(found, first, second))
        left = f"{words.plural(found.unfinished, 'image')} not answered by both" if found.unfinished else ""
        self.waiting.setText(state or left)
        self.waiting.setVisible(bool(state or left))
        self.model.set_rows(found.differences, first, second)
        if found.differences:
            self.lists.setCurrentWidget(self.table)
            return
        if found.compared:
            self.none_differ.say("They agree", "Both give the same answer for every image they have answered.")
        else:
            self.none_differ.say("Nothing to compare yet", state or "The images that both have answered come here.")
        self.lists.setCurrentWidget(self.none_differ)

    def _tell_selected(self) -> None:
        row = self.table.currentIndex().row()
        if 0 <= row < len(self.model.rows):
            self.image_selected.emit(self.model.rows[row].image)


def _short(name: str) -> str:
    """Return a file's name that leaves room for another one beside it."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 14]}…{name[-13:]}"
