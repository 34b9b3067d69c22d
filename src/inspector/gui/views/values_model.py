"""The values of a plane as a Qt table of any size, filled block by block as cells are looked at."""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from inspector.gui import theme

_Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()

#: Cells of a block, down and across; blocks that are held.
BLOCK_ROWS, BLOCK_COLUMNS = 64, 32
_MOST_BLOCKS = 256
#: Values of one dimension stand so many in a row.
WRAP = 10
#: Qt keeps the place of every row and column, so a larger plane is shown in parts of so many.
MOST_LINES = 1_000_000

#: A block: its first row and column in the table, in blocks.
BlockAt = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """Cells as the worker tells them.

    Attributes
    ----------
    columns
        Cells in a row.
    kind
        ``"bool"``, ``"integer"``, ``"float"`` or ``"complex"``.
    values
        Row by row; two numbers for a complex one.
    digits
        Significant digits that tell any two values of the dtype apart.
    """

    columns: int
    kind: str
    values: array[Any]
    digits: int

    def value(self, row: int, column: int) -> bool | int | float | complex | None:
        """Return the value of a cell; None where there is none."""
        place = row * self.columns + column
        if self.kind == "complex":
            parts = self.values[2 * place : 2 * place + 2]
            return complex(*parts) if len(parts) == 2 else None
        if column >= self.columns or place >= len(self.values):
            return None
        return bool(self.values[place]) if self.kind == "bool" else self.values[place]


def value_text(value: complex | None, digits: int = 6) -> str:
    """Return a value: integers whole, other numbers in a few significant digits."""
    if value is None:
        return ""
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.{digits}g}".replace("nan", "NaN").replace("inf", "Inf")
    return f"{value_text(value.real, digits)}{'+' if value.imag >= 0 else ''}{value_text(value.imag, digits)}j"


class ValuesModel(QAbstractTableModel):
    """A plane's values.

    Signals
    -------
    wanted
        Cells were looked at that are not there: see `take_wanted`.
    """

    wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._plane = (0, 0)
        self._wrapped = False
        self._base = (0, 0)  # the plane's row and column in the table's first cell
        self._blocks: OrderedDict[BlockAt, Block] = OrderedDict()
        self._wanted: OrderedDict[BlockAt, None] = OrderedDict()

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_plane(self, rows: int, columns: int, *, wrapped: bool = False) -> None:
        """Show a plane, from its first value; ``wrapped``: one row of values, laid out in several."""
        self.beginResetModel()
        self._plane, self._wrapped, self._base = (rows, columns), wrapped, (0, 0)
        self._forget()
        self.endResetModel()

    def refill(self) -> None:
        """Show another plane of the same size."""
        self._forget()
        if self.rowCount() and self.columnCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    def _forget(self) -> None:
        self._blocks.clear()
        self._wanted.clear()

    @property
    def table(self) -> tuple[int, int]:
        """Rows and columns of the whole table, parts that are not shown included."""
        rows, columns = self._plane
        return (-(-columns // WRAP), min(WRAP, columns)) if self._wrapped else (rows, columns)

    def reveal(self, row: int, column: int) -> QModelIndex:
        """Return the index of a value of the plane, whose part is shown from now on."""
        if self._wrapped:
            row, column = divmod(column, WRAP)
        base = (row // MOST_LINES * MOST_LINES, column // MOST_LINES * MOST_LINES)
        if base != self._base:
            self.beginResetModel()
            self._base = base
            self._forget()
            self.endResetModel()
        return self.index(row - base[0], column - base[1])

    def place(self, row: int, column: int) -> tuple[int, int]:
        """Return the row and column in the plane of a cell of the table."""
        row, column = row + self._base[0], column + self._base[1]
        return (0, row * WRAP + column) if self._wrapped else (row, column)

    # -- blocks ------------------------------------------------------------------------------------------------

    def take_wanted(self) -> BlockAt | None:
        """Return the block that was looked at last and is not there; None for none."""
        while self._wanted:
            found, _ = self._wanted.popitem()
            if found not in self._blocks:
                return found
        return None

    def ranges(self, block: BlockAt) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return first and last plus one of a block's rows and columns in the plane, as the worker takes them."""
        row, column = block[0] * BLOCK_ROWS + self._base[0], block[1] * BLOCK_COLUMNS + self._base[1]
        if self._wrapped:
            return (0, 1), (row * WRAP, (row + BLOCK_ROWS) * WRAP)
        return (row, row + BLOCK_ROWS), (column, column + BLOCK_COLUMNS)

    def add_block(self, at: BlockAt, block: Block) -> None:
        """Show the cells of a block."""
        if self._wrapped:
            block = Block(WRAP, block.kind, block.values, block.digits)
        self._blocks[at] = block
        while len(self._blocks) > _MOST_BLOCKS:
            self._blocks.popitem(last=False)
        first = (at[0] * BLOCK_ROWS, at[1] * BLOCK_COLUMNS)
        last = (min(first[0] + BLOCK_ROWS, self.rowCount()) - 1, min(first[1] + BLOCK_COLUMNS, self.columnCount()) - 1)
        if last[0] >= first[0] and last[1] >= first[1]:
            self.dataChanged.emit(self.index(*first), self.index(*last))

    def value(self, row: int, column: int) -> bool | int | float | complex | None:
        """Return the value in a cell of the table; None while it is asked for."""
        at = (row // BLOCK_ROWS, column // BLOCK_COLUMNS)
        block = self._blocks.get(at)
        if block is not None:
            self._blocks.move_to_end(at)
            return block.value(row % BLOCK_ROWS, column % BLOCK_COLUMNS)
        if at not in self._wanted:
            self._wanted[at] = None
            while len(self._wanted) > _MOST_BLOCKS:
                self._wanted.popitem(last=False)
            self.wanted.emit()
        return None

    # -- the model ---------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the rows of the part that is shown."""
        return 0 if parent.isValid() else min(MOST_LINES, max(0, self.table[0] - self._base[0]))

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        """Return the columns of the part that is shown."""
        return 0 if parent.isValid() else min(MOST_LINES, max(0, self.table[1] - self._base[1]))

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a value as text; its whole precision and its index in the tooltip."""
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.DisplayRole:
            return value_text(self.value(index.row(), index.column()))
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(index.row(), index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(self.value(index.row(), index.column()))
        return None

    def _tip(self, row: int, column: int) -> str | None:
        value = self.value(row, column)
        if value is None:
            return None
        block = self._blocks[(row // BLOCK_ROWS, column // BLOCK_COLUMNS)]
        return value_text(value, block.digits)

    def _colour(self, value: complex | None) -> Any:
        c = theme.colors()
        if isinstance(value, float) and not math.isfinite(value):
            return theme.qcolor(c.warning)
        return theme.qcolor(c.muted) if value == 0 else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the index of a row or column."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Horizontal:
            return f"+{section}" if self._wrapped else str(section + self._base[1])
        return str((section + self._base[0]) * (WRAP if self._wrapped else 1))
