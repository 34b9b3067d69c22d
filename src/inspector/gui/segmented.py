"""A row of views, one of which is shown: a slim switch."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QWidget

from inspector.gui import theme

#: Pixels beside a button's text, and in a slim switch or one of many buttons.
_AIRY, _SLIM = 18, 10
_MANY = 5


class Segmented(QFrame):
    """Buttons in one frame; Left and Right walk them.

    Signals
    -------
    chosen
        The name of a view, chosen by the person.
    """

    chosen = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None, *, slim: bool = False) -> None:
        super().__init__(parent)
        self._slim = slim
        self.setObjectName("segmented")
        self.setAccessibleName(name)
        self.buttons: dict[str, QPushButton] = {}
        self._hidden: set[str] = set()
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(2, 2, 2, 2)
        self._row.setSpacing(2)
        self._dress()

    def add(self, name: str, text: str, tip: str) -> None:
        """Add a view."""
        button = QPushButton(text)
        button.setCheckable(True)
        button.setAccessibleName(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda: self.chosen.emit(name))
        self._group.addButton(button)
        self._row.addWidget(button)
        self.buttons[name] = button

    def clear(self) -> None:
        """Take all views away."""
        for button in self.buttons.values():
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons, self._hidden = {}, set()

    @property
    def shown(self) -> list[str]:
        """The views that can be chosen now, in their order."""
        return [name for name in self.buttons if name not in self._hidden]

    def set_shown(self, names: Iterable[str]) -> None:
        """Show the buttons of these views alone."""
        wanted = set(names)
        self._hidden = self.buttons.keys() - wanted
        for name, button in self.buttons.items():
            button.setVisible(name in wanted)
        self._dress()

    def show_chosen(self, name: str) -> None:
        """Mark the view that is shown."""
        self.buttons[name].setChecked(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk by the arrow keys."""
        names = self.shown
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        current = next((place for place, name in enumerate(names) if self.buttons[name].isChecked()), 0)
        if step and 0 <= current + step < len(names):
            self.buttons[names[current + step]].setFocus()
            self.buttons[names[current + step]].click()
        else:
            super().keyPressEvent(event)

    def minimumSizeHint(self) -> QSize:
        """Return the size: buttons are never cut."""
        return self.sizeHint()

    def _dress(self) -> None:
        c, beside = theme.colors(), _SLIM if self._slim or len(self.shown) >= _MANY else _AIRY
        theme.dress(
            self,
            f"#segmented {{ background: {c.hover}; border: none; border-radius: 7px; }}"
            f"#segmented QPushButton {{ background: transparent; border: 1px solid transparent; border-radius: 5px;"
            f" padding: 2px {beside}px; min-height: 17px; color: {c.muted}; }}"
            f"#segmented QPushButton:hover {{ color: {c.text}; }}"
            f"#segmented QPushButton:checked {{ background: {c.raised}; border-color: {c.border}; color: {c.text}; }}"
            f"#segmented QPushButton:focus {{ border-color: {c.accent}; }}",
        )

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)
