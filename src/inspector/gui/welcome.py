"""The window with nothing open: one large drop zone, "Open…", "Try the demo" and the recent files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from inspector.gui import icons, theme
from inspector.gui.tooltips import tooltip

_SHOWN_RECENT = 6


class DropZone(QFrame):
    """A dashed frame that says what can be dropped."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        title = QLabel("Drop a PyTorch checkpoint here", alignment=Qt.AlignmentFlag.AlignCenter)
        title.setFont(theme.scaled_font(1.6, bold=True))
        self._hint = QLabel(
            "See what it is, look at its weights, attach it to a torchvision architecture and predict.\n"
            "Nothing in a file is run.",
            alignment=Qt.AlignmentFlag.AlignCenter,
        )
        self._hint.setProperty("muted", True)
        self._hint.setWordWrap(True)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(10)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(40, 44, 40, 44)
        layout.setSpacing(14)
        layout.addStretch()
        for widget in (self._icon, title, self._hint):
            layout.addWidget(widget)
        layout.addSpacing(8)
        layout.addLayout(self.buttons)
        layout.addStretch()
        self._draw_icon()

    def _draw_icon(self) -> None:
        self._icon.setPixmap(icons.app_icon().pixmap(QSize(72, 72)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the dashed outline."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.qcolor(theme.colors().muted), 1.5, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 14, 14)


class Welcome(QWidget):
    """The empty state.

    Signals
    -------
    open_requested, demo_requested
        The buttons.
    recent_chosen
        A recent file's path.
    """

    open_requested = Signal()
    demo_requested = Signal()
    recent_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.zone = DropZone()
        self.zone.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.zone.setMaximumSize(860, 440)
        self.zone.setMinimumHeight(300)
        self.open_button = QPushButton("Open…")
        self.open_button.setProperty("primary", True)
        self.open_button.setToolTip("Open checkpoints (Ctrl+O)")
        self.open_button.clicked.connect(self.open_requested)
        self.demo_button = QPushButton("Try the demo")
        self.demo_button.setToolTip("A small model trained on handwritten digits, with images to predict")
        self.demo_button.clicked.connect(self.demo_requested)
        self.zone.buttons.addStretch()
        for button in (self.open_button, self.demo_button):
            button.setMinimumWidth(130)
            self.zone.buttons.addWidget(button)
        self.zone.buttons.addStretch()
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        column = QVBoxLayout()
        column.setSpacing(26)
        column.addStretch(1)
        column.addWidget(self.zone, 6)
        column.addLayout(self._recent)
        column.addStretch(1)
        centre = QHBoxLayout(self)
        centre.setContentsMargins(40, 30, 40, 30)
        centre.addStretch(1)
        centre.addLayout(column, 8)
        centre.addStretch(1)

    def show_recent(self, paths: Sequence[str]) -> None:
        """Show the recent files, the latest first."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if not paths:
            return
        heading = QLabel("Recent files")
        heading.setProperty("section", True)
        self._recent.addWidget(heading)
        for path in paths[:_SHOWN_RECENT]:
            self._recent.addWidget(self._recent_button(path))

    def _recent_button(self, text: str) -> QPushButton:
        path = Path(text)
        folder = str(path.parent)
        home = str(Path.home())
        shown = f"~{folder[len(home) :]}" if folder == home or folder.startswith(home + "/") else folder
        label = f"{path.name}    {shown}".replace("&", "&&")
        button = QPushButton(icons.icon("tensor", theme.colors().muted), label)
        button.setProperty("flat", True)
        button.setStyleSheet("text-align: left;")
        button.setToolTip(tooltip(text))
        button.setAccessibleName(f"Open {path.name}")
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda: self.recent_chosen.emit(text))
        return button

    def changeEvent(self, event: QEvent) -> None:
        """Draw again in the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self.zone.update()
        super().changeEvent(event)
