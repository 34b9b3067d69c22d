"""Paints the cells of the module tree: an icon and a name with a few muted words, sizes, counts, match marks."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from inspector.gui import icons, theme
from inspector.gui.module_tree_cells import Column, Role
from inspector.gui.module_tree_model import Index
from inspector.gui.row_histogram import paint_row_histogram
from inspector.gui.tensor_marks import Mark

ICON = 14
GAP = 7
PADDING = 8
_LEAST_HEIGHT = 25


def tabular(font: QFont) -> QFont:
    """Return a font whose figures are all of one width, so that columns of numbers line up."""
    made = QFont(font)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def row_height(metrics: QFontMetrics) -> int:
    """Return the height of every row, in pixels."""
    return max(_LEAST_HEIGHT, metrics.height() + 8)


def detail_font(font: QFont) -> QFont:
    """Return the font of the few words after a name."""
    made = QFont(font)
    made.setPointSizeF(font.pointSizeF() * 0.9)
    return made


def draw_text(
    painter: QPainter,
    font: QFont,
    color: str,
    text: str,
    room: QRect,
    side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> int:
    """Draw one line, elided where it is too long; return its width."""
    painter.setFont(font)
    painter.setPen(theme.qcolor(color))
    metrics = QFontMetrics(font)
    elided = metrics.elidedText(text, elide, room.width())
    painter.drawText(room, side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, elided)
    return metrics.horizontalAdvance(elided)


class TreeDelegate(QStyledItemDelegate):
    """Paints the cells, of a name its icon alone: the view paints backgrounds, and names over the cells beside them."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one cell."""
        column = index.column()
        if column == Column.NAME:
            self._paint_icon(painter, option, index)
        elif column == Column.MATCH:
            self._paint_match(painter, option, index)
        elif column == Column.VALUES:
            self._paint_values(painter, option, index)
        else:
            self._paint_text(painter, option, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the one height of all rows."""
        return QSize(64, row_height(option.fontMetrics))

    def _paint_icon(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        c, rect = theme.colors(), option.rect
        name = str(index.data(Role.ICON))
        color = {"parameter": c.accent, "buffer": c.accent, "warning": c.warning}.get(name, c.muted)
        ratio = painter.device().devicePixelRatio()
        top = rect.top() + (rect.height() - ICON) // 2
        painter.drawPixmap(rect.left(), top, icons.pixmap(name, color, ICON, ratio))

    def _paint_text(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        text = index.data(Qt.ItemDataRole.DisplayRole)
        if not text:
            return
        c, right = theme.colors(), index.column() in (Column.PARAMETERS, Column.SIZE)
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        room = option.rect.adjusted(PADDING, 0, -PADDING, 0)
        draw_text(painter, tabular(option.font), c.muted if index.data(Role.QUIET) else c.text, text, room, side)

    def _paint_values(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        values, room = index.data(Role.VALUES), option.rect.adjusted(PADDING, 0, -PADDING, 0)
        if values is None:
            return
        c = theme.colors()
        if index.data(Role.WORRY) == Mark.ZERO:
            draw_text(painter, detail_font(option.font), c.muted, "all zero", room)
        else:
            figures, tensor = values
            paint_row_histogram(painter, room, figures, tensor, c.muted)

    def _paint_match(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        mark = index.data(Role.MARK)
        if not mark:
            return
        c, room = theme.colors(), option.rect.adjusted(PADDING, 0, -PADDING, 0)
        is_top = index.row() == 0
        if mark in ("matched", "mismatched"):
            name, color = ("check", c.positive) if mark == "matched" else ("close", c.warning)
            top = room.top() + (room.height() - ICON) // 2
            pixmap = icons.pixmap(name, color, ICON, painter.device().devicePixelRatio())
            painter.drawPixmap(room.right() + 1 - ICON, top, pixmap)
            return
        # green is for the whole file, and for each key
        color = c.warning if mark == "some" else c.positive if mark == "all" and is_top else c.muted
        text = str(index.data(Qt.ItemDataRole.DisplayRole))
        draw_text(painter, tabular(detail_font(option.font)), color, text, room, Qt.AlignmentFlag.AlignRight)
