"""The right panel: the architecture and its attachment above, the selected image's prediction below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from inspector.gui.attach_panel import AttachPanel
from inspector.gui.prediction_panel import PredictionPanel
from inspector.gui.view_options import ViewOptions
from inspector.session import Session
from inspector.session.state import Attachment, ImageItem, OpenCheckpoint

_SIDE = 14


class ModelPanel(QScrollArea):
    """Leads from a file to predictions. It scrolls where it is too low even with a small picture.

    Parameters
    ----------
    session
        Shown, and sent what the person chooses.
    choose_device, choose_labels, show_report, run_own
        What the window does when the person chooses a device, or asks for a file of labels, for the match report, or
        to run the file's model.
    options
        How predictions are looked at.
    """

    def __init__(
        self,
        session: Session,
        choose_device: Callable[[str], object],
        choose_labels: Callable[[], object],
        show_report: Callable[[], object],
        run_own: Callable[[], object],
        options: ViewOptions,
    ) -> None:
        super().__init__()
        self._session = session
        self.attach, self.prediction = AttachPanel(), PredictionPanel(options)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(_SIDE, 4, _SIDE, 12)
        self._column.setSpacing(16)
        self._column.addWidget(self.attach)
        self._column.addWidget(self.prediction)
        self._column.addStretch(1)
        self.setWidget(inside)
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._share_height)
        inside.installEventFilter(self)
        attach = self.attach
        attach.architecture_chosen.connect(lambda name: self._with_current(session.choose_architecture, name))
        attach.state_dict_chosen.connect(lambda index: self._with_current(session.choose_state_dict, index))
        attach.attach_requested.connect(lambda: self._with_current(session.attach))
        attach.run_own_requested.connect(run_own)
        attach.detach_requested.connect(lambda: self._with_current(session.detach))
        attach.cancel_requested.connect(lambda: self._with_current(session.cancel_attach))
        attach.device_chosen.connect(choose_device)
        attach.labels_requested.connect(choose_labels)
        attach.report_requested.connect(show_report)
        attach.preprocessing_requested.connect(self._ask_for_preprocessing)
        attach.partial_chosen.connect(self._choose_partial)

    def _share_height(self) -> None:
        """Give the picture what the rest leaves: the classes below it are seen without scrolling."""
        width, height = self.viewport().width(), self.viewport().height()
        rest = self._column.heightForWidth(width) - self.prediction.picture_height(width - 2 * _SIDE)
        self.prediction.give_room(height - rest)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share another height."""
        super().resizeEvent(event)
        self._soon.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Share the height anew when something in the panel takes more or less of it."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._soon.start()
        return super().eventFilter(watched, event)

    def _ask_for_preprocessing(self) -> None:
        from inspector.gui.preprocessing_dialog import PreprocessingDialog

        found = self._session.current
        if found is None or found.attachment.phase != "ready":
            return
        number = found.id
        dialog = PreprocessingDialog(found.attachment.preprocessing, found.attachment.preprocessings, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._session.choose_preprocessing(number, dialog.chosen))
        dialog.open()

    def _choose_partial(self, partial: bool) -> None:
        found = self._session.current
        if found is not None:
            self._session.choose_match(found.id, replace(found.choices, partial=partial))

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
