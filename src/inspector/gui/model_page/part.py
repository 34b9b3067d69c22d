"""What every part of the page of the whole model is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from inspector.session.state import OpenCheckpoint


class ModelPart(QWidget):
    """One way to look at a whole model.

    Signals
    -------
    tensor_opened
        The selected tensor is to be shown by itself.
    node_chosen
        A node of the tree that was pointed at: it is to be selected there and shown.
    """

    tensor_opened = Signal()
    node_chosen = Signal(int)

    def show_checkpoint(self, found: OpenCheckpoint | None) -> None:
        """Show a checkpoint; called again with whatever changes of it, its survey included, while this is seen."""
        raise NotImplementedError
