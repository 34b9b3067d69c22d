"""The docks: they can be moved, closed and brought back."""

from __future__ import annotations

import base64

from PySide6.QtCore import QByteArray, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QToolButton,
    QWidget,
)

from inspector.gui import icons, theme


class PanelTitle(QFrame):
    """A slim title: the panel's name, which drags it, and a button that closes it."""

    closed = Signal()

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        label = QLabel(dock.windowTitle())
        label.setProperty("section", True)
        self._close = QToolButton(autoRaise=True)
        self._close.setToolTip(f"Close this panel; View brings it back ({dock.windowTitle()})")
        self._close.setAccessibleName(f"Close the panel {dock.windowTitle()}")
        self._close.clicked.connect(self.closed)
        self._close.setStyleSheet("QToolButton { border: none; padding: 2px; }")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 3, 6, 0)
        layout.addWidget(label)
        layout.addStretch()
        layout.addWidget(self._close)
        self._dress()

    def _dress(self) -> None:
        self._close.setIcon(icons.icon("close", theme.colors().muted))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)


class Panels(QObject):
    """The window's docks, which of them the person closed, and their saved layout.

    Parameters
    ----------
    window
        The docks are added to it.
    """

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.docks: dict[str, QDockWidget] = {}
        self._closed: set[str] = set()
        self._wanted: frozenset[str] = frozenset()
        self._home = QByteArray()

    def add(self, name: str, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> None:
        """Add a dock; ``name`` is its name in the saved layout."""
        dock = QDockWidget(title, self._window)
        dock.setObjectName(name)
        dock.setWidget(widget)
        title_bar = PanelTitle(dock)
        title_bar.closed.connect(lambda: self.close(name))
        dock.setTitleBarWidget(title_bar)
        self._window.addDockWidget(area, dock)
        self.docks[name] = dock

    def set_widget(self, name: str, widget: QWidget) -> None:
        """Fill a dock that was added with a placeholder."""
        dock = self.docks[name]
        placeholder = dock.widget()
        dock.setWidget(widget)
        if placeholder is not None:
            placeholder.deleteLater()

    def close(self, name: str) -> None:
        """Close a panel until the person brings it back."""
        self._closed.add(name)
        self.show(self._wanted)

    def toggle(self, name: str, shown: bool) -> None:
        """Bring a panel back, or close it."""
        (self._closed.discard if shown else self._closed.add)(name)
        self.show(self._wanted)

    def show(self, wanted: frozenset[str]) -> None:
        """Show the panels that have something to show, but for those the person closed."""
        self._wanted = wanted
        for name, dock in self.docks.items():
            dock.setVisible(name in wanted and name not in self._closed)

    def actions(self, menu: QMenu) -> list[QAction]:
        """Return a checkable action per panel, for a menu."""
        made = []
        for name, dock in self.docks.items():
            action = QAction(f"Panel: {dock.windowTitle().lower()}", menu, checkable=True)
            action.setChecked(name not in self._closed)
            action.toggled.connect(lambda shown, panel=name: self.toggle(panel, shown))
            made.append(action)
        return made

    def restore(self, geometry: str, state: str) -> None:
        """Take up a saved layout (base64); the layout as built stays at hand for `reset`."""
        self._home = self._window.saveState()
        self._window.restoreGeometry(_decoded(geometry))
        self._window.restoreState(_decoded(state))

    def save(self) -> tuple[str, str]:
        """Return the window's geometry and the panels' layout, in base64."""
        geometry, state = self._window.saveGeometry().data(), self._window.saveState().data()
        return base64.b64encode(geometry).decode("ascii"), base64.b64encode(state).decode("ascii")

    def reset(self) -> None:
        """Put every panel back where it was built."""
        self._closed.clear()
        self._window.restoreState(self._home)
        self.show(self._wanted)


def _decoded(text: str) -> QByteArray:
    """Return what `Panels.save` wrote; nothing for what is damaged, which Qt then leaves alone."""
    return QByteArray.fromBase64(QByteArray(text.encode("utf-8", "replace")))
