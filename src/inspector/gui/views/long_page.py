"""A view whose answer takes long: a process of its own works it out, with progress, and can be stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from inspector.gui.views.plot_page import PlotPage
from inspector.session import Session
from inspector.session.failure import Failure

#: Milliseconds of work after which its progress is shown.
_PATIENCE = 250
_STEPS = 1_000


class LongPage(PlotPage):
    """Asks one question about the subject, once, and shows how far that is.

    Parameters
    ----------
    method
        What the worker is asked.
    doing
        What it does, for the person: ``"Finding the singular values"``.
    """

    def __init__(self, session: Session, method: str, doing: str) -> None:
        super().__init__(session)
        self._method, self._doing = method, doing
        self._cancel: Callable[[], None] | None = None
        self.work = QWidget()
        self.progress, self.stop = QProgressBar(), QPushButton("Stop")
        self.again = QPushButton("Work it out")
        label = QLabel(f"{doing}…")
        label.setProperty("muted", True)
        self.progress.setTextVisible(False)
        self.progress.setMaximumWidth(240)
        self.progress.setAccessibleName(doing)
        row = QHBoxLayout(self.work)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        for widget in (label, self.progress, self.stop):
            row.addWidget(widget)
        row.addStretch(1)
        # at the top of the room that nothing else is seen in
        self.column.addWidget(self.work, 1, Qt.AlignmentFlag.AlignTop)
        self.column.addWidget(self.again, 1, Qt.AlignmentFlag.AlignTop)
        self.work.hide()
        self.again.hide()
        self._late = QTimer(self, interval=_PATIENCE, singleShot=True)
        self._late.timeout.connect(self.work.show)
        self.stop.clicked.connect(self._stop)
        self.again.clicked.connect(self.begin)

    @property
    def is_working(self) -> bool:
        """Whether an answer is awaited."""
        return self._cancel is not None

    def begin(self) -> None:
        """Ask."""
        self.forget()
        subject = self.subject
        if subject is None:
            return
        self.again.hide()
        self.column.setStretchFactor(self.message, 0)
        self.say("")
        self.progress.setRange(0, 0)
        self._late.start()
        self._cancel = lambda: None  # a question that fails at once is answered before there is anything to cancel
        cancel = self.session.weights.begin(
            subject.checkpoint, self._method, [subject.tensor], {}, self._done, self._fail, self._told
        )
        if self._cancel is not None:
            self._cancel = cancel

    def take(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        """Show the answer."""
        raise NotImplementedError

    def forget(self) -> None:
        """Give up what was asked."""
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            cancel()
        self._settle()

    def _settle(self) -> None:
        self._late.stop()
        self.work.hide()

    def _stop(self) -> None:
        self.forget()
        self.say("Stopped.")
        self.again.show()

    def _done(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        self._cancel = None
        self._settle()
        self.take(result, buffers)

    def _fail(self, failure: Failure) -> None:
        self._cancel = None
        self._settle()
        self.column.setStretchFactor(self.message, 1)  # the plot is hidden
        self.show_failure(failure)

    def _told(self, told: dict[str, Any]) -> None:
        self.progress.setRange(0, _STEPS)
        self.progress.setValue(round(_STEPS * min(1.0, float(told["share"]))))
