"""The rows of a match report as a Qt table: those of one kind, or whose names hold a text."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from inspector.gui import theme
from inspector.gui.tooltips import tooltip
from inspector.session.match_table import HEADER, Mark, MatchRow

_Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class MatchTableModel(QAbstractTableModel):
    """Shows `MatchRow`s.

    Attributes
    ----------
    shown
        The rows that pass the filter.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[MatchRow] = []
        self._mark: Mark | None = None
        self._text = ""
        self.shown: list[MatchRow] = []

    def set_rows(self, rows: list[MatchRow]) -> None:
        """Show other rows."""
        self._rows = rows
        self._filter()

    def set_filter(self, mark: Mark | None, text: str) -> None:
        """Show only rows of one kind (None: of all), in whose keys or shapes the text occurs."""
        if (mark, text) != (self._mark, self._text):
            self._mark, self._text = mark, text
            self._filter()

    def _filter(self) -> None:
        wanted = self._text.casefold().split()
        self.beginResetModel()
        self.shown = [
            row
            for row in self._rows
            if self._mark in (None, row.mark) and (not wanted or _holds("\n".join(row.texts).casefold(), wanted))
        ]
        self.endResetModel()

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of shown rows."""
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(HEADER)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's name."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADER[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell."""
        row = self.shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.texts[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(*filter(None, row.texts))
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(_color(row.mark) if index.column() == 0 else theme.colors().text)
        return None


def _holds(text: str, wanted: list[str]) -> bool:
    return all(word in text for word in wanted)


def _color(mark: Mark) -> str:
    c = theme.colors()
    return {"matched": c.positive, "mismatched": c.danger, "missing": c.warning, "unexpected": c.muted}[mark]
