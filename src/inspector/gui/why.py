"""“Why?” in the window: the button, the rows of classes and the heat over the image, driven by the session."""

from __future__ import annotations

from PySide6.QtCore import QObject

from inspector.gui.overlays.heat import HeatOverlay
from inspector.gui.prediction_panel import PredictionPanel
from inspector.gui.window_pages import WindowPages
from inspector.session import Session
from inspector.session.explanation_state import Explanation
from inspector.session.prediction_state import Prediction


class Why(QObject):
    """Keeps what is explained and what is shown together.

    While it is on, it follows the selected image.
    """

    def __init__(self, session: Session, panel: PredictionPanel, pages: WindowPages) -> None:
        super().__init__(panel)
        self._session, self._panel, self._pages = session, panel, pages
        self._on = False
        panel.why.toggled.connect(lambda on: self._explain(None) if on else self.stop())
        panel.why.stepped.connect(self._step)
        panel.bars.clicked.connect(self.choose)
        panel.changed.connect(self._follow)
        pages.class_chosen.connect(self.choose)
        session.store.explanation_changed.connect(self._show)
        self._follow()

    @property
    def on(self) -> bool:
        """Whether something is explained."""
        return self._on

    def choose(self, row: int) -> None:
        """Explain the class of a row; if that is the one that is explained, stop."""
        prediction, found = self._prediction(), self._session.store.explanation
        if prediction is None or not 0 <= row < len(prediction.classes):
            return
        index = prediction.classes[row].index
        if self._on and found is not None and found.index == index:
            self.stop()
        else:
            self._explain(index)

    def stop(self) -> None:
        """Explain nothing any more."""
        self._on = False
        self._session.explaining.stop_explaining()
        self._show()

    def _prediction(self) -> Prediction | None:
        """Return the shown prediction, where its classes can be explained."""
        _, prediction, attachment = self._panel.shown
        ready = prediction is not None and prediction.phase == "ready" and bool(prediction.classes)
        return prediction if ready and attachment.task == "classification" else None

    def _explain(self, index: int | None) -> None:
        checkpoint, (item, _, _) = self._session.current, self._panel.shown
        if checkpoint is not None and item is not None and self._prediction() is not None:
            self._on = True
            self._session.explaining.explain(checkpoint.id, item.id, index)

    def _step(self, step: int) -> None:
        prediction, found = self._prediction(), self._session.store.explanation
        if prediction is not None and found is not None:
            rows = [score.index for score in prediction.classes]
            at = rows.index(found.index) + step if found.index in rows else 0
            if 0 <= at < len(rows):
                self._explain(rows[at])

    def _is_shown(self, found: Explanation | None) -> bool:
        checkpoint, (item, _, _) = self._session.current, self._panel.shown
        if found is None or checkpoint is None or item is None:
            return False
        return (found.checkpoint, found.image) == (checkpoint.id, item.id)

    def _follow(self) -> None:
        """Explain the image that is shown now."""
        self._panel.why.offer(self._prediction() is not None)
        if self._on and not self._is_shown(self._session.store.explanation):
            self._explain(None)
        self._show()

    def _show(self) -> None:
        found = self._session.store.explanation
        shown = found if self._on and self._is_shown(found) and self._prediction() is not None else None
        self._panel.why.show_explanation(shown)
        overlay = None
        if shown is not None and shown.phase == "ready":
            overlay = HeatOverlay(shown, self._pages.options)
        prediction = self._prediction()
        row = -1
        if shown is not None and prediction is not None:
            row = next((at for at, score in enumerate(prediction.classes) if score.index == shown.index), -1)
        if shown is None or shown.phase != "running" or row >= 0:
            self._panel.bars.mark(row)
        if shown is None or shown.phase != "running":  # the old heat stays until the new one is there
            self._panel.show_over(overlay)
            self._pages.show_over(overlay, row)
