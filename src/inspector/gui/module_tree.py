"""The panel of a checkpoint's module tree: search on top, the tree, and what does not fit the architecture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from PySide6.QtCore import QItemSelection, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from inspector.checkpoint.summary import NODE_KINDS, CheckpointSummary
from inspector.gui import icons
from inspector.gui.missing_keys import MissingKeys
from inspector.gui.module_tree_model import ModuleTreeModel
from inspector.gui.module_tree_view import ModuleTreeView
from inspector.gui.search_field import SearchField
from inspector.gui.slices import Slices
from inspector.gui.tree_place import Place, first_expanded, moved_place
from inspector.gui.tree_rows import TreeRows, tensors_below
from inspector.gui.tree_search import TreeSearch
from inspector.session import words
from inspector.session.match_state import MatchReport
from inspector.session.state import OpenCheckpoint
from inspector.session.survey_state import Survey

#: One slice of what takes long.
_SLICE_SECONDS = 0.006
#: Milliseconds between two searches for modules that hold something marked, while a survey runs.
_MARK_AGAIN_AFTER = 1_000


class ModuleTree(QWidget):
    """The tree of the checkpoint whose tab is shown. Each one's expansion, selection and search come back with it.

    Attributes
    ----------
    tensor_selected
        The index of the tensor that was selected, -1 for any other row.
    node_selected
        The node that was selected, -1 for none; told after its tensor.
    layer_requested
        The person wants to see what the selected layer sees in an image.
    save_requested
        The person wants to save tensors as arrays: a list of their numbers.
    """

    tensor_selected = Signal(int)
    node_selected = Signal(int)
    layer_requested = Signal()
    save_requested = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places: dict[int, Place] = {}
        self._number = -1
        self._restoring = False
        self._job: Iterator[TreeRows | None] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._work)
        self._survey: Survey | None = None
        self._marking = Slices(self)
        self._mark_again = QTimer(self, singleShot=True)
        self._mark_again.timeout.connect(self._mark_nodes)
        find = QKeySequence(QKeySequence.StandardKey.Find).toString(QKeySequence.SequenceFormat.NativeText)
        self.search = SearchField("Search names, shapes, dtypes", find)
        self.search.setAccessibleName("Search the tree")
        self.search.setToolTip(f"Words to find in names, shapes (64×3×7×7) and dtypes ({find})")
        self.model = ModuleTreeModel(self)
        self.view = ModuleTreeView(self.model)
        self.view.setAccessibleName("Module tree")
        self.missing = MissingKeys()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(12, 10, 12, 8)
        top.addWidget(self.search)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.missing)
        self.setMinimumWidth(280)
        self.setFocusProxy(self.view)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def _connect(self) -> None:
        self.search.searched.connect(self._search)
        self.search.left.connect(self._enter_results)
        self.view.typed.connect(self._type_on)
        self.view.expand_all_requested.connect(self.expand_all)
        self.view.selectionModel().selectionChanged.connect(self._tell_selection)
        self.view.customContextMenuRequested.connect(self._show_menu)

    # -- checkpoints -------------------------------------------------------------------------------------------

    def show_checkpoint(self, found: OpenCheckpoint | None) -> None:
        """Show a checkpoint, or what changed of the one that is shown, or none."""
        summary = found.summary if found is not None else None
        report = found.match_report if found is not None and summary is not None else None
        number = found.id if found is not None and summary is not None else -1
        if summary is not self.model.summary or number != self._number:
            self._leave()
            self.show_survey(None)
            self._arrive(number, summary, report)
        elif report is not self.model.report:
            self.model.set_match_report(report)
            self.view.fit_columns(report, has_match=summary is not None and summary.model is not None)
        self.missing.show_report(report)
        self.show_survey(found.survey if found is not None and summary is not None else None)
        if found is not None and found.tensor is not None:
            self.select_tensor(found.tensor)

    def show_survey(self, survey: Survey | None) -> None:
        """Show what is known of the tensors' values."""
        if survey is self._survey:
            return
        before, self._survey = self._survey, survey
        self.model.set_survey(survey)
        self.view.show_values(known=survey is not None)
        is_over = survey is None or survey.phase != "running"
        if survey is None or before is None or survey.figures is not before.figures:
            self._marking.stop()
        if is_over or not (self._marking.is_busy or self._mark_again.isActive()):
            self._mark_again.start(0 if is_over else _MARK_AGAIN_AFTER)

    def _mark_nodes(self) -> None:
        """Find which modules hold something that is marked."""
        if self.model.marks is not None:
            self._marking.begin(self.model.marks.of_nodes(), self.model.set_node_marks)

    def forget(self, number: int) -> None:
        """Forget how a checkpoint's tree was left, once it is closed."""
        self._places.pop(number, None)

    def select_tensor(self, tensor: int) -> None:
        """Select a tensor's row, without telling anyone: the session knows."""
        node = self.model.tensor_node(tensor)
        if node >= 0 and node != self.selected_node:
            self._select(node)

    def go_to(self, node: int) -> None:
        """Select a node for whoever points at it elsewhere, and tell of it as if it had been clicked."""
        summary = self.model.summary
        if summary is not None and 0 <= node < len(summary.kinds):
            self._select(node)
            self.tensor_selected.emit(summary.tensors[node])
            self.node_selected.emit(node)

    def select_root(self) -> None:
        """Select the whole checkpoint, beside which the code in it is shown."""
        self.go_to(0)

    def focus_search(self) -> None:
        """Put the keyboard into the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    @property
    def selected_node(self) -> int:
        """The selected node, also while a search hides it; -1 for none."""
        place = self._place
        return place.node if place is not None else -1

    @property
    def _place(self) -> Place | None:
        return self._places.get(self._number)

    def _leave(self) -> None:
        self._stop()
        place = self._place
        if place is not None and self.model.rows is place.rows:
            place.scroll = self.view.verticalScrollBar().value()

    def _arrive(self, number: int, summary: CheckpointSummary | None, report: MatchReport | None) -> None:
        self._number = number
        if summary is not None:
            left = self._places.get(number)
            if left is None:
                self._places[number] = Place(TreeSearch(summary), TreeRows(summary, first_expanded(summary)))
            elif left.search.summary is not summary:
                self._places[number] = moved_place(left, summary)
        place = self._place
        self.search.set_text_silently(place.query if place is not None else "")
        self.search.set_note("")
        self.search.setEnabled(summary is not None)
        self.view.message = ""
        self._show_rows(place.rows if place is not None else None, report)
        self.view.fit_columns(report, has_match=summary is not None and summary.model is not None)
        if place is not None:
            self.view.verticalScrollBar().setValue(place.scroll)
            if place.query.strip():
                self._search(place.query)

    def _show_rows(self, rows: TreeRows | None, report: MatchReport | None) -> None:
        """Show rows, with the selected node selected wherever it is among them."""
        self._restoring = True
        self.model.set_rows(rows, report)
        self.view.settle()
        self._restoring = False
        place = self._place
        if place is not None and place.node >= 0:
            self._mark(place.node)

    # -- selection ---------------------------------------------------------------------------------------------

    def _select(self, node: int) -> None:
        place = self._place
        if place is None:
            return
        place.node = node
        self._restoring = True  # rows that come between the selected ones would be told of as if nothing were selected
        self.model.reveal(node)
        self._mark(node)

    def _mark(self, node: int) -> None:
        """Select a node's row, and tell nobody."""
        index = self.model.index_of(node)
        self._restoring = True
        if index.isValid():
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)
        else:
            self.view.clearSelection()
        self._restoring = False

    def _tell_selection(self, selected: QItemSelection, _: QItemSelection) -> None:
        place = self._place
        if self._restoring or place is None or self.model.summary is None:
            return
        node = self.model.node(selected.indexes()[0]) if selected.indexes() else -1
        place.node = node
        self.tensor_selected.emit(self.model.summary.tensors[node] if node >= 0 else -1)
        self.node_selected.emit(node)

    # -- search ------------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a search, or the expansion of everything, is still under way."""
        return self._timer.isActive()

    def _begin(self, job: Iterator[TreeRows | None]) -> None:
        """Work towards new rows in slices that leave the event loop free, then show them."""
        self._job = job
        self._timer.start()
        self._work()

    def _work(self) -> None:
        deadline = time.monotonic() + _SLICE_SECONDS
        while self._job is not None and time.monotonic() < deadline:
            rows = next(self._job)
            if rows is not None:
                self._stop()
                self._take(rows)

    def _stop(self) -> None:
        self._job = None
        self._timer.stop()

    def _take(self, rows: TreeRows) -> None:
        place = self._place
        assert place is not None
        if rows.found is None:
            place.rows = rows
        else:
            total = words.plural(len(rows.summary), "tensor")
            self.search.set_note(f"{words.number(rows.found.tensors)} of {total}")
            self.view.message = f"Nothing here matches “{self.search.text().strip()}”. Esc clears the search."
        self._show_rows(rows, self.model.report)

    def _search(self, query: str) -> None:
        place = self._place
        self._stop()
        if place is None:
            return
        place.query = query
        if query.strip():
            self._begin(self._searched(place, query))
        elif self.model.rows is not place.rows:
            if place.node >= 0:
                place.rows.reveal(place.node)
            self._show_rows(place.rows, self.model.report)

    @staticmethod
    def _searched(place: Place, query: str) -> Iterator[TreeRows | None]:
        for found in place.search.run(query):
            yield TreeRows(place.search.summary, (), found) if found is not None else None

    def expand_all(self) -> None:
        """Expand everything that is shown."""
        if self.model.rows is not None:
            self._stop()
            self._begin(self.model.rows.whole())

    def collapse_all(self) -> None:
        """Collapse everything but the top row."""
        rows, place = self.model.rows, self._place
        if rows is None or place is None:
            return
        self._stop()
        made = rows.top()
        if rows.found is None:
            place.rows = made
        self._show_rows(made, self.model.report)

    def _enter_results(self, chosen: bool) -> None:
        """Go from the field to the rows: to the first match where Enter was pressed."""
        self.view.setFocus(Qt.FocusReason.TabFocusReason)
        if self.model.summary is None or (not chosen and self.view.currentIndex().isValid()):
            return
        row = 0
        while self.model.is_expanded(self.model.node(self.model.index(row, 0))):
            row += 1  # the first one in an expanded row is the next row
        index = self.model.index(row, 0)
        if index.isValid():
            self.view.setCurrentIndex(index)

    def _type_on(self, text: str) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Find and copy. A window's own shortcut for finding comes first."""
        if event.matches(QKeySequence.StandardKey.Find):
            self.focus_search()
        elif event.matches(QKeySequence.StandardKey.Copy) and self.selected_node >= 0:
            QGuiApplication.clipboard().setText(self._name(self.selected_node))
        elif event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
        else:
            super().keyPressEvent(event)

    # -- context menu ------------------------------------------------------------------------------------------

    def _name(self, node: int) -> str:
        summary = self.model.summary
        return self.model.path_of(node) or (summary.path if summary is not None else "")

    def _show_menu(self, position: QPoint) -> None:
        if self.model.summary is not None:
            node = self.model.node(self.view.indexAt(position))
            menu = self.menu_for(node if node >= 0 else self.selected_node)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.view.viewport().mapToGlobal(position))

    def _show_layer(self, node: int) -> None:
        self._select(node)
        self.layer_requested.emit()

    def _offer_arrays(self, menu: QMenu, node: int) -> None:
        """Offer to save the tensor of a node, or those below it."""
        summary = self.model.summary
        if summary is None or node < 0:
            return
        if (tensor := summary.tensors[node]) >= 0:
            menu.addAction("Save as .npy…", lambda: self.save_requested.emit([tensor]))
        elif summary.child_counts[node] and summary.nbytes[node]:
            menu.addAction("Save its tensors as .npz…", lambda: self.save_requested.emit(tensors_below(summary, node)))

    def menu_for(self, node: int) -> QMenu:
        """Return the context menu of a node."""
        summary, menu = self.model.summary, QMenu(self)
        assert summary is not None
        tensor = summary.tensors[node] if node >= 0 else -1
        clipboard = QGuiApplication.clipboard()
        if node >= 0:
            menu.addAction(icons.icon("copy"), "Copy name", lambda: clipboard.setText(self._name(node)))
        if tensor >= 0:
            shape = str(list(summary.shape(tensor)))
            menu.addAction("Copy shape", lambda: clipboard.setText(shape))
        elif node >= 0 and NODE_KINDS[summary.kinds[node]] == "value":
            menu.addAction("Copy value", lambda: clipboard.setText(summary.details[node]))
        self._offer_arrays(menu, node)
        if node >= 0 and self.model.report is not None:
            menu.addSeparator()
            menu.addAction(icons.icon("eye"), "Show what this layer sees", partial(self._show_layer, node))
        menu.addSeparator()
        menu.addAction("Expand all", self.expand_all)
        menu.addAction("Collapse all", self.collapse_all)
        return menu
