"""Small rounded labels with a meaning in their colour: safe, needs trust, dangerous, what it is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QPushButton, QWidget

from inspector.gui import icons, theme
from inspector.gui.theme import Tone
from inspector.gui.tooltips import tooltip


class Chip(QPushButton):
    """A chip that can be clicked for more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone: Tone = "quiet"
        self._icon = ""
        self.setFont(theme.scaled_font(1.0, bold=True))
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_text(self, text: str, tone: Tone, icon: str = "", tip: str = "") -> None:
        """Show ``text`` in the colours of ``tone``."""
        self.setText(text.replace("&", "&&"))
        self.setAccessibleName(text)
        self.setToolTip(tooltip(*tip.split("\n")))
        self._tone, self._icon = tone, icon
        self._dress()
        self.updateGeometry()

    def _dress(self) -> None:
        back, front = theme.tone_colors(self._tone)
        sheet = (
            f"QPushButton {{ background: {back}; color: {front}; border: 1px solid {back}; border-radius: 13px;"
            " padding: 3px 11px; }"
            f"QPushButton:hover, QPushButton:focus {{ border-color: {front}; }}"
        )
        theme.dress(self, sheet)
        if self._icon:
            self.setIcon(icons.icon(self._icon, front))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)
