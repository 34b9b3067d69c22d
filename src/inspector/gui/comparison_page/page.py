"""The page of a comparison: which two, what it says in a sentence, every tensor, and one of them closely."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import theme
from inspector.gui.comparison_page.detail import DifferenceDetail
from inspector.gui.comparison_page.kind_chips import KindChips
from inspector.gui.comparison_page.pair_bar import PairBar
from inspector.gui.comparison_page.rows_model import ComparisonModel
from inspector.gui.comparison_page.rows_table import ComparisonTable
from inspector.gui.empty_page import EmptyPage
from inspector.gui.search_field import SearchField
from inspector.session import Session, words
from inspector.session.comparison_state import CheckpointComparison
from inspector.session.differing import DifferenceView
from inspector.session.failure import Failure

_UNSEEN = {
    "equal": "It is the same in both.",
    "shape": "It has another shape, so its numbers can't be compared.",
    "only_a": "It is only in A.",
    "only_b": "It is only in B.",
}
#: Milliseconds that a row is the current one before its tensor is read.
_PAUSE = 60
#: Logical pixels of the table at the least: its titles and three rows.
_LOWEST_TABLE = 124


class _Above(QWidget):
    """What stands above the pictures: never lower than its lines of text and chips need at its width."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for what the width needs; a splitter does not by itself."""
        super().resizeEvent(event)
        self.hold()

    def event(self, event: QEvent) -> bool:
        """Follow what is shown."""
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self.hold()
        return done

    def hold(self) -> None:
        """Ask for the height that the layout needs."""
        layout = self.layout()
        if layout is not None:
            self.setMinimumHeight(layout.minimumHeightForWidth(self.width()))


class ComparisonPage(QWidget):
    """Shows the store's comparison of two checkpoints.

    Signals
    -------
    tensor_selected
        The selected row's tensor: a checkpoint's id, and its number there.
    tensor_opened
        It is to be shown by itself.
    other_requested
        Another file is to be opened and compared.
    """

    tensor_selected = Signal(int, int)
    tensor_opened = Signal()
    other_requested = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._store = session, session.store
        self._shown: CheckpointComparison | None = None
        self._drop: Callable[[], None] = lambda: None
        self._seen_row, self._chosen_by_person, self._wants_first = -1, True, False
        self.pair, self.chips, self.search = PairBar(), KindChips(), SearchField("Filter by name")
        self.export = QPushButton("Export…")
        self.sentence, self.model = QLabel(wordWrap=True), ComparisonModel(self)
        self.table, self.detail = ComparisonTable(self.model), DifferenceDetail()
        self.empty, self.nothing = EmptyPage("compare"), EmptyPage("search")
        self.progress, self.cancel, self.doing = QProgressBar(), QPushButton("Cancel"), QLabel()
        self.pages, self.lists = QStackedWidget(), QStackedWidget()
        self._soon = QTimer(self, interval=_PAUSE, singleShot=True)
        self._soon.timeout.connect(self._describe)
        self._set_up()
        self._lay_out()
        self._connect()

    def _set_up(self) -> None:
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setFont(theme.scaled_font(1.08, bold=True))
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.search.setAccessibleName("Filter by name")
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setMaximumWidth(280)
        self.progress.setAccessibleName("Comparing")
        self.export.setToolTip("Save the shown rows as CSV or JSON")
        self.cancel.setToolTip("Stop comparing (Esc)")
        self.nothing.say("No tensor passes this filter", "Choose other words or kinds.", "Show all tensors")

    def _lay_out(self) -> None:
        running = QWidget()
        inside = QVBoxLayout(running)
        inside.setSpacing(10)
        inside.addStretch(2)
        for widget in (self.doing, self.progress, self.cancel):
            inside.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        inside.addStretch(3)
        self._running = running
        self.lists.addWidget(self.table)
        self.lists.addWidget(self.nothing)
        self.lists.setMinimumHeight(_LOWEST_TABLE)
        above = _Above()
        top = QVBoxLayout(above)
        top.setContentsMargins(16, 0, 16, 0)
        top.setSpacing(8)
        narrow = QHBoxLayout()
        narrow.setSpacing(10)
        narrow.addWidget(self.search, 1)
        narrow.addWidget(self.export)
        top.addWidget(self.sentence)
        top.addWidget(self.chips)
        top.addLayout(narrow)
        top.addWidget(self.lists, 1)
        self._whole = QSplitter(Qt.Orientation.Vertical)
        self._whole.setChildrenCollapsible(False)
        self._whole.addWidget(above)
        self._whole.addWidget(self.detail)
        self._whole.setStretchFactor(0, 1)
        self._whole.setStretchFactor(1, 1)
        self._whole.setSizes([1_000, 1_000])
        for page in (self._whole, running, self.empty):
            self.pages.addWidget(page)
        bar = QHBoxLayout()
        bar.setContentsMargins(16, 10, 16, 0)
        bar.addWidget(self.pair)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(bar)
        column.addWidget(self.pages, 1)

    def _connect(self) -> None:
        store, differing = self._store, self._session.differing
        self.pair.chosen.connect(differing.compare)
        self.pair.other_requested.connect(self.other_requested)
        self.cancel.clicked.connect(differing.cancel)
        self.export.clicked.connect(self._export)
        self.chips.changed.connect(self._filter)
        self.search.searched.connect(lambda _: self._filter())
        self.search.left.connect(lambda _: self.table.setFocus())
        self.nothing.pressed.connect(self._show_all)
        self.empty.pressed.connect(self._press)
        self.model.settled.connect(self._settle)
        self.table.row_selected.connect(self._select)
        self.table.opened.connect(self._open)
        self.detail.opened.connect(self._open)
        ends = [
            store.checkpoint_comparison_changed.connect(self._take),
            store.checkpoints_changed.connect(self._take_names),
        ]
        # A plain function: when `destroyed` is emitted this object can't be called any more.
        self.destroyed.connect(partial(_end_all, ends))

    # -- what is shown -----------------------------------------------------------------------------------------

    def _take(self) -> None:
        if self.isVisible():
            self.show_comparison()

    def _take_names(self) -> None:
        if self.isVisible() and self._store.checkpoint_comparison is not None:
            self._show_pair(self._store.checkpoint_comparison)

    def show_comparison(self) -> None:
        """Show the store's comparison, as far as it is."""
        found = self._store.checkpoint_comparison
        if found is self._shown and found is not None:
            return
        before, self._shown = self._shown, found
        self._soon.stop()  # what was asked about is a row of another comparison
        self._drop()
        self.pair.setVisible(found is not None)
        if found is None:
            self._say_empty("Nothing is compared", "Open another checkpoint beside this one.", "Compare with…")
            return
        if before is None or (before.a, before.b) != (found.a, found.b):
            self._show_pair(found)
        if found.phase == "running":
            self._show_progress(found)
        elif found.phase == "ready":
            self._show_rows(found)
        elif found.failure is not None:
            self._say_empty("They could not be compared", found.failure.sentence, "Try again")
        else:
            self._say_empty("The comparison was cancelled", "What had been compared is forgotten.", "Compare again")

    def _show_pair(self, found: CheckpointComparison) -> None:
        readable = [one for one in self._store.checkpoints.values() if one.summary is not None]
        self.pair.show_pair(readable, found.a, found.b)

    def _say_empty(self, title: str, text: str, button: str) -> None:
        self.empty.say(title, text, button)
        self.pages.setCurrentWidget(self.empty)

    def _press(self) -> None:
        found = self._store.checkpoint_comparison
        if found is None:
            self.other_requested.emit()
        else:
            self._session.differing.compare(found.a, found.b)

    def _show_progress(self, found: CheckpointComparison) -> None:
        done = f"{words.size(found.done)} of {words.size(found.total)}" if found.total else "…"
        self.doing.setText(f"Comparing {done}")
        self.progress.setValue(round(1000 * found.done / found.total) if found.total else 0)
        self.pages.setCurrentWidget(self._running)

    def _show_rows(self, found: CheckpointComparison) -> None:
        self.sentence.setText(found.sentence)
        self.sentence.setAccessibleName(found.sentence)
        self.chips.show_counts(found.rows.counts)
        a, b = (self._summary(number) for number in (found.a, found.b))
        self._seen_row = -1
        self.model.set_rows(found.rows, (a, b) if a is not None and b is not None else None)
        self._filter()
        self.pages.setCurrentWidget(self._whole)
        changed = found.rows.counts["changed"] > 0
        self.detail.setVisible(changed)
        self._wants_first = changed
        self._settle()

    def _filter(self) -> None:
        self.model.set_filter(self.chips.chosen, self.search.text())

    def _settle(self) -> None:
        """Tell how many rows are shown, once they are; of other rows than before the first is the current one."""
        if self.model.is_busy:
            return
        if self._wants_first:
            self._wants_first = False
            self._chosen_by_person = False  # the tree stays where it is
            self.table.select_first()
            self._chosen_by_person = True
        shown, total = self.model.rowCount(), len(self.model.rows)
        of_all = words.number(total) if shown == total else f"{words.number(shown)} of {words.number(total)}"
        self.search.set_note(of_all)
        self.lists.setCurrentWidget(self.table if shown or not total else self.nothing)

    def _export(self) -> None:
        from inspector.gui import taking_away

        taking_away.save_comparison(self, self._session, self.model.shown)

    def _show_all(self) -> None:
        self.search.clear()
        self.chips.clear()

    # -- one tensor --------------------------------------------------------------------------------------------

    def _select(self, number: int) -> None:
        """Show a row closely: its tensor in the tree now, its pictures in a moment."""
        self._seen_row = number
        self._drop()
        row = self.model.rows.row(number)
        self.detail.setVisible(True)
        self.detail.show_row(row, _UNSEEN.get(row.kind, row.problem or "Reading both…"))
        if row.kind == "changed":
            self._soon.start()
        else:
            self._soon.stop()
        found, current = self._store.checkpoint_comparison, self._store.current
        if found is not None and self._chosen_by_person:
            tensor = row.tensor_b if current == found.b else row.tensor_a
            if tensor >= 0 and current in (found.a, found.b):
                self.tensor_selected.emit(current, tensor)

    def _describe(self) -> None:
        shown, number = self._shown, self._seen_row
        if shown is None or number < 0:
            return

        def show(view: DifferenceView) -> None:
            summary = self._summary_of_a()
            if number == self._seen_row and summary is not None:
                self.detail.show_view(view, summary.shape(self.model.rows.tensors_a[number]))

        def fail(failure: Failure) -> None:
            if number == self._seen_row:
                self.detail.show_row(self.model.rows.row(number), failure.sentence)

        self._drop = self._session.differing.describe(number, show, fail)

    def _summary_of_a(self) -> CheckpointSummary | None:
        return self._summary(self._shown.a) if self._shown is not None else None

    def _summary(self, number: int) -> CheckpointSummary | None:
        found = self._store.checkpoints.get(number)
        return found.summary if found is not None else None

    def _open(self) -> None:
        """Show the selected tensor by itself, in the file that has it."""
        found, number = self._store.checkpoint_comparison, self._seen_row
        if found is None or number < 0:
            return
        row, current = self.model.rows.row(number), self._store.current
        sides = [(found.a, row.tensor_a), (found.b, row.tensor_b)]
        sides.sort(key=lambda side: side[0] != current)  # the shown file first
        checkpoint, tensor = next(side for side in sides if side[1] >= 0)
        self._session.show(checkpoint)
        self.tensor_selected.emit(checkpoint, tensor)
        self.tensor_opened.emit()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what has changed while this was not seen."""
        super().showEvent(event)
        self.show_comparison()
        self._take_names()


def _end_all(ends: list[Callable[[], None]], _destroyed: object = None) -> None:
    while ends:
        ends.pop()()
