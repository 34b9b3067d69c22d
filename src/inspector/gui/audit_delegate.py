"""Paints the findings of an audit: an icon by severity, the title, what explains it; and tensors with their notes."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from inspector.findings import Finding, Severity
from inspector.gui import icons, theme
from inspector.gui.audit_model import FINDING, NOTE, TENSOR, Index
from inspector.gui.tree_delegate import detail_font, draw_text, row_height, tabular

_ICON = 16
_ABOVE = 9  # pixels over and under a finding's words
_BETWEEN = 3  # between its title and its explanation
_LEFT = 10
_INDENT = _LEFT + _ICON + 10
_RIGHT = 34  # room for the chevron

SEVERITY_ICONS: dict[Severity, str] = {"serious": "error", "notable": "warning", "info": "info"}


def severity_color(severity: Severity) -> str:
    """Return the colour of a severity in the theme that is shown now."""
    c = theme.colors()
    return {"serious": c.danger, "notable": c.warning, "info": c.accent}[severity]


def _title_font(font: QFont) -> QFont:
    made = QFont(font)
    made.setWeight(QFont.Weight.DemiBold)
    return made


class AuditDelegate(QStyledItemDelegate):
    """Paints the rows of an `inspector.gui.audit_view.AuditView`; findings are as tall as their words need."""

    def __init__(self, view: QTreeView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the size of a row in the width that the view has."""
        finding = index.data(FINDING)
        if not isinstance(finding, Finding) or index.parent().isValid():
            return QSize(64, row_height(self._view.fontMetrics()))
        title, explanation = self._rooms(QRect(0, 0, self._view.viewport().width(), 0), finding)
        return QSize(64, explanation.bottom() + 1 + _ABOVE if explanation.height() else title.bottom() + 1 + _ABOVE)

    def _rooms(self, row: QRect, finding: Finding) -> tuple[QRect, QRect]:
        """Return where a finding's title and its explanation stand in a row of the view's width."""
        left, width = row.left() + _INDENT, max(80, row.width() - _INDENT - _RIGHT)
        font = self._view.font()
        title = _wrapped(_title_font(font), finding.title, left, row.top() + _ABOVE, width)
        return title, _wrapped(font, finding.explanation, left, title.bottom() + 1 + _BETWEEN, width)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a row."""
        finding = index.data(FINDING)
        if not isinstance(finding, Finding):
            return
        painter.save()
        self._paint_background(painter, option, index)
        if index.parent().isValid():
            self._paint_tensor(painter, option.rect, index)
        else:
            self._paint_finding(painter, option.rect, index, finding)
        painter.restore()

    def _paint_background(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        c, row = theme.colors(), QRect(0, option.rect.top(), self._view.viewport().width(), option.rect.height())
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(row, theme.qcolor(c.accent_soft))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(row, theme.qcolor(c.hover))
        if self._view.hasFocus() and index == self._view.currentIndex():
            painter.setPen(theme.qcolor(c.accent))
            painter.drawRect(row.adjusted(0, 0, -1, -1))

    def _paint_finding(self, painter: QPainter, row: QRect, index: Index, finding: Finding) -> None:
        c, ratio = theme.colors(), painter.device().devicePixelRatio()
        row = QRect(0, row.top(), self._view.viewport().width(), row.height())
        title, explanation = self._rooms(row, finding)
        line = QFontMetrics(_title_font(self._view.font())).height()
        top = title.top() + (line - _ICON) // 2
        color = severity_color(finding.severity)
        painter.drawPixmap(_LEFT, top, icons.pixmap(SEVERITY_ICONS[finding.severity], color, _ICON, ratio))
        for font, shade, room, text in (
            (_title_font(self._view.font()), c.text, title, finding.title),
            (self._view.font(), c.muted, explanation, finding.explanation),
        ):
            painter.setFont(font)
            painter.setPen(theme.qcolor(shade))
            _laid_out(font, text, room.width()).draw(painter, QPointF(room.topLeft()))
        chevron = "chevron-down" if self._view.isExpanded(index) else "chevron-right"
        painter.drawPixmap(row.right() - _ICON - 7, top, icons.pixmap(chevron, c.muted, _ICON, ratio))
        painter.setPen(theme.qcolor(c.border))
        if index.row():
            painter.drawLine(_LEFT, row.top(), row.right() - _LEFT, row.top())

    def _paint_tensor(self, painter: QPainter, row: QRect, index: Index) -> None:
        c, ratio = theme.colors(), painter.device().devicePixelRatio()
        row = QRect(_INDENT, row.top(), self._view.viewport().width() - _INDENT - _RIGHT, row.height())
        leads = index.data(TENSOR) >= 0
        if leads:
            top = row.top() + (row.height() - 14) // 2
            painter.drawPixmap(row.left(), top, icons.pixmap("tensor", c.accent, 14, ratio))
        font, small = tabular(self._view.font()), tabular(detail_font(self._view.font()))
        note = str(index.data(NOTE))
        half = row.adjusted(row.width() // 2, 0, 0, 0)
        taken = draw_text(painter, small, c.muted, note, half, Qt.AlignmentFlag.AlignRight) if note else -12
        room = row.adjusted(21, 0, -taken - 12, 0)
        # a long name tells most by where it begins and ends
        name = " ".join(str(index.data()).split())
        shown = QFontMetrics(font).elidedText(name, Qt.TextElideMode.ElideMiddle, room.width())
        draw_text(painter, font, c.text if leads else c.muted, shown, room)


def _wrapped(font: QFont, text: str, left: int, top: int, width: int) -> QRect:
    """Return the room that a text takes, wrapped."""
    height = _laid_out(font, text, width).boundingRect().height() if text else 0
    return QRect(left, top, width, math.ceil(height))


def _laid_out(font: QFont, text: str, width: int) -> QTextLayout:
    """Break a text into lines: at words, and within those that are longer than a line."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    height = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, height))
        height += line.height()
    layout.endLayout()
    return layout
