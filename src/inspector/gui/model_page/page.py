"""The page of the whole model: a switch between its parts, and how far the survey of its tensors is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from inspector.gui.model_page.part import ModelPart
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
        self.pages = QStackedWidget()
        head = QHBoxLayout()
        head.addWidget(self.switch)
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 0)
        column.setSpacing(10)
        column.addLayout(head)
        column.addWidget(self.pages, 1)

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

    def _show(self) -> None:
        if self._part:
            self.switch.show_chosen(self._part)
            part = self.part(self._part)
            self.pages.setCurrentWidget(part)
            part.show_checkpoint(self._found)

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what has changed while this was not seen."""
        super().showEvent(event)
        self._show()
