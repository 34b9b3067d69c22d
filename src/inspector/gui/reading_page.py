"""What is shown in place of a checkpoint while it is read."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from inspector.gui import theme
from inspector.session.state import OpenCheckpoint

#: Milliseconds before progress is shown: most files are open sooner, and a flash tells nothing.
PATIENCE = 300


class ReadingPage(QWidget):
    """Progress with a way to cancel.

    Signals
    -------
    close_requested
        The person gives the file up.
    """

    close_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel(wordWrap=True, alignment=Qt.AlignmentFlag.AlignCenter)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setFont(theme.scaled_font(1.3, bold=True))
        self.title.setMinimumWidth(
            1
        )  # a long name has no place to break: it must not push the panels out of the window
        self.hint = QLabel("Only its index is read. Nothing in it is run.", alignment=Qt.AlignmentFlag.AlignCenter)
        self.hint.setProperty("muted", True)
        self.progress = QProgressBar(minimum=0, maximum=0, textVisible=False)
        self.progress.setAccessibleName("Reading")
        self.progress.setFixedWidth(320)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop reading (Esc)")
        self.cancel.clicked.connect(self.close_requested)
        column = QVBoxLayout(self)
        column.setContentsMargins(80, 40, 80, 40)
        column.setSpacing(14)
        column.addStretch()
        for widget in (self.title, self.hint):
            column.addWidget(widget)
        for centred in (self.progress, self.cancel):
            column.addWidget(centred, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch()
        self._timer = QTimer(self, singleShot=True, interval=PATIENCE)
        self._timer.timeout.connect(lambda: self._set_shown(True))
        self._set_shown(False)

    def show_checkpoint(self, found: OpenCheckpoint) -> None:
        """Show that a checkpoint is being read, once that takes a while."""
        self.title.setText(f"Reading {found.name}")
        if not self._timer.isActive():
            self._set_shown(False)
            self._timer.start()

    def _set_shown(self, shown: bool) -> None:
        for widget in (self.title, self.hint, self.progress, self.cancel):
            widget.setVisible(shown)
