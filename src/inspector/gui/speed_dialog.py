"""What makes predictions faster and changes their numbers a little: chosen until the program ends."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from inspector.gui.check_box import CheckBox
from inspector.session.state import EngineOptions

_WIDTH = 440
_INDENT = 19  # a sentence begins below its box's text

_CHOICES = (
    (
        "bf16",
        "Compute in bfloat16",
        "Convolutions and matrix products keep 8 bits of each number: scores differ from the third digit on.",
    ),
    (
        "fp16",
        "Compute in float16",
        "They keep 11 bits: scores differ from the fourth digit on, and very large values overflow.",
    ),
    (
        "compile",
        "Compile the model",
        "torch.compile adds up in another order: the first image takes up to a minute, and last digits may differ.",
    ),
)


class SpeedDialog(QDialog):
    """Three boxes, none of them ticked at first, each with a sentence that says what it changes.

    Parameters
    ----------
    options
        What is chosen now.
    """

    def __init__(self, options: EngineOptions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Speed and precision")
        self.boxes: dict[str, CheckBox] = {}
        self._lay_out()
        self.boxes["bf16"].setChecked(options.autocast == "bf16")
        self.boxes["fp16"].setChecked(options.autocast == "fp16")
        self.boxes["compile"].setChecked(options.compile)
        for one, other in (("bf16", "fp16"), ("fp16", "bf16")):
            self.boxes[one].toggled.connect(lambda on, other=other: self.boxes[other].setChecked(False) if on else None)

    def _lay_out(self) -> None:
        self.setMinimumWidth(_WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 14)
        column.setSpacing(12)
        intro = QLabel(
            "These can make predictions faster, and change their numbers a little. They hold until Inspector is "
            "closed, and not for a file's own model that runs as it is.",
            wordWrap=True,
        )
        intro.setProperty("muted", True)
        column.addWidget(intro)
        for name, text, changes in _CHOICES:
            box, label = CheckBox(text), QLabel(changes, wordWrap=True)
            box.setToolTip(changes)
            box.setAccessibleDescription(changes)
            label.setProperty("muted", True)
            label.setIndent(_INDENT)
            self.boxes[name] = box
            pair = QVBoxLayout()
            pair.setSpacing(2)
            pair.addWidget(box)
            pair.addWidget(label)
            column.addLayout(pair)
        use, cancel = QPushButton("Use"), QPushButton("Cancel")
        use.setProperty("primary", True)
        use.setDefault(True)
        use.setToolTip("Attach again with these, and predict again")
        use.clicked.connect(self.accept)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(use)
        column.addStretch(1)
        column.addLayout(buttons)
        self.resize(_WIDTH, column.heightForWidth(_WIDTH))

    @property
    def chosen(self) -> EngineOptions:
        """What the boxes say."""
        bf16, fp16 = self.boxes["bf16"].isChecked(), self.boxes["fp16"].isChecked()
        return EngineOptions("bf16" if bf16 else "fp16" if fp16 else "", self.boxes["compile"].isChecked())
