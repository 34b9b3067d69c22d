"""The module tree as a Qt model: the rows that are shown, of a checkpoint's columns.

A flat table, not a tree of indexes: a `QTreeView` asks its model for every row of every expanded node whenever
something is inserted, 5 to 10 µs for each, which for 20,000 rows held the window for a tenth of a second and for
200,000 for a whole one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui.module_tree_cells import Column, Role, TreeCells
from inspector.gui.tensor_marks import Mark, TensorMarks
from inspector.gui.tooltips import tooltip
from inspector.gui.tree_rows import TreeRows
from inspector.session.match_state import MatchReport
from inspector.session.survey_state import KNOWN, Survey, SurveyFigures

Index = QModelIndex | QPersistentModelIndex

_HEADERS = ("Name", "Shape", "Dtype", "Parameters", "Size", "Values", "Match")
_HEADER_TIPS = (
    "Modules, parameters and buffers, by their keys",
    "Sizes of the tensor's dimensions",
    "Type of the elements",
    "Elements of parameters; a buffer's elements in grey",
    "Bytes of the elements",
    "How the values are distributed, from the least to the greatest",
    "Whether the chosen architecture has this key in this shape",
)
_RIGHT = (Column.PARAMETERS, Column.SIZE, Column.MATCH)


class ModuleTreeModel(QAbstractTableModel):
    """The shown rows of a checkpoint's tree. Node 0 is the file itself, the first row.

    Attributes
    ----------
    rows
        The rows that are shown; changed through this model alone.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: TreeRows | None = None
        self._cells: TreeCells | None = None
        self._figures: SurveyFigures | None = None
        self.marks: TensorMarks | None = None
        self._node_marks: Mapping[int, Mark] = {}

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def summary(self) -> CheckpointSummary | None:
        """The checkpoint that is shown."""
        return self.rows.summary if self.rows is not None else None

    @property
    def report(self) -> MatchReport | None:
        """The match report that is shown."""
        return self._cells.report if self._cells is not None else None

    def set_rows(self, rows: TreeRows | None, report: MatchReport | None = None) -> None:
        """Show rows, of another checkpoint or the same."""
        self.beginResetModel()
        if rows is None:
            self._cells = None
        elif self._cells is None or self._cells.summary is not rows.summary or self._cells.report is not report:
            self._cells = TreeCells(rows.summary, report)
        self.rows = rows
        self.endResetModel()

    def set_match_report(self, report: MatchReport | None) -> None:
        """Show another match report, or none."""
        self._cells = TreeCells(self.rows.summary, report) if self.rows is not None else None
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, Column.MATCH))

    def set_survey(self, survey: Survey | None) -> None:
        """Show what is known of the tensors' values, as far as a survey is."""
        self._figures = survey.figures if survey is not None else None
        summary = self.summary
        self.marks = TensorMarks(summary, survey) if survey is not None and summary is not None else None
        if survey is None:
            self._node_marks = {}
        self._tell_values()

    def set_node_marks(self, marks: Mapping[int, Mark]) -> None:
        """Show which modules hold something that is marked."""
        if marks != self._node_marks:
            self._node_marks = marks
            self._tell_values()

    def _tell_values(self) -> None:
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, Column.VALUES))

    def _worry(self, node: int) -> Mark:
        """Return how the values of a tensor are marked, or the worst of those in a module."""
        tensor = self.summary.tensors[node] if self.summary is not None else -1
        if tensor < 0 or self.marks is None:
            return self._node_marks.get(node, Mark.NONE)
        return self.marks.mark(tensor)

    def _values(self, node: int) -> tuple[SurveyFigures, int] | None:
        tensor = self.summary.tensors[node] if self.summary is not None else -1
        known = self._figures is not None and tensor >= 0 and self._figures.known[tensor] == KNOWN
        return (self._figures, tensor) if known and self._figures is not None else None

    # -- nodes -------------------------------------------------------------------------------------------------

    def node(self, index: Index) -> int:
        """Return the node of an index, -1 for none."""
        return self.rows.nodes[index.row()] if self.rows is not None and index.isValid() else -1

    def index_of(self, node: int, column: int = Column.NAME) -> QModelIndex:
        """Return the index of a node, an invalid one where it is not shown."""
        row = self.rows.row(node) if self.rows is not None else -1
        return self.index(row, column) if row >= 0 else QModelIndex()

    def tensor_node(self, tensor: int) -> int:
        """Return the node of a tensor, -1 where the tree has none."""
        try:
            return self.summary.tensors.index(tensor) if self.summary is not None and tensor >= 0 else -1
        except ValueError:
            return -1

    def path_of(self, node: int) -> str:
        """Return a node's full name, empty for the top row and for no node."""
        if self._cells is None or not 0 <= node < len(self._cells.summary.kinds):
            return ""
        return self._cells.path(node)

    def has_children(self, node: int) -> bool:
        """Tell whether a node can be expanded."""
        return self.rows is not None and len(self.rows.children(node)) > 0

    # -- expanding ---------------------------------------------------------------------------------------------

    def is_expanded(self, node: int) -> bool:
        """Tell whether a node's children are shown."""
        return self.rows is not None and self.rows.is_expanded(node)

    def set_expanded(self, row: int, expanded: bool) -> None:
        """Expand or collapse a row."""
        if self.rows is None or not 0 <= row < len(self.rows):
            return
        node = self.rows.nodes[row]
        if self.rows.is_expanded(node) == expanded or not self.has_children(node):
            return
        if expanded:
            below = self.rows.below(node)
            self.beginInsertRows(QModelIndex(), row + 1, row + len(below))
            self.rows.insert(row, below)
            self.endInsertRows()
        else:
            count = self.rows.span(row)
            self.beginRemoveRows(QModelIndex(), row + 1, row + count)
            self.rows.remove(row, count)
            self.endRemoveRows()
        self.dataChanged.emit(self.index(row, 0), self.index(row, 0))

    def reveal(self, node: int) -> None:
        """Expand all that a node lies in. A search shows what it found, and nothing else."""
        if self.rows is not None and self.rows.found is None:
            for above in self.rows.collapsed_ways(node):
                self.set_expanded(self.rows.row(above), True)

    # -- Qt's model --------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many rows are shown."""
        return len(self.rows) if self.rows is not None and not parent.isValid() else 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else len(_HEADERS)

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
        if self._cells is None or self.rows is None or not index.isValid():
            return None
        cells, node, column = self._cells, self.rows.nodes[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return cells.text(node, column)
        if role == Role.QUIET:
            return cells.is_quiet(node, column)
        if role == Role.MARK:
            return cells.mark(node)
        if role == Role.VALUES:
            return self._values(node)
        if role == Role.WORRY:
            return self._worry(node)
        if role == Role.ICON:
            return cells.icon(node) if column == Column.NAME else None
        if role == Role.DETAIL:
            return cells.detail(node) if column == Column.NAME else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(*cells.tooltip_lines(node), *self._said_of_values(node))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(node, column)
        return None

    def _said_of_values(self, node: int) -> list[str]:
        tensor = self.summary.tensors[node] if self.summary is not None else -1
        if tensor >= 0:
            return self.marks.sentences(tensor) if self.marks is not None else []
        worst = self._node_marks.get(node, Mark.NONE)
        return ["Holds tensors with NaN or Inf, or something as serious"] if worst == Mark.SERIOUS else []

    def _spoken(self, node: int, column: int) -> str:
        """Return what a screen reader says: of a name also where it lies, as a table has no levels."""
        assert self._cells is not None
        assert self.rows is not None
        if column == Column.VALUES:
            return " ".join(self._said_of_values(node))
        text = self._cells.spoken(node, column)
        if column != Column.NAME:
            return text
        state = ", expanded" if self.is_expanded(node) else ", collapsed" if self.has_children(node) else ""
        return f"{text}{state}, level {self.rows.depth(node) + 1}"


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
