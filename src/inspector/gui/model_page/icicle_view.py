"""Shares of a model as an icicle to look at: a box for each module, what lies in it below it."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import icons, theme
from inspector.gui.drawn_widget import DrawnWidget
from inspector.gui.model_page.icicle_data import Box, boxes
from inspector.gui.module_tree_cells import TreeCells
from inspector.gui.slices import Slices
from inspector.gui.views.saving import copy_drawing
from inspector.session import words

#: Logical pixels of a row: as many as there is room for.
_LOWEST, _HIGHEST = 32.0, 64.0
_GAP = 1.0
_PADDING = 7.0
#: How strongly boxes take the accent's colour: the least, and what the whole adds.
_FAINT, _SPAN = 0.10, 0.36
_HINT = "Click zooms into a module, double click shows it in the tree; or the arrow keys, Enter, Backspace"


class IcicleView(DrawnWidget):
    """Shows what a module consists of, by the shares of its parts.

    Signals
    -------
    pointed
        The box under the mouse or the keys, None for none.
    zoomed
        Something else is shown: a module's node, or the first of several siblings, and how many.
    chosen
        A node that is to be shown in the tree.
    """

    pointed = Signal(object)
    zoomed = Signal(int, int)
    chosen = Signal(int)
    copies = "Copy picture"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary: CheckpointSummary | None = None
        self._values: list[int] = []
        self.top, self.count = 0, 1
        self.boxes: list[Box] = []
        self._row = math.floor(_LOWEST)
        self._at = -1  # the place of the box that is pointed at
        self._pressed: Box | None = None
        self._clicked = -1  # the node of the last click: a second one means it too, whatever is there by then
        self._slices = Slices(self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Shares of the model by module")
        self.setToolTip(_HINT)

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether boxes are being laid out."""
        return self._slices.is_busy

    @property
    def total(self) -> int:
        """What the whole checkpoint comes to."""
        return self._values[0] if self._values else 0

    def show_values(self, summary: CheckpointSummary, values: list[int], top: int = 0) -> None:
        """Show a checkpoint by a value of its nodes, from one of them on."""
        self._summary, self._values, self.top, self.count = summary, values, top, 1
        self._clicked = -1
        self._lay_out()
        self.zoomed.emit(top, 1)

    def zoom(self, node: int, count: int = 1) -> None:
        """Show a module by itself, or several siblings that were too small to be told apart."""
        summary = self._summary
        if summary is None or (node, count) == (self.top, self.count):
            return
        if count > 1 or (summary.child_counts[node] and self._values[node]):
            self.top, self.count = node, count
            self._lay_out()
            self.zoomed.emit(node, count)

    def zoom_out(self) -> None:
        """Show what the shown module lies in."""
        if self._summary is not None and self.top:
            self.zoom(self._summary.parents[self.top])

    def _lay_out(self) -> None:
        self._point(-1)
        if self._summary is None:
            return
        levels = max(1, math.floor(self.height() / _LOWEST))
        width = float(self.width())
        self._slices.begin(boxes(self._summary, self._values, self.top, width, levels, self.count), self._arrive)

    def _arrive(self, made: list[Box]) -> None:
        self.boxes = made
        levels = 1 + max(box.level for box in made)
        self._row = math.floor(min(_HIGHEST, max(_LOWEST, self.height() / levels)))
        self.setAccessibleDescription(f"{words.plural(len(made), 'box', 'boxes')}. {_HINT}")
        self.update()

    def name(self, box: Box) -> str:
        """Return what a box is called, by itself."""
        summary = self._summary
        assert summary is not None
        if box.count > 1:
            return f"{summary.labels[box.node]} … {summary.labels[box.node + box.count - 1]}"
        return summary.labels[box.node] or words.NO_NAME if box.node else words.root_name(summary)

    # -- painting ----------------------------------------------------------------------------------------------

    def paint_drawing(self, painter: QPainter, rect: QRectF) -> None:
        """Paint the boxes, without what is pointed at, for pictures."""
        if not self.boxes:
            return
        stretch = rect.width() / max(1.0, self.boxes[0].width)
        fonts = theme.scaled_font(1.0), theme.scaled_font(0.86)
        for box in self.boxes:
            self._paint_box(painter, self._rect(box, stretch), box, fonts)

    def _rect(self, box: Box, stretch: float = 1.0) -> QRectF:
        left, right = box.left * stretch, (box.left + box.width) * stretch
        return QRectF(left, box.level * self._row, max(1.0, right - left - _GAP), self._row - _GAP)

    def _paint_box(self, painter: QPainter, room: QRectF, box: Box, fonts: tuple[QFont, QFont]) -> None:
        c, top = theme.colors(), self.boxes[0].value or 1
        share = _FAINT + _SPAN * math.sqrt(box.value / top)
        painter.fillRect(room, _mixed(c.surface, c.accent, share / 2 if box.count > 1 else share))
        inside = room.adjusted(_PADDING, 0, -_PADDING, 0)
        if inside.width() < 14:
            return
        font, small = fonts
        metrics, percent = QFontMetricsF(font), words.percent(box.value / top)
        name = self.name(box)
        wide, aside = metrics.horizontalAdvance(name), QFontMetricsF(small).horizontalAdvance(percent)
        painter.setFont(font)
        painter.setPen(theme.qcolor(c.text))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        fits = wide + aside + 10 <= inside.width()
        text = name if fits else metrics.elidedText(name, Qt.TextElideMode.ElideRight, inside.width())
        if text != "…":
            painter.drawText(inside, flags | Qt.AlignmentFlag.AlignLeft, text)
        if fits:
            painter.setFont(small)
            painter.setPen(theme.qcolor(c.muted) if share < 0.3 else theme.qcolor(c.text))
            painter.drawText(inside, flags | Qt.AlignmentFlag.AlignRight, percent)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the boxes, the one that is pointed at, and the focus."""
        painter = QPainter(self)
        painter.setOpacity(self.opacity)
        self.paint_drawing(painter, QRectF(0, 0, self.boxes[0].width if self.boxes else 0, self.height()))
        if 0 <= self._at < len(self.boxes):
            painter.setPen(QPen(theme.qcolor(theme.colors().text), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self._rect(self.boxes[self._at]).adjusted(0, 0, -1, -1))
        self.paint_focus(painter)
        painter.end()

    def copy(self) -> None:
        """Put what is seen into the clipboard, as a picture."""
        copy_drawing(self.drawing_size, self.paint_drawing)

    @property
    def drawing_size(self) -> QSize:
        """As much room as the boxes take."""
        levels = 1 + max((box.level for box in self.boxes), default=0)
        return QSize(self.width(), levels * self._row)

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(400, 300)

    def minimumSizeHint(self) -> QSize:
        """Return the least size that can be read."""
        return QSize(240, 140)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the boxes out for the new size."""
        self._lay_out()

    # -- pointer and keys --------------------------------------------------------------------------------------

    def _point(self, place: int) -> None:
        if place != self._at:
            self._at = place
            self.pointed.emit(self.boxes[place] if place >= 0 else None)
            self.update()

    def _place_at(self, at: QPointF) -> int:
        level = math.floor(at.y() / self._row)
        found = (
            place
            for place, box in enumerate(self.boxes)
            if box.level == level and box.left <= at.x() < box.left + box.width
        )
        return next(found, -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell of the box under the mouse."""
        self._point(self._place_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        self._point(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click."""
        place = self._place_at(event.position())
        self._pressed = self.boxes[place] if place >= 0 and event.button() == Qt.MouseButton.LeftButton else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Zoom into the module that was clicked; out of it at the top."""
        place, pressed = self._place_at(event.position()), self._pressed
        self._pressed = None
        if pressed is not None and place >= 0 and self.boxes[place] is pressed:
            self._clicked = pressed.node
            self._enter(pressed)

    def _enter(self, box: Box) -> None:
        if box.level == 0:
            self.zoom_out()
        else:
            self.zoom(box.node, box.count)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show in the tree what the first of the two clicks was on."""
        if event.button() == Qt.MouseButton.LeftButton and self._clicked >= 0:
            self.chosen.emit(self._clicked)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk from box to box, zoom in and out."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down) and self.boxes:
            self._walk(key)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._at >= 0:
            box = self.boxes[self._at]
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self.chosen.emit(box.node)
            else:
                self._enter(box)
        elif key == Qt.Key.Key_Backspace:
            self.zoom_out()
        else:
            super().keyPressEvent(event)

    def _walk(self, key: Qt.Key) -> None:
        if self._at < 0:
            self._point(0)
            return
        here = self.boxes[self._at]
        level = here.level + {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(key, 0)
        row = sorted((box.left, place) for place, box in enumerate(self.boxes) if box.level == level)
        if key == Qt.Key.Key_Right:
            found = [place for left, place in row if left > here.left]
        elif key == Qt.Key.Key_Left:
            found = [place for left, place in reversed(row) if left < here.left]
        elif key == Qt.Key.Key_Up:
            found = [place for left, place in reversed(row) if left <= here.left]
        else:
            found = [place for left, place in row if here.left <= left < here.left + here.width]
        if found:
            self._point(found[0])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the box that is pointed at."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if 0 <= self._at < len(self.boxes) and self._summary is not None:
            node = self.boxes[self._at].node
            path = TreeCells(self._summary, None).path(node)
            menu.addAction(icons.icon("module"), "Show in the tree", lambda: self.chosen.emit(node))
            menu.addAction(icons.icon("copy"), "Copy name", lambda: QGuiApplication.clipboard().setText(path))
        menu.addAction(icons.icon("copy"), self.copies, self.copy)
        menu.popup(event.globalPos())


def _mixed(first: str, second: str, share: float) -> QColor:
    a, b = theme.qcolor(first), theme.qcolor(second)
    return QColor(
        round(a.red() + (b.red() - a.red()) * share),
        round(a.green() + (b.green() - a.green()) * share),
        round(a.blue() + (b.blue() - a.blue()) * share),
    )
