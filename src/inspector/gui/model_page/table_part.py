"""The table over all tensors with its filter above it, and what copies it."""

from __future__ import annotations

from array import array
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from inspector.export.tables import tab_text
from inspector.gui import icons
from inspector.gui.combo import Combo
from inspector.gui.empty_page import EmptyPage
from inspector.gui.model_page.part import ModelPart
from inspector.gui.model_page.rows import Column, Only
from inspector.gui.model_page.table_model import HEADER, TensorTableModel
from inspector.gui.model_page.table_view import TensorTable
from inspector.gui.search_field import SearchField
from inspector.gui.slices import Slices, Work
from inspector.session import Session, words
from inspector.session.state import OpenCheckpoint

#: Rows made between two chances to pause.
_SLICE = 128

#: Logical pixels from which on there is room for the count of tensors.
_COUNTED_FROM = 580

_ONLY: tuple[tuple[Only, str], ...] = (
    ("all", "All tensors"),
    ("parameters", "Only parameters"),
    ("broken", "With NaN or Inf"),
    ("zeros", "With zeros"),
)


class TablePart(ModelPart):
    """Every tensor with its figures; what is selected here is selected in the tree."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._checkpoint = session, -1
        self.model = TensorTableModel(self)
        self.table = TensorTable(self.model)
        self.search = SearchField("Filter tensors")
        self.search.setAccessibleName("Filter by name, shape or dtype")
        self.search.setToolTip("Words to find in names, shapes (64×3×7×7) and dtypes")
        self.only = Combo()
        self.only.setAccessibleName("Which tensors are shown")
        self.only.setToolTip("Show only some of the tensors")
        for name, text in _ONLY:
            self.only.addItem(text, name)
        self.count = QLabel()
        self.count.setProperty("muted", True)
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Copy the shown rows, for a spreadsheet; the keys copy the selected ones")
        self.export = QPushButton("Export…")
        self.export.setToolTip("Save the shown rows as CSV or JSON")
        self.nothing = EmptyPage("search")
        self.nothing.say("No tensor passes this filter", "Choose other words, or other tensors.", "Show all tensors")
        self.pages = QStackedWidget()
        self._copying = Slices(self)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.search, 1)
        row.addWidget(self.only)
        row.addWidget(self.count)
        row.addWidget(self.copy)
        row.addWidget(self.export)
        self.pages.addWidget(self.table)
        self.pages.addWidget(self.nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.pages, 1)

    def _connect(self) -> None:
        self.search.searched.connect(lambda _: self._filter())
        self.search.left.connect(lambda _: self.table.setFocus(Qt.FocusReason.TabFocusReason))
        self.only.currentIndexChanged.connect(lambda _: self._filter())
        self.nothing.pressed.connect(self.show_all)
        self.copy.clicked.connect(lambda: self._copy(self.model.shown))
        self.export.clicked.connect(lambda: self._save_figures(self.model.shown))
        self.table.copy_pressed.connect(lambda: self._copy(array("i", self.table.chosen_tensors())))
        self.table.tensor_selected.connect(self._select)
        self.table.opened.connect(self.tensor_opened)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(
            lambda place: self._menu().popup(self.table.viewport().mapToGlobal(place))
        )
        self.model.settled.connect(self._settle)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the count where the words of the filter would have no room beside it."""
        super().resizeEvent(event)
        self.count.setVisible(self.width() >= _COUNTED_FROM)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_checkpoint(self, found: OpenCheckpoint | None) -> None:
        """Show a checkpoint, or what changed of it."""
        summary = found.summary if found is not None else None
        before, survey = self.model.survey, found.survey if found is not None else None
        is_new = summary is not self.model.summary
        is_ready = survey is not None and survey.phase == "ready"
        self._checkpoint = found.id if found is not None else -1
        self.model.show_summary(summary, survey)
        if is_new or (is_ready and (before is None or before.phase != "ready")):
            self.table.fit_columns()
        if found is not None and found.tensor is not None:
            self.table.select(found.tensor)

    def show_only(self, only: Only) -> None:
        """Show only some of the tensors, whatever their names."""
        self.search.clear()
        self.only.setCurrentIndex(self.only.findData(only))

    def show_all(self) -> None:
        """Take every filter away."""
        self.show_only("all")

    def _filter(self) -> None:
        self.model.set_filter(self.search.text(), cast(Only, self.only.currentData()))

    def _settle(self) -> None:
        summary, shown = self.model.summary, self.model.rowCount()
        total = words.plural(len(summary) if summary is not None else 0, "tensor")
        whole = summary is None or shown == len(summary)
        self.count.setText(total if whole else f"{words.number(shown)} of {total}")
        is_empty = shown == 0 and self.model.choice.filters
        self.pages.setCurrentWidget(self.nothing if is_empty else self.table)

    def _select(self, tensor: int) -> None:
        self._session.select_tensor(self._checkpoint, tensor)

    # -- taking it away ----------------------------------------------------------------------------------------

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chosen = array("i", self.table.chosen_tensors())
        if chosen:
            menu.addAction(icons.icon("tensor"), "Show the tensor", self.tensor_opened.emit)
            menu.addAction(icons.icon("copy"), "Copy name", lambda: self._copy_names(chosen))
            menu.addAction(icons.icon("copy"), f"Copy {words.plural(len(chosen), 'row')}", lambda: self._copy(chosen))
        menu.addAction(icons.icon("copy"), "Copy the shown rows", lambda: self._copy(self.model.shown))
        menu.addSeparator()
        if chosen:
            saving = "Save as .npy…" if len(chosen) == 1 else "Save selected as .npz…"
            menu.addAction(saving, lambda: self._save_arrays(chosen))
            menu.addAction(f"Export {words.plural(len(chosen), 'row')}…", lambda: self._save_figures(chosen))
        menu.addAction("Export the shown rows…", lambda: self._save_figures(self.model.shown))
        return menu

    def _save_arrays(self, tensors: array[int]) -> None:
        from inspector.gui import taking_away

        taking_away.save_arrays(self, self._session, self._checkpoint, tensors)

    def _save_figures(self, tensors: array[int]) -> None:
        from inspector.gui import taking_away

        taking_away.save_figures(self, self._session, self._checkpoint, tensors)

    def _copy_names(self, tensors: array[int]) -> None:
        summary = self.model.summary
        assert summary is not None
        QGuiApplication.clipboard().setText("\n".join(summary.names[tensor] for tensor in tensors))

    def _copy(self, tensors: array[int]) -> None:
        self._copying.begin(self._lines(tensors), self._arrive)

    def _lines(self, tensors: array[int]) -> Work[tuple[int, str]]:
        header = [title for column, title in zip(Column, HEADER, strict=True) if column != Column.VALUES]
        lines = [tab_text(header, ())]
        for first in range(0, len(tensors), _SLICE):
            rows = self.model.tab_lines(tensors[first : first + _SLICE])
            lines.append(tab_text((), rows).removeprefix("\n"))
            yield
        return len(tensors), "".join(lines).replace(words.THIN, " ")

    def _arrive(self, copied: tuple[int, str]) -> None:
        QGuiApplication.clipboard().setText(copied[1])
        self._session.store.notice(f"Copied {words.plural(copied[0], 'row')}.")
