"""The page of the whole model: a switch between its parts, and how far the survey of its tensors is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from inspector.gui.model_page.part import ModelPart
from inspector.gui.model_page.survey_bar import SurveyBar
from inspector.gui.model_page.table_part import TablePart
from inspector.gui.segmented import Segmented
from inspector.session import Session
from inspector.session.state import OpenCheckpoint


class ModelPage(QWidget):
    """Shows one part of the page, each built at its first use.

    Signals
    -------
    tensor_opened
        The selected tensor is to be shown by itself.
    node_chosen
        A node of the tree that was pointed at: it is to be selected there and shown.
    """

    tensor_opened = Signal()
    node_chosen = Signal(int)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._store = session, session.store
        self._checkpoint: int | None = None
        self._makers: dict[str, Callable[[], ModelPart]] = {}
        self._parts: dict[str, ModelPart] = {}
        self._part = ""
        self.switch = Segmented("What is shown of the model")
        self.switch.chosen.connect(self.show_part)
        self.survey = SurveyBar()
        self.survey.begin_requested.connect(lambda: self._with_shown(session.surveying.begin))
        self.survey.cancel_requested.connect(lambda: self._with_shown(session.surveying.cancel))
        self.pages = QStackedWidget()
        self._lay_out()
        self.add_part("table", "Table", "Every tensor with its figures", lambda: TablePart(session))
        self.add_part(
            "depth",
            "Depth",
            "How each layer's values are distributed, along the depth of the network",
            self._make_depth,
        )
        self.add_part("shares", "Shares", "Where the parameters are: the share of each module", self._make_shares)
        self.add_part("audit", "Audit", "What is broken, wasted or odd about the weights", self._make_audit)
        # A plain function: when `destroyed` is emitted this object can't be called any more.
        self.destroyed.connect(partial(_end, self._store.survey_changed.connect(self._take_survey)))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.switch)
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 0)
        column.setSpacing(10)
        column.addLayout(head)
        column.addWidget(self.survey)
        column.addWidget(self.pages, 1)

    def _make_depth(self) -> ModelPart:
        from inspector.gui.model_page.depth_part import DepthPart

        return DepthPart(self._session)

    def _make_shares(self) -> ModelPart:
        from inspector.gui.model_page.shares_part import SharesPart

        return SharesPart(self._session)

    def _make_audit(self) -> ModelPart:
        from inspector.gui.audit_page import AuditPart

        return AuditPart(self._session)

    def add_part(self, name: str, text: str, tip: str, make: Callable[[], ModelPart]) -> None:
        """Add a part, built at its first use; the first one is shown at first."""
        self._makers[name] = make
        self.switch.add(name, text, tip)
        self._part = self._part or name

    def part(self, name: str) -> ModelPart:
        """Return a part, built now where it is not yet."""
        if name not in self._parts:
            self._parts[name] = made = self._makers[name]()
            made.tensor_opened.connect(self.tensor_opened)
            made.node_chosen.connect(self.node_chosen)
            self.pages.addWidget(made)
        return self._parts[name]

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def _found(self) -> OpenCheckpoint | None:
        return self._store.checkpoints.get(self._checkpoint) if self._checkpoint is not None else None

    def show_checkpoint(self, number: int | None) -> None:
        """Show an open checkpoint, or what has changed of it."""
        self._checkpoint = number
        if self.isVisible():
            self._show()

    def show_part(self, name: str) -> None:
        """Turn to a part."""
        self._part = name
        self._show()

    def _with_shown(self, command: Callable[[int], object]) -> None:
        if self._checkpoint is not None:
            command(self._checkpoint)

    def _take_survey(self, number: int) -> None:
        if number == self._checkpoint and self.isVisible():
            self._show()

    def _show(self) -> None:
        self.survey.show_survey(self._found)
        if self._part:
            self.switch.show_chosen(self._part)
            part = self.part(self._part)
            self.pages.setCurrentWidget(part)
            part.show_checkpoint(self._found)

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what has changed while this was not seen."""
        super().showEvent(event)
        self._show()


def _end(stop: Callable[[], None], _destroyed: object = None) -> None:
    stop()
