"""The images that two checkpoints answer differently, as a Qt table."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from inspector.gui.tooltips import tooltip
from inspector.session import words
from inspector.session.comparing import Difference, Right

_Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
_RIGHT_WORDS: dict[Right, str] = {"": "", "both": "both", "neither": "neither", "first": "", "second": ""}
#: The columns of scores.
SCORES = (2, 4)


class DifferencesModel(QAbstractTableModel):
    """Rows of `Difference`s; the columns are called by the two checkpoints."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[Difference, ...] = ()
        self._names = ("", "")

    def set_rows(self, rows: tuple[Difference, ...], first: str, second: str) -> None:
        """Show other rows, of checkpoints that are called ``first`` and ``second``."""
        if rows != self.rows or (first, second) != self._names:
            self.beginResetModel()
            self.rows, self._names = rows, (first, second)
            self.endResetModel()

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of images."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else 7

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's name."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < 7:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            first, second = self._names
            return ("File", first, "Score", second, "Score", "True class", "Right is")[section]
        return _side(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell."""
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        text = self._texts(self.rows[index.row()])[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(text)
        return _side(index.column()) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def filled(self, column: int) -> bool:
        """Whether any row has something in a column."""
        return any(self._texts(row)[column] for row in self.rows)

    def _texts(self, row: Difference) -> tuple[str, ...]:
        first, second = row.first, row.second
        names: dict[Right, str] = {"first": self._names[0], "second": self._names[1]}
        scores = [words.percent(one.score) if one.score is not None else "" for one in (first, second)]
        right = names.get(row.right, _RIGHT_WORDS[row.right])
        return first.file, first.label, scores[0], second.label, scores[1], first.true_label, right


def _side(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in SCORES else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
