"""The panel of a checkpoint's module tree: search on top, the tree, and what does not fit the architecture."""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import QItemSelection, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from inspector.checkpoint.summary import NODE_KINDS, CheckpointSummary
from inspector.gui import icons
from inspector.gui.missing_keys import MissingKeys
from inspector.gui.module_tree_model import ModuleTreeModel
from inspector.gui.module_tree_view import ModuleTreeView
from inspector.gui.search_field import SearchField
from inspector.gui.tree_place import Place, first_expanded, moved_place
from inspector.gui.tree_search import Found, TreeSearch
from inspector.session import words
from inspector.session.state import MatchReport, OpenCheckpoint

_SEARCH_SECONDS = 0.006


class ModuleTree(QWidget):
    """The tree of the checkpoint whose tab is shown. Each one's expansion, selection and search come back with it.

    Attributes
    ----------
    tensor_selected
        The index of the tensor that was selected, -1 for any other row.
    node_selected
        The node that was selected, -1 for none; told after its tensor.
    """

    tensor_selected = Signal(int)
    node_selected = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places: dict[int, Place] = {}
        self._number = -1
        self._restoring = False
        self._searching: Iterator[Found | None] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._search_slice)
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
        self.view.expanded.connect(lambda index: self._note_expansion(self.model.node(index), True))
        self.view.collapsed.connect(lambda index: self._note_expansion(self.model.node(index), False))
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
            self._arrive(number, summary, report)
        elif report is not self.model.report:
            self.model.set_match_report(report)
            self.view.viewport().update()
            self.view.fit_columns(report, has_match=summary is not None and summary.model is not None)
        self.missing.show_report(report)
        if found is not None and found.tensor is not None:
            self.select_tensor(found.tensor)

    def forget(self, number: int) -> None:
        """Forget how a checkpoint's tree was left, once it is closed."""
        self._places.pop(number, None)

    def select_tensor(self, tensor: int) -> None:
        """Select a tensor's row, without telling anyone: the session knows."""
        node = self.model.tensor_node(tensor)
        if node >= 0 and node != self.selected_node:
            self._select(node)

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
        self._stop_search()
        place = self._place
        if place is not None:
            place.scroll = self.view.verticalScrollBar().value()

    def _arrive(self, number: int, summary: CheckpointSummary | None, report: MatchReport | None) -> None:
        self._number = number
        if summary is not None:
            left = self._places.get(number)
            if left is None:
                self._places[number] = Place(TreeSearch(summary), first_expanded(summary))
            elif left.search.summary is not summary:
                self._places[number] = moved_place(left, summary)
        place = self._place
        self.search.set_text_silently(place.query if place is not None else "")
        self.search.set_note("")
        self.search.setEnabled(summary is not None)
        self.view.message = ""
        self.model.set_summary(summary, report)
        self.view.fit_columns(report, has_match=summary is not None and summary.model is not None)
        if place is not None:
            self._restore(place)
            if place.query.strip():
                self._search(place.query)

    def _restore(self, place: Place) -> None:
        """Expand and select as the person left it."""
        self.view.expand_nodes(sorted(place.expanded))
        if place.node >= 0:
            self._select(place.node)
        self.view.verticalScrollBar().setValue(place.scroll)

    # -- selection ---------------------------------------------------------------------------------------------

    def _select(self, node: int) -> None:
        place = self._place
        if place is None:
            return
        place.node = node
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

    def _note_expansion(self, node: int, expanded: bool) -> None:
        place = self._place
        # what a search expands is gone with the search
        if place is None or self.model.found is not None or self._restoring:
            return
        if expanded:
            place.expanded.add(node)
        else:
            place.expanded.discard(node)

    # -- search ------------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a search, or the expansion of rows, is still under way."""
        return self._timer.isActive() or self.view.is_expanding

    def _search(self, query: str) -> None:
        place = self._place
        self._stop_search()
        if place is None:
            return
        place.query = query
        if not query.strip():
            if self.model.found is not None:
                self.model.set_found(None)
                self._restore(place)
            return
        self._searching = place.search.run(query)
        self._timer.start()
        self._search_slice()

    def _search_slice(self) -> None:
        deadline = time.monotonic() + _SEARCH_SECONDS
        while self._searching is not None and time.monotonic() < deadline:
            found = next(self._searching)
            if found is not None:
                self._stop_search()
                self._show_found(found)

    def _stop_search(self) -> None:
        self._searching = None
        self._timer.stop()

    def _show_found(self, found: Found) -> None:
        assert self.model.summary is not None
        place = self._place
        total = words.plural(len(self.model.summary), "tensor")
        self.search.set_note(f"{words.number(found.tensors)} of {total}")
        self.view.message = f"Nothing here matches “{self.search.text().strip()}”. Esc clears the search."
        self.model.set_found(found)
        self.view.expand_nodes(self.model.branches())
        if place is not None and place.node >= 0:
            self._select(place.node)

    def _enter_results(self, chosen: bool) -> None:
        """Go from the field to the rows: to the first match where Enter was pressed."""
        self.view.setFocus(Qt.FocusReason.TabFocusReason)
        if self.model.summary is None or (not chosen and self.view.currentIndex().isValid()):
            return
        node = 0
        while self.model.children_of(node):
            node = self.model.children_of(node)[0]
        index = self.model.index_of(node)
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
        menu.addSeparator()
        menu.addAction("Expand all", self.view.expand_all)
        menu.addAction("Collapse all", self._collapse_all)
        return menu

    def _collapse_all(self) -> None:
        place = self._place
        if place is not None and self.model.found is None:
            place.expanded = {0}  # the view tells of no single row here
        self.view.collapse_all()
