"""A label of one line that never asks for more room than there is: its text is shortened instead."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from inspector.gui import theme

_LEAST_WIDTH = 40


class OneLineLabel(QLabel):
    """A label whose `text` is always whole, whatever is shown of it.

    Parameters
    ----------
    mode
        Where it is shortened.
    """

    def __init__(self, mode: Qt.TextElideMode, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mode = mode
        self._kept = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str, kept: str = "") -> None:
        """Show another text; ``kept`` is its end, which is shortened last."""
        self._kept = kept
        self.setText(" ".join(text.split()) + kept)

    @property
    def shown(self) -> str:
        """As much of the text as there is room for."""
        metrics = self.fontMetrics()
        # what is kept is shortened only where there is not even room for that alone
        kept = metrics.elidedText(self._kept, Qt.TextElideMode.ElideRight, self.width())
        room = self.width() - metrics.horizontalAdvance(kept)
        return metrics.elidedText(self.text().removesuffix(self._kept), self._mode, room) + kept

    def minimumSizeHint(self) -> QSize:
        """Return a size for a few letters."""
        return QSize(_LEAST_WIDTH, self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what there is room for."""
        c = theme.colors()
        painter = QPainter(self)
        painter.setPen(theme.qcolor(c.muted if self.property("muted") else c.text))
        painter.drawText(self.rect(), self.alignment() | Qt.TextFlag.TextSingleLine, self.shown)
