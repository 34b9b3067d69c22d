"""The tensors of two checkpoints as a Qt table: filtered by what became of them and by name, in a column's order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from inspector.checkpoint.summary import CheckpointSummary
from inspector.difference_kinds import KINDS
from inspector.gui.model_page.rows import in_order
from inspector.gui.slices import Slices, Work
from inspector.gui.tooltips import tooltip
from inspector.session import comparison_words as figures
from inspector.session import words
from inspector.session.comparison_state import ComparisonRow, ComparisonRows

_Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

#: A row's `ComparisonRow`, and the share of its bar.
ROW = int(Qt.ItemDataRole.UserRole)
BAR = ROW + 1

#: Rows that are chosen and put in order at once; more of them in slices, of so many.
_AT_ONCE, _SLICE = 8_192, 2_048

#: Relative changes below this have no bar to speak of; those of 1 a full one.
_LEAST_CHANGE = 1e-4


class Column(IntEnum):
    """The columns."""

    NAME = 0
    CHANGE = 1
    MAX_ABS = 2
    COSINE = 3
    SHAPE = 4


HEADER = ("Tensor", "Change", "Max abs", "Cosine", "Shape")
_TIPS = (
    "The name without wrappers such as module.",
    "Relative L2: the norm of B − A over that of A. The bars are on a logarithmic scale",
    "The largest magnitude of B − A",
    "Of the angle between both as vectors: 1 where only the length changed",
    "Shape and dtype",
)


def bar_share(row: ComparisonRow) -> float:
    """Return how long a row's bar is, from 0 to 1, on a logarithmic scale; full where there are NaN or Inf."""
    if row.kind != "changed":
        return 0.0
    value = row.relative_l2
    if not math.isfinite(value):
        return 1.0
    return min(1.0, max(0.03, 1 - math.log10(max(value, _LEAST_CHANGE)) / math.log10(_LEAST_CHANGE)))


def _parts(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    return (rows[first : first + _SLICE] for first in range(0, len(rows), _SLICE))


class ComparisonModel(QAbstractTableModel):
    """Shows `ComparisonRows`.

    Attributes
    ----------
    shown
        The numbers of the rows that pass the filter, in their order.

    Signals
    -------
    settled
        The rows that are shown have been chosen anew: at once where they are few.
    """

    settled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows = ComparisonRows()
        self.shown: Sequence[int] = ()
        self._slices = Slices(self)
        self._summaries: tuple[CheckpointSummary, CheckpointSummary] | None = None
        self._kinds, self._text = frozenset(KINDS), ""
        self._sorted = (-1, Qt.SortOrder.AscendingOrder)

    def set_rows(self, rows: ComparisonRows, summaries: tuple[CheckpointSummary, CheckpointSummary] | None) -> None:
        """Show other rows, of tensors of these checkpoints."""
        if rows is not self.rows or summaries != self._summaries:
            self.beginResetModel()
            self.rows, self._summaries, self.shown = rows, summaries, ()
            self.endResetModel()
            self._choose()

    def set_filter(self, kinds: frozenset[str], text: str) -> None:
        """Show the rows of these kinds whose names hold all words of ``text``."""
        if (kinds, text) != (self._kinds, self._text):
            self._kinds, self._text = kinds, text
            self._choose()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Put the rows in a column's order; -1 for the most changed first."""
        self._sorted = (column, order)
        self._choose()

    @property
    def is_busy(self) -> bool:
        """Whether rows are being chosen."""
        return self._slices.is_busy

    def _choose(self) -> None:
        self._slices.stop()
        work = self._chosen()
        if len(self.rows) > _AT_ONCE:
            self._slices.begin(work, self._arrive)
            return
        while True:
            try:
                next(work)
            except StopIteration as end:
                self._arrive(end.value)
                return

    def _arrive(self, shown: Sequence[int]) -> None:
        self.beginResetModel()
        self.shown = shown
        self.endResetModel()
        self.settled.emit()

    def _chosen(self) -> Work[Sequence[int]]:
        """Return the rows that are shown, in their order."""
        rows, searched = self.rows, self._text.casefold().split()
        kinds = {number for number, kind in enumerate(KINDS) if kind in self._kinds}
        shown: Sequence[int] = range(len(rows))
        if searched or len(kinds) < len(KINDS):
            passing = list[int]()
            for part in _parts(shown):
                found = [row for row in part if rows.kinds[row] in kinds]
                for word in searched:
                    found = [row for row in found if word in rows.names[row].casefold()]
                passing += found
                yield
            shown = passing
        if self._sorted[0] < 0:
            return shown
        return (yield from self._in_order(shown))

    def _in_order(self, shown: Sequence[int]) -> Work[Sequence[int]]:
        column, order = self._sorted
        rows, last_first = self.rows, order == Qt.SortOrder.DescendingOrder
        if column in (Column.NAME, Column.SHAPE):
            keys: Sequence[float] = rows.name_order if column == Column.NAME else rows.sizes
            return (yield from in_order(shown, keys, descending=last_first))
        values = {Column.MAX_ABS: rows.max_abs, Column.COSINE: rows.cosine}.get(Column(column), rows.relative_l2)
        kinds, changed = rows.kinds, KINDS.index("changed")
        nan, known, rest = list[int](), list[int](), list[int]()
        for part in _parts(shown):
            for row in part:
                is_nan = values[row] != values[row]
                (rest if kinds[row] != changed else nan if is_nan else known).append(row)
            yield
        # what is broken first, what has no figures last
        return nan + (yield from in_order(known, values, descending=last_first)) + rest

    # -- what Qt asks ------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of rows that are shown."""
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(HEADER)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's name."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(HEADER):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADER[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(_TIPS[section])
        right = section in (Column.MAX_ABS, Column.COSINE)
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell."""
        row = self.row_at(index)
        if row is None:
            return None
        if role == ROW:
            return row
        if role == BAR:
            return bar_share(row)
        if role == Qt.ItemDataRole.DisplayRole:
            return self.texts(row)[index.column()]
        return tooltip(*self._tip(row)) if role == Qt.ItemDataRole.ToolTipRole else None

    def row_at(self, index: _Index) -> ComparisonRow | None:
        """Return the row of an index, None outside of them."""
        inside = index.isValid() and 0 <= index.row() < len(self.shown)
        return self.rows.row(self.shown[index.row()]) if inside else None

    def texts(self, row: ComparisonRow) -> tuple[str, ...]:
        """Return what the cells of a row show."""
        shape = self._shape_text(row)
        if row.kind != "changed":
            return row.name, figures.KIND_WORDS[row.kind], "", "", shape
        return row.name, figures.change(row), figures.max_abs(row), figures.cosine(row), shape

    def _tip(self, row: ComparisonRow) -> list[str]:
        said = [row.name, f"{figures.KIND_WORDS[row.kind].capitalize()}: {self._shape_text(row)}"]
        if row.not_finite:
            said.append(f"{words.plural(row.not_finite, 'value')} NaN or infinite in one of the two alone")
        if row.rounded:
            said.append("The same numbers, rounded to the narrower dtype")
        return [*said, row.problem] if row.problem else said

    def _shapes(self, row: ComparisonRow) -> list[tuple[int, ...]]:
        if self._summaries is None:
            return [()]
        pairs = zip(self._summaries, (row.tensor_a, row.tensor_b), strict=True)
        return [summary.shape(tensor) for summary, tensor in pairs if tensor >= 0]

    def _shape_text(self, row: ComparisonRow) -> str:
        if self._summaries is None:
            return ""
        pairs = zip(self._summaries, (row.tensor_a, row.tensor_b), strict=True)
        dtypes = list(dict.fromkeys(summary.dtype(tensor) for summary, tensor in pairs if tensor >= 0))
        shapes = list(dict.fromkeys(map(words.shape_text, self._shapes(row))))
        return f"{' → '.join(shapes)}, {' → '.join(dtypes)}"
