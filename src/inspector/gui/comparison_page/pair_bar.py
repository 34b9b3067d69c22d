"""Which two of the open checkpoints are compared: a box for each, and a button that swaps them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from inspector.gui import icons, theme
from inspector.gui.combo import Combo
from inspector.gui.tooltips import tooltip
from inspector.session.state import OpenCheckpoint

#: Stands for a file that is not open yet.
_ANOTHER = -1


class PairBar(QWidget):
    """Chooses a and b.

    Signals
    -------
    chosen
        The ids of a and b, which differ.
    other_requested
        Another file is to be opened and compared.
    """

    chosen = Signal(int, int)
    other_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes = (Combo(), Combo())
        self.swap = QToolButton(autoRaise=True)
        self.swap.setAccessibleName("Swap A and B")
        self.swap.setToolTip("Swap A and B")
        self.swap.setIconSize(QSize(16, 16))
        self.swap.clicked.connect(self._swap)
        self._pair = (-2, -2)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for side, box in zip("AB", self.boxes, strict=True):
            box.setAccessibleName(f"Checkpoint {side}")
            box.setMinimumContentsLength(6)
            box.setSizeAdjustPolicy(Combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            box.activated.connect(lambda _row, chosen=box: self._choose(chosen))
            label = QLabel(side)
            label.setProperty("section", True)
            label.setBuddy(box)
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignVCenter)
            row.addWidget(box, 1)
            if side == "A":
                row.addWidget(self.swap)
        self._dress()

    def show_pair(self, found: list[OpenCheckpoint], a: int, b: int) -> None:
        """Offer open checkpoints, two of which are compared."""
        self._pair = (a, b)
        for box, number in zip(self.boxes, self._pair, strict=True):
            with QSignalBlocker(box):
                box.clear()
                for checkpoint in found:
                    box.addItem(checkpoint.name, checkpoint.id)
                    box.setItemData(box.count() - 1, tooltip(str(checkpoint.path)), Qt.ItemDataRole.ToolTipRole)
                box.insertSeparator(box.count())
                box.addItem("Another file…", _ANOTHER)
                box.setCurrentIndex(box.findData(number))
            box.setToolTip(tooltip(box.currentText()))

    def _choose(self, box: Combo) -> None:
        """Take what was chosen; the same one on both sides swaps them."""
        place = self.boxes.index(box)
        chosen, other = box.currentData(), self._pair[1 - place]
        if chosen == _ANOTHER:
            with QSignalBlocker(box):
                box.setCurrentIndex(box.findData(self._pair[place]))
            self.other_requested.emit()
            return
        if chosen is None or chosen == self._pair[place]:
            return
        if chosen == other:
            other = self._pair[place]
        self.chosen.emit(*((chosen, other) if place == 0 else (other, chosen)))

    def _swap(self) -> None:
        self.chosen.emit(self._pair[1], self._pair[0])

    def _dress(self) -> None:
        self.swap.setIcon(icons.icon("swap", theme.colors().muted))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)
