"""A tensor's figures as a row of tiles, in two rows where one is too narrow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFontMetrics,
    QGuiApplication,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from inspector.gui import theme
from inspector.gui.drawn_widget import DrawnWidget
from inspector.session import words

_LEAST_WIDTH = 84
_PADDING = 10


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure: its name, its text, what it means, and whether it is bad news."""

    name: str
    text: str
    meaning: str
    alarming: bool = False


def tiles_of(statistics: Mapping[str, float | int | None]) -> list[Tile]:
    """Return the tiles of a tensor's statistics, with the keys of the command line's ``stats``; none are awaited."""
    numel, zeros = statistics.get("numel") or 0, statistics.get("zeros") or 0
    nan, inf = statistics.get("nan") or 0, statistics.get("inf") or 0
    share = f"{words.percent(zeros / numel)} of the elements are zero" if numel else "Elements that are zero"
    bad = f"{words.figure(nan)} / {words.figure(inf)}" if nan or inf else "0"
    named = [
        ("min", "The least finite value"),
        ("max", "The greatest finite value"),
        ("mean", "Mean of the finite values"),
        ("std", "Standard deviation of the finite values"),
        ("norm", "Euclidean norm of the finite values"),
    ]
    if not statistics:
        return [Tile(name, "…", meaning) for name, meaning in (*named, ("zeros", share), ("NaN / Inf", ""))]
    figures = [Tile(name, words.figure(statistics.get(name)), meaning) for name, meaning in named]
    alarm = Tile("NaN / Inf", bad, "Elements that are NaN, and infinite ones", bool(nan or inf))
    return [*figures, Tile("zeros", words.figure(zeros), share), alarm]


class StatisticsTiles(DrawnWidget):
    """Tiles in one frame. Ctrl+C, or the context menu, copies them."""

    copies = "Copy statistics"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles: list[Tile] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Statistics")

    @property
    def tiles(self) -> list[Tile]:
        """The tiles that are shown."""
        return self._tiles

    def show_statistics(self, statistics: Mapping[str, float | int | None]) -> None:
        """Show a tensor's statistics."""
        self.show_tiles(tiles_of(statistics))

    def show_tiles(self, tiles: list[Tile]) -> None:
        """Show figures of any kind."""
        self._tiles = tiles
        self.setAccessibleDescription(", ".join(f"{tile.name} {tile.text}" for tile in self._tiles))
        self.updateGeometry()
        self.update()

    # -- size --------------------------------------------------------------------------------------------------

    def _columns(self, width: int) -> int:
        metrics = QFontMetrics(theme.monospace())
        texts = (metrics.horizontalAdvance(tile.text) for tile in self._tiles)
        wide = max(_LEAST_WIDTH, max(texts, default=0) + 2 * _PADDING)
        fitting = max(1, width // wide)
        rows = math.ceil(len(self._tiles) / fitting) or 1
        return max(1, math.ceil(len(self._tiles) / rows))

    def _tile_height(self) -> int:
        small, figures = QFontMetrics(theme.scaled_font(0.92)), QFontMetrics(theme.monospace())
        return small.height() + figures.height() + 18

    def hasHeightForWidth(self) -> bool:
        """The height follows the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        return self._tile_height() * (math.ceil(len(self._tiles) / self._columns(width)) or 1) + 1

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(480, self.heightForWidth(480))

    def minimumSizeHint(self) -> QSize:
        """Return the least size that can be read."""
        return QSize(160, self._tile_height() + 1)

    def _rect(self, place: int) -> QRectF:
        columns = self._columns(self.width())
        row, column = divmod(place, columns)
        wide, tall = self.width() / columns, self._tile_height()
        return QRectF(column * wide, row * tall, wide, tall)

    # -- painting ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the frame, the lines between the tiles, and the tiles."""
        c = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(self.opacity)
        painter.setPen(QPen(theme.qcolor(c.accent if self.hasFocus() else c.border), 1))
        painter.setBrush(theme.qcolor(c.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 7, 7)
        columns = self._columns(self.width())
        for place, tile in enumerate(self._tiles):
            rect = self._rect(place)
            line = theme.qcolor(c.border)
            if place % columns:
                painter.fillRect(QRectF(round(rect.left()), rect.top() + 1, 1, rect.height() - 1), line)
            if place >= columns and place % columns == 0:
                painter.fillRect(QRectF(1, round(rect.top()), self.width() - 2, 1), line)
            inside = rect.adjusted(_PADDING, 9, -4, -7)
            painter.setFont(theme.scaled_font(0.92))
            painter.setPen(theme.qcolor(c.muted))
            painter.drawText(inside, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, tile.name)
            painter.setFont(theme.monospace())
            painter.setPen(theme.qcolor(c.danger if tile.alarming else c.text))
            painter.drawText(inside, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, tile.text)
        painter.end()

    # -- pointer and keys --------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Say what the figure under the pointer means."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = event.pos().toPointF()
            under = [tile.meaning for place, tile in enumerate(self._tiles) if self._rect(place).contains(at)]
            QToolTip.showText(event.globalPos(), under[0] if under else "", self)
            return True
        return super().event(event)

    def copy(self) -> None:
        """Put what is shown into the clipboard."""
        QGuiApplication.clipboard().setText("\n".join(f"{tile.name}\t{tile.text}" for tile in self._tiles))
