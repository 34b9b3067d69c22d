"""How a plane is drawn: cells, their numbers, the axes around them, and the bar of colours."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter

from inspector.gui import theme
from inspector.gui.tree_delegate import tabular
from inspector.gui.views.raster_tiles import RasterTiles
from inspector.gui.views.raster_viewport import TILE, Viewport, tick_step
from inspector.session import words

#: Logical pixels from which cells stand apart, and from which their numbers have room.
_APART, _NUMBER_HEIGHT = 10.0, 17.0
_TICK, _GAP = 4, 4
TOP = 20  # for the columns' numbers


def axis_font_metrics() -> QFontMetricsF:
    """Return the measures of the axes' font."""
    return QFontMetricsF(tabular(theme.scaled_font(0.85)))


def left_margin(rows: int) -> int:
    """Return the room that the rows' numbers need, in logical pixels."""
    return int(axis_font_metrics().horizontalAdvance(words.number(max(0, rows - 1)))) + _TICK + _GAP + 2


def paint_cells(painter: QPainter, view: Viewport, tiles: RasterTiles) -> None:
    """Paint the tiles that are seen, or what there is in their places."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    found = dict(best for address in view.tiles() if (best := tiles.best(address)) is not None)
    # what is exact is painted over what is coarser and stands in for a neighbour
    for address in sorted(found, key=lambda address: address[0], reverse=True):
        _paint_tile(painter, view, address[0], address[1:], found[address].image)


def _paint_tile(
    painter: QPainter, view: Viewport, level: tuple[int, int], place: tuple[int, int], image: QImage
) -> None:
    """Paint the part of a tile that is seen."""
    rows, columns = view.seen()
    first_row, first_column = place[0] * TILE, place[1] * TILE
    top = max(0, (rows.start >> level[0]) - first_row)
    left = max(0, (columns.start >> level[1]) - first_column)
    bottom = min(image.height(), ((rows.stop - 1) >> level[0]) + 1 - first_row)
    right = min(image.width(), ((columns.stop - 1) >> level[1]) + 1 - first_column)
    if bottom <= top or right <= left:
        return
    x = [view.x_of(min(view.columns, (first_column + cell) << level[1])) for cell in (left, right)]
    y = [view.y_of(min(view.rows, (first_row + cell) << level[0])) for cell in (top, bottom)]
    source = QRect(left, top, right - left, bottom - top)
    painter.drawImage(QRectF(x[0], y[0], x[1] - x[0], y[1] - y[0]), image, QRectF(source))


def paint_grid(painter: QPainter, view: Viewport) -> None:
    """Set large cells apart by lines of the surface's colour."""
    wide, tall = view.cell
    if view.level != (0, 0) or min(wide, tall) < _APART:
        return
    rows, columns = view.seen()
    surface, line = theme.qcolor(theme.colors().surface), 1 / view.ratio
    right, bottom = view.x_of(columns.stop), view.y_of(rows.stop)
    for column in columns[1:]:
        painter.fillRect(QRectF(view.x_of(column) - line, 0, line, bottom), surface)
    for row in rows[1:]:
        painter.fillRect(QRectF(0, view.y_of(row) - line, right, line), surface)


def number_text(value: float) -> str:
    """Return a value in the few digits that a cell has room for."""
    return f"{value:.3g}".replace("nan", "NaN").replace("inf", "Inf").replace("-", "−")


def paint_numbers(painter: QPainter, view: Viewport, tiles: RasterTiles, table: Sequence[int]) -> None:
    """Write the values into cells that are wide enough."""
    font = tabular(theme.scaled_font(0.82))
    wide, tall = view.cell
    if view.level != (0, 0) or tall < _NUMBER_HEIGHT or wide < QFontMetricsF(font).horizontalAdvance("−0.0000") + 4:
        return
    painter.setFont(font)
    rows, columns = view.seen()
    for row in rows:
        for column in columns:
            tile = tiles.tile(((0, 0), row // TILE, column // TILE))
            if tile is None or row % TILE >= tile.rows or column % TILE >= tile.columns:
                continue
            colour = QColor.fromRgb(table[tile.image.pixelIndex(column % TILE, row % TILE)])
            is_light = 0.299 * colour.red() + 0.587 * colour.green() + 0.114 * colour.blue() > 140
            painter.setPen(QColor("#14181d") if is_light else QColor("#ffffff"))
            place = QRectF(view.x_of(column), view.y_of(row), wide, tall)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, number_text(tile.value(row % TILE, column % TILE)))


def paint_axes(painter: QPainter, view: Viewport) -> None:
    """Paint the columns' numbers above the room whose corner is the origin, the rows' at its left."""
    c, metrics = theme.colors(), axis_font_metrics()
    painter.setFont(tabular(theme.scaled_font(0.85)))
    painter.setPen(theme.qcolor(c.muted))
    rows, columns = view.seen()
    if not rows or not columns:
        return
    wide, tall = view.cell
    widest = metrics.horizontalAdvance(words.number(view.columns)) + 16
    step = tick_step(wide, widest)
    for column in range(-(-columns.start // step) * step, columns.stop, step):
        x = (column + 0.5 - view.left) * wide
        if 0 <= x <= view.width:
            painter.fillRect(QRectF(x, -_TICK, 1, _TICK), theme.qcolor(c.border))
            text = QRectF(x - widest / 2, -TOP, widest, TOP - _TICK)
            align = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom
            painter.drawText(text, align, words.number(column))
    step = tick_step(tall, metrics.height() + 6)
    for row in range(-(-rows.start // step) * step, rows.stop, step):
        y = (row + 0.5 - view.top) * tall
        if 0 <= y <= view.height:
            painter.fillRect(QRectF(-_TICK, y, _TICK, 1), theme.qcolor(c.border))
            text = QRectF(-200, y - 12, 200 - _TICK - _GAP, 24)
            painter.drawText(text, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words.number(row))


# -- the bar of colours ------------------------------------------------------------------------------------------

BAR_WIDTH, BAR_HEIGHT = 96, 9


def colour_bar(table: Sequence[int]) -> QImage:
    """Return a table's colours, from the low end to the high one, as an image of one row."""
    image = QImage(255, 1, QImage.Format.Format_RGB32)
    for place in range(255):
        image.setPixel(place, 0, table[place + 1] if len(table) == 256 else 0)
    return image


def bar_width(labels: tuple[str, str]) -> float:
    """Return the width of a bar of colours and the figures at its ends."""
    return sum(map(axis_font_metrics().horizontalAdvance, labels)) + BAR_WIDTH + 14


def paint_bar(painter: QPainter, corner: QPointF, table: Sequence[int], labels: tuple[str, str]) -> None:
    """Paint the bar of colours between the values at its ends; ``corner`` is its top left, it is 18 pixels high."""
    painter.setFont(tabular(theme.scaled_font(0.85)))
    painter.setPen(theme.qcolor(theme.colors().muted))
    metrics, flags = axis_font_metrics(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    x = corner.x()
    painter.drawText(QRectF(x, corner.y(), metrics.horizontalAdvance(labels[0]) + 4, 18), flags, labels[0])
    x += metrics.horizontalAdvance(labels[0]) + 6
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
    painter.drawImage(QRectF(x, corner.y() + (18 - BAR_HEIGHT) / 2, BAR_WIDTH, BAR_HEIGHT), colour_bar(table))
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    x += BAR_WIDTH + 6
    painter.drawText(QRectF(x, corner.y(), metrics.horizontalAdvance(labels[1]) + 4, 18), flags, labels[1])
