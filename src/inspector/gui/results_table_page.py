"""The table of results with its filter above it, or why it is empty."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from inspector.gui.empty_page import EmptyPage
from inspector.gui.results_filter import ResultsFilter
from inspector.gui.results_model import ResultsModel
from inspector.gui.results_table import ResultsTable
from inspector.session.results import Filter
from inspector.session.store import Store


class ResultsTablePage(QWidget):
    """Shows a `ResultsModel`, which others may share.

    Signals
    -------
    filtered
        Other rows are shown.
    """

    filtered = Signal()

    def __init__(self, store: Store, model: ResultsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.filter = ResultsFilter()
        self.table = ResultsTable(model, store.images.get)
        self.nothing = EmptyPage("search")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.table)
        self.pages.addWidget(self.nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.filter)
        column.addWidget(self.pages, 1)
        self.nothing.say("No image passes this filter", "Choose other words, or a smaller score.", "Show all images")
        self.nothing.pressed.connect(self.filter.clear)
        self.filter.changed.connect(self._filter)
        self.filter.search.left.connect(lambda _: self.table.setFocus())
        model.settled.connect(self._show)

    def _filter(self, chosen: Filter) -> None:
        self._model.set_filter(chosen)
        self.filtered.emit()

    def _show(self) -> None:
        shown, total = self._model.rowCount(), len(self._model.rows)
        self.filter.show_count(shown, total)
        is_empty = not shown and total > 0 and self._model.filter.is_on and not self._model.is_busy
        self.pages.setCurrentWidget(self.nothing if is_empty else self.table)
        self.table.show_needed_columns()
