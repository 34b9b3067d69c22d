"""How far the survey of all tensors is, what ends it, and what begins it where it does not begin by itself."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from inspector.gui.one_line_label import OneLineLabel
from inspector.session import words
from inspector.session.state import OpenCheckpoint

_STEPS = 1_000


class SurveyBar(QWidget):
    """A line that is there while there is something to say about the survey.

    Signals
    -------
    begin_requested, cancel_requested
        The buttons.
    """

    begin_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = OneLineLabel(Qt.TextElideMode.ElideRight)
        self.text.setProperty("muted", True)
        self.progress = QProgressBar()
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(140)
        self.progress.setAccessibleName("How much of the file has been read")
        self.begin = QPushButton("Read all tensors")
        self.begin.setToolTip("Read every tensor once, for the figures and distributions")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop reading; what was found so far stays")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.text, 1)
        for widget in (self.progress, self.begin, self.cancel):
            row.addWidget(widget)
        for hidden in (self, self.progress, self.begin, self.cancel):
            hidden.hide()  # what was never shown must not ask for room
        self.begin.clicked.connect(self.begin_requested)
        self.cancel.clicked.connect(self.cancel_requested)

    def show_survey(self, found: OpenCheckpoint | None) -> None:
        """Show how the survey of a checkpoint stands; nothing once it is ready."""
        survey = found.survey if found is not None else None
        summary = found.summary if found is not None else None
        phase = survey.phase if survey is not None else "none"
        is_running = phase == "running"
        self.setVisible(summary is not None and phase != "ready")
        self.progress.setVisible(is_running)
        self.cancel.setVisible(is_running)
        self.begin.setVisible(not is_running)
        if survey is not None and is_running:
            done = f"{words.size(survey.done)} of {words.size(survey.total)}" if survey.total else ""
            self.text.set_text("Reading all tensors…", f" {done}")
            self.progress.setValue(round(_STEPS * survey.done / survey.total) if survey.total else 0)
        elif survey is not None and phase == "failed":
            self.text.set_text(survey.failure.sentence if survey.failure is not None else "It can't be read.")
        elif summary is not None:
            said = "Reading was stopped." if survey is not None else "The tensors have not been read yet."
            self.text.set_text(f"{said} Their figures need all of the file once:", f" {words.size(summary.size)}")
