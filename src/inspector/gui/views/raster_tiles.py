"""The tiles of a plane that the window holds: as colours and as numbers, and never more than fit its memory."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtGui import QImage

from inspector.gui.views.raster_viewport import TILE, Address, Level

#: Bytes of tiles at the most, beside those that are seen.
MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Tile:
    """Cells of a plane.

    Attributes
    ----------
    rows, columns
        How many there are.
    image
        Their colours, as rows of a table.
    values
        Their values, row by row.
    """

    rows: int
    columns: int
    image: QImage
    values: array[float]

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return len(self.values) * self.values.itemsize + self.image.sizeInBytes()

    def value(self, row: int, column: int) -> float:
        """Return the value of a cell."""
        return self.values[row * self.columns + column]


def tile_of(rows: int, columns: int, kind: str, shown: bytearray, values: bytearray) -> Tile | None:
    """Return a tile from the worker's answer; None where that has no cells."""
    if not rows or not columns or len(shown) != rows * columns:
        return None
    numbers = array("d" if kind == "d" else "f")
    numbers.frombytes(values)
    if len(numbers) != rows * columns:
        return None
    image = QImage(bytes(shown), columns, rows, columns, QImage.Format.Format_Indexed8).copy()
    return Tile(rows, columns, image, numbers)


class RasterTiles:
    """Tiles by their addresses, and those of before to show until newer ones come."""

    def __init__(self) -> None:
        self._tiles: OrderedDict[Address, Tile] = OrderedDict()
        self._old: dict[Address, Tile] = {}
        self._nbytes = 0
        self._table: list[int] = []

    @property
    def nbytes(self) -> int:
        """Bytes of all tiles."""
        return self._nbytes + sum(tile.nbytes for tile in self._old.values())

    def __contains__(self, address: Address) -> bool:
        return address in self._tiles

    def set_table(self, table: list[int]) -> None:
        """Colour all tiles by a table of 256 colours (``0xAARRGGBB``)."""
        self._table = table
        for tile in (*self._tiles.values(), *self._old.values()):
            tile.image.setColorTable(table)

    def clear(self) -> None:
        """Forget all tiles."""
        self._tiles.clear()
        self._old.clear()
        self._nbytes = 0

    def retire(self, seen: Iterable[Address]) -> None:
        """Keep the tiles that are seen until newer ones come, and forget the others."""
        kept = {address: found for address in seen if (found := self.best(address)) is not None}
        self.clear()
        self._old = dict(kept.values())

    def add(self, address: Address, tile: Tile, seen: Iterable[Address]) -> None:
        """Add a tile; others make room for it, but those that are seen."""
        if self._table:
            tile.image.setColorTable(self._table)
        self._old.pop(address, None)
        self._drop(address)
        self._tiles[address] = tile
        self._nbytes += tile.nbytes
        needed = set(seen) | {address}
        for old in list(self._tiles):
            if self._nbytes <= MOST_BYTES:
                break
            if old not in needed:
                self._drop(old)

    def _drop(self, address: Address) -> None:
        if address in self._tiles:
            self._nbytes -= self._tiles.pop(address).nbytes

    def forget_old(self) -> None:
        """Forget the tiles of before: all newer ones are there."""
        self._old.clear()

    def tile(self, address: Address) -> Tile | None:
        """Return a tile."""
        found = self._tiles.get(address)
        if found is not None:
            self._tiles.move_to_end(address)
        return found

    def best(self, address: Address) -> tuple[Address, Tile] | None:
        """Return a tile, or what covers its place best: an old one, or a coarser one."""
        found = self.tile(address)
        if found is not None:
            return address, found
        if address in self._old:
            return address, self._old[address]
        level, row, column = address
        for step in range(1, 12):
            for down, across in ((step, step), (step, 0), (0, step)):
                coarser: Level = (level[0] + down, level[1] + across)
                parent = (coarser, row >> down, column >> across)
                held = self._tiles.get(parent) or self._old.get(parent)
                if held is not None:
                    return parent, held
        return None

    def value_at(self, level: Level, row: int, column: int) -> tuple[Level, float] | None:
        """Return the value at a weight's place, and the level it is of: the asked one, or what is there of before."""
        address = (level, (row >> level[0]) // TILE, (column >> level[1]) // TILE)
        tile = self.tile(address)
        if tile is None:
            return None
        inside = ((row >> level[0]) % TILE, (column >> level[1]) % TILE)
        if inside[0] >= tile.rows or inside[1] >= tile.columns:
            return None
        return level, tile.value(*inside)
