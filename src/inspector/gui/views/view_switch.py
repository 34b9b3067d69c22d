"""The slim switch between the views of a tensor; those that there is no room for are in a menu at its end."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QWidget

from inspector.gui import icons, theme
from inspector.gui.segmented import Segmented

#: A view: its name, what its button says, and a sentence about it.
Entry = tuple[str, str, str]


class ViewSwitch(QWidget):
    """Offers views.

    Signals
    -------
    chosen
        The name of a view, chosen by the person.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[Entry, ...] = ()
        self._name = ""
        self.segmented = Segmented("Views of the tensor", slim=True)
        self.segmented.chosen.connect(self._choose)
        self.more = QPushButton("More")
        self.more.setIcon(icons.icon("chevron-down"))
        self.more.setAccessibleName("More views")
        self.more.setToolTip("Views that there is no room for")
        self.more.setMenu(QMenu(self.more))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.segmented)
        row.addWidget(self.more)
        row.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._dress()

    def offer(self, entries: Sequence[Entry], name: str) -> None:
        """Offer views, the first ones first; mark the one that is shown."""
        self._name = name
        if tuple(entries) != self._entries:
            self._entries = tuple(entries)
            focused = any(button.hasFocus() for button in self.segmented.buttons.values())
            self.segmented.clear()
            for entry in entries:
                self.segmented.add(*entry)
            if focused:
                self.segmented.buttons[name].setFocus()
        self.segmented.show_chosen(name)
        self._fit()

    @property
    def names(self) -> list[str]:
        """The views that are offered."""
        return [name for name, _, _ in self._entries]

    def _choose(self, name: str) -> None:
        if name != self._name:
            self._name = name
            self.segmented.show_chosen(name)
            self._fit()
            self.chosen.emit(name)

    def _fit(self) -> None:
        """Show as many buttons as there is room for, the chosen one among them; the others in the menu."""
        widths = {name: button.sizeHint().width() + 2 for name, button in self.segmented.buttons.items()}
        room = self.width() - 6
        if sum(widths.values()) > room:
            room -= self.more.sizeHint().width() + 6 + widths.get(self._name, 0)
            shown = {self._name}
            for name in widths:
                if name not in shown:
                    room -= widths[name]
                    if room < 0:
                        break
                    shown.add(name)
        else:
            shown = set(widths)
        for name, button in self.segmented.buttons.items():
            button.setVisible(name in shown)
        self.more.setVisible(len(shown) < len(widths))
        menu = self.more.menu()
        menu.clear()
        for name, text, tip in self._entries:
            if name not in shown:
                action = menu.addAction(text)
                action.setToolTip(tip)
                action.triggered.connect(lambda _=False, name=name: self._choose(name))
        self.segmented.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the buttons to the new width."""
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:
        """Return the size of all buttons."""
        widths = sum(button.sizeHint().width() + 2 for button in self.segmented.buttons.values())
        return QSize(widths + 6, self.segmented.sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return the size of one button and the menu: the others give way."""
        return QSize(160, self.segmented.sizeHint().height())

    def _dress(self) -> None:
        c = theme.colors()
        theme.dress(
            self.more,
            f"QPushButton {{ padding: 2px 8px; min-height: 17px; color: {c.muted}; border: none; }}"
            f"QPushButton::menu-indicator {{ width: 0; }}"
            f"QPushButton:hover, QPushButton:focus {{ color: {c.accent}; }}",
        )

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)
