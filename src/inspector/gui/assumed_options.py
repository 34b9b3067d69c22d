"""Options of an architecture that no key of a file shows: the value that is assumed, and a way to choose another."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from inspector.gui.check_box import CheckBox
from inspector.gui.combo import Combo

Value = bool | float | str

#: What each option does, for the tooltip.
_TIPS = {
    "transform_input": "Normalises the input once more; torchvision's own weights need it, models trained anew do not",
    "norm_eps": "The eps of frozen batch norms; torchvision's COCO weights are used with 0",
    "backend": "The engine that quantized layers were made for",
}
_BACKENDS = ("fbgemm", "x86", "onednn", "qnnpack")


class AssumedOptions(QWidget):
    """One field for each option; hidden where there is none.

    Signals
    -------
    changed
        The person's choices, ``(name, value)`` each, without those that are as assumed.
    """

    changed = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, CheckBox | QLineEdit | Combo] = {}
        self._assumed: dict[str, Value] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self.setVisible(False)

    def show_options(self, assumed: dict[str, Value], chosen: dict[str, Value]) -> None:
        """Show what is assumed, and what the person chose instead."""
        if list(assumed) != list(self.fields):
            self._build(assumed)
        self._assumed = assumed
        self.setVisible(bool(assumed))
        for name, field in self.fields.items():
            with QSignalBlocker(field):
                _fill(field, chosen.get(name, assumed[name]))

    def _build(self, assumed: dict[str, Value]) -> None:
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self.fields = {}
        title = QLabel("Not told by the keys:")
        title.setProperty("muted", True)
        self._row.addWidget(title)
        for name, value in assumed.items():
            field = self._field(name, value)
            field.setToolTip(_TIPS.get(name, ""))
            field.setAccessibleName(name)
            self.fields[name] = field
            if not isinstance(field, CheckBox):
                label = QLabel(name)
                label.setProperty("muted", True)
                self._row.addWidget(label)
            self._row.addWidget(field)
            self._row.addSpacing(8)
        self._row.addStretch(1)

    def _field(self, name: str, value: Value) -> CheckBox | QLineEdit | Combo:
        if isinstance(value, bool):
            box = CheckBox(name)
            box.toggled.connect(self._tell)
            return box
        if isinstance(value, str):
            combo = Combo()
            for backend in dict.fromkeys((value, *_BACKENDS)):
                combo.addItem(backend, backend)
            combo.activated.connect(self._tell)
            return combo
        line = QLineEdit()
        line.setValidator(QDoubleValidator(0.0, 1.0, 10, line))
        line.setFixedWidth(90)
        line.editingFinished.connect(self._tell)
        return line

    def _tell(self, *_: object) -> None:
        told = {name: _value(field) for name, field in self.fields.items()}
        self.changed.emit(tuple((name, value) for name, value in told.items() if value != self._assumed[name]))


def _fill(field: CheckBox | QLineEdit | Combo, value: Any) -> None:
    if isinstance(field, CheckBox):
        field.setChecked(bool(value))
    elif isinstance(field, Combo):
        field.setCurrentIndex(field.findData(value))
    elif not field.hasFocus():
        field.setText(f"{value:g}")


def _value(field: CheckBox | QLineEdit | Combo) -> Value:
    if isinstance(field, CheckBox):
        return field.isChecked()
    if isinstance(field, Combo):
        return str(field.currentData())
    try:
        return float(field.text())
    except ValueError:  # empty, or a comma: the validator follows the locale
        return float(field.locale().toDouble(field.text())[0])
