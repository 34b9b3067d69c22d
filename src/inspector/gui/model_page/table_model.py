"""All tensors of a checkpoint with their figures as a Qt table, of which only what is on the screen is made."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from inspector.checkpoint.dtypes import FLOATING
from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui.model_page.rows import COUNTS, FIELDS, Choice, Column, Only, TableRows
from inspector.gui.slices import Slices
from inspector.gui.tensor_marks import Mark, TensorMarks
from inspector.gui.tooltips import tooltip
from inspector.session import words
from inspector.session.survey_state import Survey, SurveyFigures

_Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

#: Milliseconds between two choices of rows while figures come in.
_AGAIN_AFTER = 700

HEADER = (
    "Name", "Values", "Min", "Max", "Mean", "Std", "Norm", "Zeros", "NaN", "Inf", "Dead", "Shape", "Dtype",
)  # fmt: skip
_TIPS = (
    "The tensor's name in the file; sorted with layer2 before layer10",
    "How the finite values are distributed from the least to the greatest; sorted by that range",
    "The least finite value",
    "The greatest finite value",
    "The mean of the finite values",
    "The standard deviation of the finite values (of the population)",
    "The Euclidean norm of the finite values",
    "How many values are exactly zero",
    "How many values are NaN",
    "How many values are infinite",
    "How many filters or rows, along the first dimension, hold nothing but zeros",
    "Sizes of its dimensions; sorted by the number of elements",
    "Type of the elements",
)

#: The tensor of a row.
TENSOR = int(Qt.ItemDataRole.UserRole)
#: How a cell is to be painted: "text", "quiet", "alarm" or "note".
TONE = TENSOR + 1
#: A row's `Mark`.
MARK = TENSOR + 2


class TensorTableModel(QAbstractTableModel):
    """The tensors that pass a choice, in its order.

    Signals
    -------
    settled
        The rows that are shown have been chosen anew.
    """

    settled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.summary: CheckpointSummary | None = None
        self.survey: Survey | None = None
        self.choice = Choice()
        self._rows: TableRows | None = None
        self._marks: TensorMarks | None = None
        self._shown = array("i")
        self._slices = Slices(self)
        self._again = QTimer(self, singleShot=True, interval=_AGAIN_AFTER)
        self._again.timeout.connect(self._choose)

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def figures(self) -> SurveyFigures | None:
        """What is known of the tensors so far."""
        return self.survey.figures if self.survey is not None else None

    @property
    def shown(self) -> array[int]:
        """The tensors that are shown, in their order."""
        return self._shown

    @property
    def is_busy(self) -> bool:
        """Whether rows are being chosen, or will be shortly."""
        return self._slices.is_busy or self._again.isActive()

    def show_summary(self, summary: CheckpointSummary | None, survey: Survey | None) -> None:
        """Show a checkpoint, or what its survey has found meanwhile."""
        before, self.survey = self.survey, survey
        if summary is not self.summary or survey is not before:
            self._marks = TensorMarks(summary, survey) if summary is not None and survey is not None else None
        if summary is not self.summary:
            self._slices.stop()
            self._again.stop()
            self.beginResetModel()
            self.summary = summary
            self._rows = TableRows(summary) if summary is not None else None
            self._shown = array("i", range(len(summary)) if summary is not None else ())
            self.endResetModel()
            if self.choice != Choice():
                self._choose()
            self.settled.emit()
        elif survey is not before:
            self._tell_changed()
            if self.choice.follows_figures:
                is_running = survey is not None and survey.phase == "running"
                if not is_running:
                    self._choose()
                elif not self._again.isActive():
                    self._again.start()

    def set_filter(self, text: str, only: Only) -> None:
        """Show only some of the tensors."""
        self._set_choice(Choice(text, only, self.choice.column, self.choice.descending))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Put the rows in the order of a column, -1 for the file's; it takes a moment where there are many."""
        chosen = Column(column) if 0 <= column < len(HEADER) else None
        descending = chosen is not None and order == Qt.SortOrder.DescendingOrder
        self._set_choice(Choice(self.choice.text, self.choice.only, chosen, descending))

    def _set_choice(self, choice: Choice) -> None:
        if choice != self.choice:
            self.choice = choice
            self._choose()

    def _choose(self) -> None:
        self._again.stop()
        if self._rows is not None:
            self._slices.begin(self._rows.chosen(self.choice, self.figures), self._arrive)

    def _arrive(self, shown: array[int]) -> None:
        if shown != self._shown:
            self.beginResetModel()
            self._shown = shown
            self.endResetModel()
        self.settled.emit()

    def _tell_changed(self) -> None:
        if self._shown:
            last = self.index(len(self._shown) - 1, len(HEADER) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def tensor_at(self, index: _Index) -> int:
        """Return the tensor of an index, -1 for none."""
        return self._shown[index.row()] if index.isValid() and index.row() < len(self._shown) else -1

    def index_of(self, tensor: int) -> QModelIndex:
        """Return where a tensor is; invalid where it is not shown."""
        try:
            return self.index(self._shown.index(tensor), 0)
        except ValueError:
            return QModelIndex()

    # -- Qt's questions ----------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of shown tensors."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(HEADER)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's title, tooltip and alignment."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(HEADER):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADER[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS[section]
        return _side(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        tensor, column = self.tensor_at(index), index.column()
        if tensor < 0:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(tensor, column)
        if role == TENSOR:
            return tensor
        if role == TONE:
            return self.tone(tensor, column)
        if role == MARK:
            return self._marks.mark(tensor) if self._marks is not None else Mark.NONE
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(*self.tooltip_lines(tensor, column))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{HEADER[column]}: {self.text(tensor, column) or 'none'}"
        return None

    # -- cells -------------------------------------------------------------------------------------------------

    def text(self, tensor: int, column: int) -> str:
        """Return what a cell says; empty where nothing is known."""
        summary = self.summary
        assert summary is not None
        if column == Column.NAME:
            return words.tensor_name(summary, tensor)
        if column == Column.SHAPE:
            return words.shape_text(summary.shape(tensor))
        if column == Column.DTYPE:
            return summary.dtype(tensor)
        value = self.value(tensor, column)
        if column == Column.VALUES or value is None:
            return ""
        if column in COUNTS:
            return "" if column == Column.DEAD and summary.ndims[tensor] < 2 else words.number(int(value))
        is_whole = summary.dtype(tensor) not in FLOATING and value.is_integer()
        return words.figure(int(value) if is_whole else value)

    def value(self, tensor: int, column: int) -> float | None:
        """Return a figure, None where there is none, or none yet."""
        figures, field = self.figures, FIELDS.get(Column(column))
        if figures is None or field is None or figures.known[tensor] != 1:
            return None
        found: float = getattr(figures, field)[tensor]
        return None if isinstance(found, float) and math.isnan(found) else found

    def tone(self, tensor: int, column: int) -> str:
        """Return how a cell is to be painted."""
        if column in (Column.NAN, Column.INF) and self.value(tensor, column):
            return "alarm"
        if column == Column.NAME:
            return "text"
        if column in COUNTS:
            if not self.value(tensor, column):
                return "quiet"
            return "note" if column == Column.DEAD or self._is_all_zero(tensor) else "text"
        return "quiet" if column in (Column.SHAPE, Column.DTYPE) else "text"

    def _is_all_zero(self, tensor: int) -> bool:
        assert self.summary is not None
        return self.value(tensor, Column.ZEROS) == self.summary.numel(tensor) > 0

    def tooltip_lines(self, tensor: int, column: int) -> list[str]:
        """Return what a cell means, line by line."""
        summary, figures = self.summary, self.figures
        assert summary is not None
        if figures is not None and figures.known[tensor] == 2:
            return [summary.names[tensor], f"Can't be read: {figures.problem.get(tensor, '')}"]
        if column == Column.NAME:
            return [summary.names[tensor], *(self._marks.sentences(tensor) if self._marks is not None else ())]
        if column == Column.VALUES and figures is not None and figures.known[tensor]:
            return [f"{words.figure(figures.low[tensor])} … {words.figure(figures.high[tensor])}"]
        value, numel = self.value(tensor, column), summary.numel(tensor)
        if column in COUNTS and column != Column.DEAD and value and numel:
            return [f"{words.number(int(value))} of {words.number(numel)}: {words.percent(value / numel)}"]
        if column == Column.DEAD and value:
            return [f"{words.number(int(value))} of {words.number(summary.shape(tensor)[0])} hold nothing but zeros"]
        return [f"{value:.17g}" if value is not None else self.text(tensor, column)]

    def tab_lines(self, tensors: array[int]) -> Iterator[list[object]]:
        """Return the cells of tensors as fields of a table: figures with all their digits."""
        columns = [column for column in Column if column != Column.VALUES]
        for tensor in tensors:
            yield [self._field(tensor, column) for column in columns]

    def _field(self, tensor: int, column: Column) -> object:
        if column not in FIELDS:
            return self.summary.names[tensor] if column == Column.NAME and self.summary else self.text(tensor, column)
        value = self.value(tensor, column)
        return "" if value is None else value


def _side(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in FIELDS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
