"""The line above a tensor: its name in bold, elided in the middle and copied on demand, and its few facts."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QGuiApplication,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import theme
from inspector.gui.drawn_widget import DrawnWidget
from inspector.gui.tooltips import tooltip
from inspector.gui.tree_delegate import tabular
from inspector.session import words

_GAP = 12
_LINE_GAP = 3
_SEPARATOR = "  ·  "


def facts(summary: CheckpointSummary, tensor: int) -> list[str]:
    """Return a tensor's shape, dtype, count and size in words, and what it shares its elements with."""
    role, numel = summary.role(tensor), summary.numel(tensor)
    count = words.plural(numel, "parameter" if role == "parameter" else "element")
    named = {"buffer": ["buffer"], "optimizer": ["optimizer state"]}.get(role, [])
    if summary.moments[tensor] >= 0:
        named = [f"optimizer state: {summary.names[tensor]}"]  # it is called by its parameter
    shared = summary.shared[tensor]
    also = [f"shares its elements with {summary.names[shared]}"] if shared >= 0 else []
    also += [form] if (form := words.form(summary, tensor)) else []
    size = words.size(summary.tensor_nbytes(tensor))
    return [words.shape_text(summary.shape(tensor)), summary.dtype(tensor), *named, count, size, *also]


class TensorHeader(DrawnWidget):
    """A name and facts, side by side where they fit, else one below the other, the facts on as many lines as needed."""

    copies = "Copy name"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = self._key = ""
        self.facts: list[str] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_name(self, name: str, facts: list[str], key: str = "") -> None:
        """Show a name and facts; ``key`` is what is copied in place of the name."""
        self.name, self.facts, self._key = name, facts, key or name
        self.setAccessibleName(name)
        self.setAccessibleDescription(", ".join(facts))
        self.setToolTip(tooltip(self._key, "Ctrl+C copies the name"))
        self.updateGeometry()
        self.update()

    # -- layout ------------------------------------------------------------------------------------------------

    @staticmethod
    def _name_font() -> QFont:
        font = theme.monospace(1.15)
        font.setBold(True)
        return font

    @staticmethod
    def _facts_font() -> QFont:
        return tabular(theme.scaled_font(1.0))

    def _lines(self, width: int) -> tuple[bool, list[str]]:
        """Return whether name and facts share a line, and the facts' lines."""
        metrics = QFontMetrics(self._facts_font())
        whole = _SEPARATOR.join(self.facts)
        name = QFontMetrics(self._name_font()).horizontalAdvance(self.name)
        if name + _GAP + metrics.horizontalAdvance(whole) <= width:
            return True, [whole]
        lines: list[str] = []
        for fact in self.facts:
            longer = f"{lines[-1]}{_SEPARATOR}{fact}" if lines else fact
            if lines and metrics.horizontalAdvance(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(fact)
        return False, lines

    def hasHeightForWidth(self) -> bool:
        """The height follows the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines."""
        beside, lines = self._lines(width)
        tall = QFontMetrics(self._name_font()).height() + 2
        below = 0 if beside else len(lines) * (QFontMetrics(self._facts_font()).height() + _LINE_GAP)
        return tall + below

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(480, self.heightForWidth(480))

    def minimumSizeHint(self) -> QSize:
        """Return the least width that shows anything."""
        return QSize(160, QFontMetrics(self._name_font()).height() + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the name, and the facts beside or below it."""
        c, painter = theme.colors(), QPainter(self)
        font = self._name_font()
        metrics = QFontMetrics(font)
        beside, lines = self._lines(self.width())
        painter.setFont(font)
        painter.setPen(theme.qcolor(c.text))
        name = metrics.elidedText(self.name, Qt.TextElideMode.ElideMiddle, self.width())
        painter.drawText(0, metrics.ascent() + 1, name)
        painter.setFont(self._facts_font())
        painter.setPen(theme.qcolor(c.muted))
        small = painter.fontMetrics()
        if beside:
            painter.drawText(metrics.horizontalAdvance(name) + _GAP, metrics.ascent() + 1, lines[0] if lines else "")
        else:
            top = metrics.height() + 2
            for line in lines:
                top += _LINE_GAP
                elided = small.elidedText(line, Qt.TextElideMode.ElideMiddle, self.width())
                painter.drawText(0, top + small.ascent(), elided)
                top += small.height()
        if self.hasFocus():
            painter.fillRect(0, metrics.height() + 1, metrics.horizontalAdvance(name), 1, theme.qcolor(c.accent))
        painter.end()

    # -- copying -----------------------------------------------------------------------------------------------

    def copy(self) -> None:
        """Put what is shown into the clipboard."""
        QGuiApplication.clipboard().setText(self._key)
