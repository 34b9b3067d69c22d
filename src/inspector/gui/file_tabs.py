"""The open files as tabs, each with a dot that says how safe it is: a ring once its file is no longer what was read."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QTabBar, QToolButton, QWidget

from inspector.gui import icons, theme
from inspector.gui.tooltips import tooltip
from inspector.session.state import OpenCheckpoint

_STALE_WORDS = {
    "changed": "It has changed on disk since it was read",
    "gone": "It was moved or deleted",
    "failed": "It has changed on disk and can't be read now",
}


class FileTabs(QFrame):
    """The row of tabs, "+" to open another file, and the way to all commands.

    Signals
    -------
    shown, closed
        A checkpoint's id.
    open_requested, palette_requested
        The buttons.
    menu_requested
        A checkpoint's id, and where to show a menu about it.
    """

    shown = Signal(int)
    closed = Signal(int)
    open_requested = Signal()
    palette_requested = Signal()
    menu_requested = Signal(int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tabs")
        self.bar = QTabBar(movable=True, expanding=False, drawBase=False)
        self.bar.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.bar.setUsesScrollButtons(True)
        self.bar.setAccessibleName("Open files")
        self.bar.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.bar.currentChanged.connect(self._on_current)
        self.bar.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.bar.customContextMenuRequested.connect(self._ask_for_menu)
        self.plus = self._button("plus", "Open another file (Ctrl+O)", self.open_requested)
        self.palette_button = QToolButton(autoRaise=True)
        self.palette_button.setText("Commands   Ctrl+K")
        self.palette_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.palette_button.setAccessibleName("Commands")
        self.palette_button.setToolTip("Find any command by name (Ctrl+K)")
        self.palette_button.clicked.connect(self.palette_requested)
        self.menu_button = QToolButton(autoRaise=True)
        self.menu_button.setText("☰")
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setAccessibleName("Menu")
        self.menu_button.setToolTip("Menu (F10)")
        self.menu_button.setShortcut("F10")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 0)
        layout.setSpacing(4)
        layout.addWidget(self.bar)
        layout.addWidget(self.plus)
        layout.addStretch(1)
        layout.addWidget(self.palette_button)
        layout.addWidget(self.menu_button)
        self._states: dict[int, tuple[str, bool]] = {}
        self._dress()

    def _button(self, icon: str, tip: str, signal: object) -> QToolButton:
        button = QToolButton(autoRaise=True)
        button.setObjectName(icon)
        button.setAccessibleName(tip.partition(" (")[0])
        button.setToolTip(tip)
        button.clicked.connect(signal)
        return button

    def _on_current(self, row: int) -> None:
        if row >= 0:
            self.shown.emit(self.bar.tabData(row))

    def _ask_for_menu(self, place: QPoint) -> None:
        """Ask for the menu of the tab at a place, or of the current one where a key asked."""
        row = self.bar.tabAt(place)
        row = self.bar.currentIndex() if row < 0 else row
        if row >= 0:
            self.menu_requested.emit(self.bar.tabData(row), self.bar.mapToGlobal(place))

    def show_checkpoints(self, found: list[OpenCheckpoint], current: int | None) -> None:
        """Show a tab for every open checkpoint; the order the person gave the tabs is kept."""
        with QSignalBlocker(self.bar):
            ids = [checkpoint.id for checkpoint in found]
            for row in range(self.bar.count() - 1, -1, -1):
                if self.bar.tabData(row) not in ids:
                    self.bar.removeTab(row)
            known = [self.bar.tabData(row) for row in range(self.bar.count())]
            for checkpoint in found:
                if checkpoint.id not in known:
                    row = self.bar.addTab(checkpoint.name.replace("&", "&&"))
                    self.bar.setTabData(row, checkpoint.id)
                    self._add_close_button(row, checkpoint.id, checkpoint.name)
            for checkpoint in found:
                self.show_checkpoint(checkpoint)
            for row in range(self.bar.count()):
                if self.bar.tabData(row) == current:
                    self.bar.setCurrentIndex(row)
        self.bar.setVisible(bool(found))
        self.plus.setVisible(bool(found))

    def _add_close_button(self, row: int, number: int, name: str) -> None:
        button = QToolButton(autoRaise=True)
        button.setObjectName("close")
        button.setIcon(icons.icon("close", theme.colors().muted))
        button.setIconSize(QSize(12, 12))
        button.setToolTip("Close this file (Ctrl+W)")
        button.setAccessibleName(f"Close {name}")
        button.clicked.connect(lambda: self.closed.emit(number))
        self.bar.setTabButton(row, QTabBar.ButtonPosition.RightSide, button)

    def show_checkpoint(self, found: OpenCheckpoint) -> None:
        """Show one checkpoint's name and state on its tab."""
        state = found.phase if found.summary is None else found.summary.safety
        stale = _STALE_WORDS.get(found.freshness.phase, "")
        for row in range(self.bar.count()):
            if self.bar.tabData(row) == found.id:
                self._states[found.id] = state, bool(stale)
                self.bar.setTabToolTip(row, tooltip(str(found.path), stale))
                self.bar.setTabIcon(row, _dot(state, bool(stale)))

    def _dress(self) -> None:
        c = theme.colors()
        theme.dress(
            self,
            f"#tabs {{ background: {c.window}; }}"
            f"QTabBar::tab {{ background: transparent; color: {c.muted}; padding: 8px 10px 8px 12px; margin-right: 2px;"
            " border: none; border-top-left-radius: 8px; border-top-right-radius: 8px;"
            " min-width: 110px; max-width: 260px; }"
            "QTabBar::tear { width: 0; border: none; }"
            f"QTabBar::tab:selected {{ background: {c.surface}; color: {c.text}; }}"
            f"QTabBar::tab:hover:!selected {{ background: {c.hover}; }}"
            f"QTabBar::tab:focus {{ color: {c.accent}; }}"
            f"QToolButton {{ color: {c.muted}; border: none; border-radius: 6px; padding: 5px 8px; }}"
            "QToolButton#close { padding: 2px; margin-left: 4px; }"
            f"QToolButton:hover, QToolButton:focus {{ background: {c.hover}; color: {c.text}; }}"
            "QToolButton::menu-indicator { image: none; }",
        )
        self.plus.setIcon(icons.icon("plus", c.muted))
        self.palette_button.setIcon(icons.icon("search", c.muted))
        self.bar.setIconSize(QSize(10, 10))
        for row in range(self.bar.count()):
            button = self.bar.tabButton(row, QTabBar.ButtonPosition.RightSide)
            if isinstance(button, QToolButton):
                button.setIcon(icons.icon("close", c.muted))
            self.bar.setTabIcon(row, _dot(*self._states.get(self.bar.tabData(row), ("running", False))))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)


def _dot(state: str, hollow: bool) -> QIcon:
    c = theme.colors()
    color = {"safe": c.positive, "needs_trust": c.warning, "dangerous": c.danger, "failed": c.danger}.get(
        state, c.muted
    )
    made = QIcon()
    for ratio in (1, 2):
        drawn = QPixmap(10 * ratio, 10 * ratio)
        drawn.fill(Qt.GlobalColor.transparent)
        painter = QPainter(drawn)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if hollow:
            painter.setPen(QPen(theme.qcolor(color), 2 * ratio))
            painter.drawEllipse(2 * ratio, 2 * ratio, 6 * ratio, 6 * ratio)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.qcolor(color))
            painter.drawEllipse(ratio, ratio, 8 * ratio, 8 * ratio)
        painter.end()
        drawn.setDevicePixelRatio(ratio)
        made.addPixmap(drawn)
    return made
