"""How many images of a batch are predicted, with a way to stop; shown only where it takes long enough to matter."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from inspector.gui.tree_delegate import tabular
from inspector.session import words

#: Milliseconds before it is shown: a flash tells nothing.
PATIENCE = 300


class PredictionProgress(QWidget):
    """``12 of 40 predicted``, a bar and "Cancel".

    Signals
    -------
    cancel_requested
        The button.
    """

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel()
        self.text.setProperty("muted", True)
        self.text.setFont(tabular(self.text.font()))
        self.bar = QProgressBar(textVisible=False)
        self.bar.setAccessibleName("Images predicted")
        self.button = QPushButton("Cancel")
        self.button.setProperty("flat", True)
        self.button.setStyleSheet("padding: 1px 6px; min-height: 16px;")
        self.button.setToolTip("Do not predict the images that wait (Esc)")
        self.button.setAccessibleName("Cancel the predictions")
        self.button.clicked.connect(self.cancel_requested)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.text, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(row)
        column.addWidget(self.bar)
        self._timer = QTimer(self, singleShot=True, interval=PATIENCE)
        self._timer.timeout.connect(self.show)
        self.hide()

    def show_counts(self, done: int, unfinished: int) -> None:
        """Show that ``done`` images of a batch are predicted and ``unfinished`` are not; hide when none is left."""
        if not unfinished:
            self._timer.stop()
            self.hide()
            return
        total = done + unfinished
        self.text.setText(f"{words.number(done)} of {words.number(total)} predicted")
        self.bar.setMaximum(total)
        self.bar.setValue(done)
        if self.isHidden() and not self._timer.isActive():
            self._timer.start()
