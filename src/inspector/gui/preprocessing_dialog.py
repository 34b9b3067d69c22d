"""How images are prepared for the model: seen, changed, and taken back."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from inspector.gui import theme
from inspector.gui.check_box import CheckBox
from inspector.gui.combo import Combo
from inspector.session.preprocessing_words import (
    INTERPOLATIONS,
    NAMES,
    NOT_NUMBERS,
    numbers_from,
    source_text,
    tip_of,
    value_text,
)

_WIDTH = 460


class PreprocessingDialog(QDialog):
    """The numbers of a preprocessing as fields.

    Parameters
    ----------
    current
        The one in use, as plain keys.
    known
        Those of the architecture's weights entries, each with its ``name``.

    Attributes
    ----------
    chosen
        What to prepare images with, once it is accepted; None for the weights' own.
    """

    def __init__(
        self, current: dict[str, Any], known: tuple[dict[str, Any], ...], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preprocessing")
        self.chosen: dict[str, Any] | None = None
        self._current, self._known = current, known
        self.fields: dict[str, QWidget] = {}
        self.entries = Combo()
        self.entries.setAccessibleName("Take the numbers of")
        self.entries.addItem(f"In use: {source_text(current)}", current)
        for entry in known:
            self.entries.addItem(str(entry.get("name", "")).rpartition(".")[2], entry)
        self.entries.activated.connect(lambda row: self._fill(self.entries.itemData(row)))
        self.message = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.use, self.own = QPushButton("Use"), QPushButton("Back to the weights' own")
        self._lay_out()
        self._fill(current)

    def _lay_out(self) -> None:
        self.setMinimumWidth(_WIDTH)
        intro = QLabel(
            "What is done to an image before it goes in. Other numbers give other predictions.", wordWrap=True
        )
        intro.setProperty("muted", True)
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(_label("Numbers of", self.entries), self.entries)
        keys = [key for key in NAMES if key in self._current]
        for key in [*keys, *(key for key in self._current if key not in NAMES and key not in NOT_NUMBERS)]:
            field = self._field(key, self._current[key])
            field.setAccessibleName(NAMES.get(key, key))
            field.setToolTip(tip_of(key))
            self.fields[key] = field
            form.addRow(_label(NAMES.get(key, key), field), field)
        self.use.setProperty("primary", True)
        self.use.setDefault(True)
        self.use.setToolTip("Attach again with these numbers, and predict again")
        self.use.clicked.connect(self._use)
        self.own.setToolTip("Attach again with the preprocessing that goes with the weights")
        self.own.clicked.connect(self.accept)
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(self.own)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.use)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 14)
        column.setSpacing(12)
        column.addWidget(intro)
        column.addLayout(form)
        column.addWidget(self.message)
        column.addStretch(1)
        column.addLayout(buttons)

    def _field(self, key: str, value: Any) -> QWidget:
        if key == "interpolation":
            ways = Combo()
            ways.addItems(INTERPOLATIONS)
            return ways
        return CheckBox() if isinstance(value, bool) else QLineEdit()

    def _fill(self, numbers: dict[str, Any]) -> None:
        """Put numbers into the fields."""
        for key, field in self.fields.items():
            value = numbers.get(key, self._current[key])
            if isinstance(field, QLineEdit):
                field.setText(value_text(value))
            elif isinstance(field, QComboBox):
                field.setCurrentText(str(value))
            elif isinstance(field, CheckBox):
                field.setChecked(bool(value))
        self._say("")

    def _say(self, text: str) -> None:
        c = theme.colors()
        self.message.setText(text)
        self.message.setVisible(bool(text))
        theme.dress(
            self.message, f"background: {c.danger_soft}; color: {c.danger}; border-radius: 8px; padding: 8px 12px;"
        )

    def _use(self) -> None:
        """Take the fields' numbers, or say which of them can't be."""
        made: dict[str, Any] = {}
        for key, field in self.fields.items():
            if isinstance(field, QLineEdit):
                try:
                    made[key] = numbers_from(field.text(), self.entries.currentData().get(key, self._current[key]))
                except ValueError as error:
                    self._say(f"{NAMES.get(key, key)}: {error}")
                    field.setFocus()
                    field.selectAll()
                    return
            elif isinstance(field, QComboBox):
                made[key] = field.currentText()
            elif isinstance(field, CheckBox):
                made[key] = field.isChecked()
        self.chosen = made | {"source": self._source(made)}
        self.accept()

    def _source(self, made: dict[str, Any]) -> str:
        """Return whose numbers these are: an entry's where they are its own, else the person's."""
        for entry in self._known:
            own = {key: value for key, value in entry.items() if key not in NOT_NUMBERS}
            if all(value_text(made.get(key)) == value_text(value) for key, value in own.items()):
                return str(entry.get("source", "person"))
        return "person"


def _label(text: str, field: QWidget) -> QLabel:
    """Return a field's name, in the middle of its height."""
    label = QLabel(text)
    label.setProperty("muted", True)
    label.setBuddy(field)
    label.setMinimumHeight(field.sizeHint().height())
    label.setAlignment(Qt.AlignmentFlag.AlignVCenter)
    return label
