"""Where a picture of weights goes: mosaics laid out anew for the room there is, others scaled. Plain arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Of a tile's larger side, how much is left clear between tiles.
_GAP = 0.1
#: A heatmap's cells are at most this much higher than wide, or wider than high.
_STRETCH = 3.0


@dataclass(frozen=True, slots=True)
class Mosaic:
    """A mosaic as it was drawn: its number of tiles, a tile's size and pitch in pixels, how many stand in a row."""

    count: int
    columns: int
    width: int
    height: int
    pitch: int
    row_pitch: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A mosaic as it is shown: pixels of a tile, and from one tile to the next."""

    count: int
    columns: int
    tile_width: int
    tile_height: int
    pitch: float
    row_pitch: float

    def corner(self, tile: int) -> tuple[int, int]:
        """Return a tile's left and top."""
        row, column = divmod(tile, self.columns)
        return round(column * self.pitch), round(row * self.row_pitch)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of all."""
        rows = math.ceil(self.count / self.columns)
        width = round((self.columns - 1) * self.pitch) + self.tile_width
        return width, round((rows - 1) * self.row_pitch) + self.tile_height

    def tile_at(self, x: float, y: float) -> int:
        """Return the tile at a point, -1 for none."""
        column, row = int(x // self.pitch), int(y // self.row_pitch)
        # corners are whole pixels: the next tile's may lie before its place
        for tile_row, tile_column in ((row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1)):
            tile = tile_row * self.columns + tile_column
            if not 0 <= tile_column < self.columns or not 0 <= tile < self.count:
                continue
            left, top = self.corner(tile)
            if left <= x < left + self.tile_width and top <= y < top + self.tile_height:
                return tile
        return -1


def drawn_mosaic(count: int, columns: int, pitch: int, width: int, height: int) -> Mosaic | None:
    """Return the mosaic in a picture of ``width`` × ``height``; None where the numbers don't make one."""
    if count < 1 or not 1 <= columns <= count or pitch < 2:
        return None
    gap = columns * pitch - width
    rows = math.ceil(count / columns)
    if not 0 < gap < pitch or (height + gap) % rows:
        return None
    row_pitch = (height + gap) // rows
    return Mosaic(count, columns, pitch - gap, row_pitch - gap, pitch, row_pitch) if row_pitch > gap else None


def lay_out(mosaic: Mosaic, weights: tuple[int, int], room: tuple[int, int], largest: int) -> Grid | None:
    """Lay tiles out with as many whole pixels per weight as the room allows; None where it is too small for one.

    Parameters
    ----------
    weights
        Width and height of a tile in weights.
    room
        Width and height at the most, in pixels.
    largest
        A tile's larger side at the most, in pixels.
    """
    wide, high = weights
    for zoom in range(max(1, largest // max(wide, high)), 0, -1):
        width, height = wide * zoom, high * zoom
        gap = max(1, round(max(width, height) * _GAP))
        columns = min(mosaic.count, (room[0] + gap) // (width + gap))
        if columns < 1:
            continue
        pitch = float(width + gap)
        if columns > 1 and columns < mosaic.count:
            # full rows reach the right edge, unless that tears the tiles apart
            pitch = min((room[0] - width) / (columns - 1), pitch + gap)
        for row_gap in (max(gap, pitch - width), float(gap)):
            grid = Grid(mosaic.count, columns, width, height, pitch, height + row_gap)
            if grid.size[1] <= room[1]:
                return grid
    return None


def scaled_size(picture: tuple[int, int], room: tuple[int, int], most: float, least_height: int) -> tuple[int, int]:
    """Return the size to show a heatmap in: the room's whole width, its cells stretched up to threefold for that.

    Parameters
    ----------
    picture, room
        Width and height, in pixels.
    most
        Enlarged by this factor at most.
    least_height
        A flat picture is stretched to this height where it may.
    """
    across = min(most, room[0] / picture[0])
    height = picture[1] * across
    if height > room[1]:
        height = float(room[1])
        across = min(across, height / picture[1] * _STRETCH)
    elif height < least_height:
        height = min(least_height, height * _STRETCH, room[1])
    return max(1, round(picture[0] * across)), max(1, round(height))
