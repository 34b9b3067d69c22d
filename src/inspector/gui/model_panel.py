"""The right panel: the architecture and its attachment above, the selected image's prediction below."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QVBoxLayout, QWidget

from inspector.gui.attach_panel import AttachPanel
from inspector.gui.prediction_panel import PredictionPanel
from inspector.session import Session
from inspector.session.state import Attachment, ImageItem, OpenCheckpoint


class ModelPanel(QWidget):
    """Leads from a file to predictions.

    Parameters
    ----------
    session
        Shown, and sent what the person chooses.
    choose_device, choose_labels
        What the window does when the person chooses a device, or asks for a file of labels.
    """

    def __init__(
        self, session: Session, choose_device: Callable[[str], object], choose_labels: Callable[[], object]
    ) -> None:
        super().__init__()
        self._session = session
        self.attach, self.prediction = AttachPanel(), PredictionPanel()
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 4, 14, 12)
        column.setSpacing(16)
        column.addWidget(self.attach)
        column.addWidget(self.prediction)
        column.addStretch(1)
        attach = self.attach
        attach.architecture_chosen.connect(lambda name: self._with_current(session.choose_architecture, name))
        attach.state_dict_chosen.connect(lambda index: self._with_current(session.choose_state_dict, index))
        attach.attach_requested.connect(lambda: self._with_current(session.attach))
        attach.cancel_requested.connect(lambda: self._with_current(session.cancel_attach))
        attach.device_chosen.connect(choose_device)
        attach.labels_requested.connect(choose_labels)

    def _with_current(self, command: Callable[..., object], *arguments: object) -> None:
        found = self._session.current
        if found is not None:
            command(found.id, *arguments)

    def show_state(self, found: OpenCheckpoint | None, item: ImageItem | None) -> None:
        """Show a checkpoint's attachment, and what it predicts for an image."""
        store = self._session.store
        self.attach.show_state(found, store.engine, store.catalogue)
        self.show_prediction(found, item)

    def show_prediction(self, found: OpenCheckpoint | None, item: ImageItem | None) -> None:
        """Show what a checkpoint predicts for an image."""
        both = found is not None and item is not None
        prediction = self._session.store.predictions.get((found.id, item.id)) if both else None  # type: ignore[union-attr]
        self.prediction.show_image(item, prediction, found.attachment if found is not None else Attachment())
