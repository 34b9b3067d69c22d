"""The module tree as a Qt model over a checkpoint's columns: nodes are numbers, found by arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui.module_tree_cells import Column, Role, TreeCells
from inspector.gui.tooltips import tooltip
from inspector.gui.tree_search import Found
from inspector.session.state import MatchReport

Index = QModelIndex | QPersistentModelIndex

#: Children of one node that the view lays out at a time: each costs it 10 µs, and all of them are laid out at once.
BATCH = 2_000

_HEADERS = ("Name", "Shape", "Dtype", "Parameters", "Size", "Match")
_HEADER_TIPS = (
    "Modules, parameters and buffers, by their keys",
    "Sizes of the tensor's dimensions",
    "Type of the elements",
    "Elements of parameters; a buffer's elements in grey",
    "Bytes of the elements",
    "Whether the chosen architecture has this key in this shape",
)
_RIGHT = (Column.PARAMETERS, Column.SIZE, Column.MATCH)


class ModuleTreeModel(QAbstractItemModel):
    """A checkpoint's tree, whole or only what a search found. A node's number is its index's internal id.

    Node 0 is the file itself, the one top row. `canFetchMore` is true of nodes with more children than are laid out
    at a time.

    Attributes
    ----------
    summary, found
        The checkpoint that is shown, and what of it: None for everything.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.summary: CheckpointSummary | None = None
        self._cells: TreeCells | None = None
        self.found: Found | None = None
        self._fetched: dict[int, int] = {}
        self._tensor_nodes: dict[int, int] = {}

    # -- what is shown -----------------------------------------------------------------------------------------

    def set_summary(self, summary: CheckpointSummary | None, report: MatchReport | None = None) -> None:
        """Show another checkpoint, whole, with its match report."""
        self.beginResetModel()
        self.summary, self.found = summary, None
        self._fetched.clear()
        self._tensor_nodes = {}
        self._cells = TreeCells(summary, report) if summary is not None else None
        self.endResetModel()

    def set_match_report(self, report: MatchReport | None) -> None:
        """Show another match report, or none. Whoever shows more than the top row repaints it all."""
        self._cells = TreeCells(self.summary, report) if self.summary is not None else None
        # One signal in place of one for each of thousands of parents: a view repaints what it shows anyway.
        top = self.index(0, 0)
        if top.isValid():
            self.dataChanged.emit(top, self.index(0, Column.MATCH))

    def set_found(self, found: Found | None) -> None:
        """Show only what a search found, or everything."""
        self.beginResetModel()
        self.found = found
        self._fetched.clear()
        self.endResetModel()

    # -- nodes -------------------------------------------------------------------------------------------------

    def node(self, index: Index) -> int:
        """Return the node of an index, -1 for none."""
        return index.internalId() if index.isValid() else -1

    def index_of(self, node: int, column: int = Column.NAME) -> QModelIndex:
        """Return the index of a node, an invalid one where it is not shown. Its row is fetched."""
        if self.summary is None or not 0 <= node < len(self.summary.kinds):
            return QModelIndex()
        row = self._row(node)
        if row < 0 or (node and not self._is_shown(self.summary.parents[node])):
            return QModelIndex()
        self._fetch_way(node)
        return self.createIndex(row, column, node)

    def tensor_node(self, tensor: int) -> int:
        """Return the node of a tensor, -1 where the tree has none."""
        if not self._tensor_nodes and self.summary is not None:
            self._tensor_nodes = {found: node for node, found in enumerate(self.summary.tensors) if found >= 0}
        return self._tensor_nodes.get(tensor, -1)

    def children_of(self, node: int) -> Sequence[int]:
        """Return the shown children of a node."""
        if self.summary is None:
            return ()
        if self.found is not None:
            return self.found.children.get(node, ())
        first = self.summary.first_children[node]
        return range(first, first + self.summary.child_counts[node])

    def branches(self) -> Iterator[int]:
        """Return the shown nodes that have children, each before what lies in it, from the top."""
        pending = [0] if self.summary is not None and self._is_shown(0) else []
        while pending:
            node = pending.pop()
            children = self.children_of(node)
            if children:
                yield node
                pending += reversed(children)

    def path_of(self, node: int) -> str:
        """Return a node's full name, empty for the top row and for no node."""
        if self._cells is None or not 0 <= node < len(self._cells.summary.kinds):
            return ""
        return self._cells.path(node)

    @property
    def report(self) -> MatchReport | None:
        """The match report that is shown."""
        return self._cells.report if self._cells is not None else None

    def _is_shown(self, node: int) -> bool:
        return self.found is None or node in self.found.rows

    def _row(self, node: int) -> int:
        assert self.summary is not None
        if self.found is not None:
            return self.found.rows.get(node, -1)
        return node - self.summary.first_children[self.summary.parents[node]] if node else 0

    def _fetched_count(self, node: int) -> int:
        return min(len(self.children_of(node)), self._fetched.get(node, BATCH))

    def _fetch_way(self, node: int) -> None:
        """Lay out a node and what it lies in, from the top."""
        assert self.summary is not None
        way = []
        while node > 0:
            way.append(node)
            node = self.summary.parents[node]
        for below in reversed(way):
            above, row = self.summary.parents[below], self._row(below)
            if row >= self._fetched_count(above):
                self._fetch(above, row + 1)

    def _fetch(self, node: int, count: int) -> None:
        start = self._fetched_count(node)
        stop = min(len(self.children_of(node)), max(count, start + BATCH))
        if stop > start:
            self.beginInsertRows(self.createIndex(self._row(node), 0, node), start, stop - 1)
            self._fetched[node] = stop
            self.endInsertRows()

    # -- Qt's model --------------------------------------------------------------------------------------------

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Return the index of a cell; an invalid one for anything out of bounds."""
        if self.summary is None or row < 0 or not 0 <= column < len(_HEADERS):
            return QModelIndex()
        if not parent.isValid():
            return self.createIndex(row, column, 0) if row == 0 and self._is_shown(0) else QModelIndex()
        above = parent.internalId()
        if parent.column() != 0 or not 0 <= above < len(self.summary.kinds) or row >= self._fetched_count(above):
            return QModelIndex()
        return self.createIndex(row, column, self.children_of(above)[row])

    def parent(self, index: Index = QModelIndex()) -> Any:  # noqa: B008
        """Return the index a row lies under."""
        if self.summary is None or not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        above = self.summary.parents[index.internalId()]
        return self.createIndex(self._row(above), 0, above)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many children are laid out; only the first column has any."""
        if self.summary is None or parent.column() > 0:
            return 0
        if not parent.isValid():
            return int(self._is_shown(0))
        return self._fetched_count(parent.internalId())

    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: B008
        """Tell whether a row can be expanded."""
        if self.summary is None or parent.column() > 0:
            return False
        if not parent.isValid():
            return self._is_shown(0)
        return len(self.children_of(parent.internalId())) > 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return len(_HEADERS)

    def canFetchMore(self, parent: Index) -> bool:
        """Tell whether a row has more children than are laid out."""
        if self.summary is None or not parent.isValid() or parent.column() > 0:
            return False
        node = parent.internalId()
        return self._fetched_count(node) < len(self.children_of(node))

    def fetchMore(self, parent: Index) -> None:
        """Lay out more of a row's children."""
        if self.canFetchMore(parent):
            self._fetch(parent.internalId(), 0)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's title, tooltip and alignment."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(_HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _HEADER_TIPS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        if self._cells is None or not index.isValid():
            return None
        cells, node, column = self._cells, index.internalId(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return cells.text(node, column)
        if role == Role.QUIET:
            return cells.is_quiet(node, column)
        if role == Role.MARK:
            return cells.mark(node)
        if role == Role.ICON:
            return cells.icon(node) if column == Column.NAME else None
        if role == Role.DETAIL:
            return cells.detail(node) if column == Column.NAME else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(*cells.tooltip_lines(node))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return cells.spoken(node, column)
        return None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
