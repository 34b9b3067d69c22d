"""How many images of a batch are predicted, with a way to stop; shown only where it takes long enough to matter."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from inspector.gui import theme
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.tree_delegate import tabular
from inspector.session import words
from inspector.session.prediction_state import Progress

#: Milliseconds before it is shown: a flash tells nothing.
PATIENCE = 300

#: The widest pace that there is room for; from so many images on their counts need the room of a word.
_WIDEST = "999 images/s · 99 min left"
_MANY = 1_000


class PredictionProgress(QWidget):
    """``12 of 40 predicted`` with "Cancel", a bar, and below it ``9.8 images/s · 3 s left``.

    It is as wide with the largest numbers as with none: nothing beside it moves.

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
        self.pace = OneLineLabel(Qt.TextElideMode.ElideRight)
        self.pace.setProperty("muted", True)
        self.pace.setFont(tabular(theme.scaled_font(0.92)))
        self.pace.setMinimumWidth(self.pace.fontMetrics().horizontalAdvance(_WIDEST))
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
        column.addWidget(self.pace)
        self._timer = QTimer(self, singleShot=True, interval=PATIENCE)
        self._timer.timeout.connect(self.show)
        self.hide()

    def show_counts(self, done: int, unfinished: int) -> None:
        """Show that ``done`` images of a batch are predicted and ``unfinished`` are not; hide when none is left."""
        if not unfinished:
            self._timer.stop()
            self.show_pace(None)
            self.hide()
            return
        total = done + unfinished
        counts = f"{words.number(done)} of {words.number(total)}"
        self.text.setText(counts if total >= _MANY else f"{counts} predicted")
        self.bar.setMaximum(total)
        self.bar.setValue(done)
        if self.isHidden() and not self._timer.isActive():
            self._timer.start()

    def show_pace(self, progress: Progress | None) -> None:
        """Show how fast it goes and how long the rest takes, as soon as that can be told."""
        self.pace.set_text(pace_text(progress) if progress is not None else "")
        self.pace.setVisible(bool(self.pace.text()))


def pace_text(progress: Progress) -> str:
    """Return ``9.8 images/s · 3 s left``, empty until that can be told."""
    if progress.rate is None or progress.remaining is None:
        return ""
    rate = f"{progress.rate:.0f}" if progress.rate >= 10 else f"{progress.rate:.1f}"
    return f"{rate} images/s · {_time_left(progress.remaining)} left"


def _time_left(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
