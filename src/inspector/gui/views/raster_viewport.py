"""Where the cells of a large plane are on the screen: zoom, place, and the level of detail. Nothing is drawn here.

Coordinates: *weights* count columns and rows of the plane, *room* is in logical pixels from its top left corner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

#: Cells along a side of a tile, as the worker makes them.
TILE = 256
#: A weight is shown so large at the most, and so large when the whole plane is shown; in logical pixels.
LARGEST, LARGEST_FITTED = 112.0, 32.0
#: A plane of a few rows or columns is stretched to a band that can be seen.
_BAND, _WIDEST_STRETCH = 96.0, 28.0

Level = tuple[int, int]
#: A tile: its level, and its row and column among the tiles of that level.
Address = tuple[Level, int, int]


@dataclass(slots=True)
class Viewport:
    """What part of a plane is seen.

    Attributes
    ----------
    rows, columns
        Of the plane.
    width, height
        The room, in logical pixels.
    ratio
        Pixels of the screen per logical pixel.
    scale
        Logical pixels per weight, before thin planes are stretched.
    left, top
        The column and row at the room's top left corner.
    is_fitted
        Whether the whole plane is seen.
    """

    rows: int = 0
    columns: int = 0
    width: float = 1.0
    height: float = 1.0
    ratio: float = 1.0
    scale: float = 1.0
    left: float = 0.0
    top: float = 0.0
    is_fitted: bool = field(default=True)

    # -- sizes -------------------------------------------------------------------------------------------------

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a weight, in logical pixels."""
        return self._stretched(self.columns), self._stretched(self.rows)

    def _stretched(self, size: int) -> float:
        return max(self.scale, min(_WIDEST_STRETCH, _BAND / max(1, size)))

    @property
    def level(self) -> Level:
        """The level whose cells are one to two pixels of the screen, or larger where a cell is one weight."""
        wide, tall = self.cell
        return self._level(tall), self._level(wide)

    def _level(self, cell: float) -> int:
        return max(0, math.ceil(-math.log2(cell * self.ratio) - 1e-9))

    # -- moving ------------------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole plane."""
        self.is_fitted = True
        if self.rows and self.columns:
            self.scale = min(self.width / self.columns, self.height / self.rows, LARGEST_FITTED)
        self.left = self.top = 0.0

    def resize(self, width: float, height: float, ratio: float) -> None:
        """Take another room; what was fitted stays so."""
        self.width, self.height, self.ratio = max(1.0, width), max(1.0, height), ratio
        if self.is_fitted:
            self.fit()
        else:
            self._stay_inside()

    def zoom_by(self, factor: float, x: float, y: float) -> None:
        """Zoom; what is at a place of the room stays there."""
        if not self.rows or not self.columns:
            return
        column, row = self.weight_at(x, y)
        smallest = min(self.width / self.columns, self.height / self.rows, LARGEST_FITTED)
        wanted = self.scale * factor
        if wanted <= smallest:
            self.fit()
            return
        self.scale, self.is_fitted = min(wanted, LARGEST), False
        wide, tall = self.cell
        self.left, self.top = column - x / wide, row - y / tall
        self._stay_inside()

    def move_by(self, dx: float, dy: float) -> None:
        """Move the plane by logical pixels."""
        wide, tall = self.cell
        self.left -= dx / wide
        self.top -= dy / tall
        self._stay_inside()

    def _stay_inside(self) -> None:
        wide, tall = self.cell
        self.left = max(0.0, min(self.left, self.columns - self.width / wide))
        self.top = max(0.0, min(self.top, self.rows - self.height / tall))

    # -- places ------------------------------------------------------------------------------------------------

    def weight_at(self, x: float, y: float) -> tuple[float, float]:
        """Return the column and row at a place of the room."""
        wide, tall = self.cell
        return self.left + x / wide, self.top + y / tall

    def x_of(self, column: float) -> float:
        """Return where a column begins, on a whole pixel of the screen."""
        return round((column - self.left) * self.cell[0] * self.ratio) / self.ratio

    def y_of(self, row: float) -> float:
        """Return where a row begins, on a whole pixel of the screen."""
        return round((row - self.top) * self.cell[1] * self.ratio) / self.ratio

    def seen(self) -> tuple[range, range]:
        """Return the rows and columns that are seen, in part or whole."""
        wide, tall = self.cell
        rows = range(int(self.top), min(self.rows, math.ceil(self.top + self.height / tall)))
        return rows, range(int(self.left), min(self.columns, math.ceil(self.left + self.width / wide)))

    def tiles(self, level: Level | None = None) -> list[Address]:
        """Return the tiles that are seen, those in the middle first."""
        level = self.level if level is None else level
        rows, columns = self.seen()
        if not rows or not columns:
            return []
        tall, wide = TILE << level[0], TILE << level[1]
        down = range(rows.start // tall, (rows.stop - 1) // tall + 1)
        across = range(columns.start // wide, (columns.stop - 1) // wide + 1)
        middle = ((rows.start + rows.stop) / 2 / tall - 0.5, (columns.start + columns.stop) / 2 / wide - 0.5)
        found = [(level, row, column) for row in down for column in across]
        return sorted(found, key=lambda tile: abs(tile[1] - middle[0]) + abs(tile[2] - middle[1]))


def tick_step(cell: float, room: float) -> int:
    """Return the step, 1, 2 or 5 times a power of ten, at which numbers of ``room`` pixels have room."""
    least = max(1.0, room / cell)
    power = 10 ** math.floor(math.log10(least))
    return int(next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least - 1e-9))
