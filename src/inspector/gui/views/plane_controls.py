"""Which plane of a tensor is looked at: its two axes, and a slider with a number for each of the others."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QSpinBox, QWidget

from inspector.gui.combo import Combo
from inspector.gui.views.view_bar import ViewBar, slim
from inspector.session import words

_SLIDERS_A_ROW = 2

#: Rows axis, columns axis, and the index along every axis, as the worker takes them.
PlaneAsked = tuple[int, int, list[int]]


class PlaneControls(QWidget):
    """The sliders; the combo boxes of the axes stand in a view's bar.

    Signals
    -------
    changed
        Another plane was chosen by the person.
    """

    changed = Signal()

    def __init__(self, bar: ViewBar, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape: tuple[int, ...] = ()
        self._at: list[int] = []
        self._axes = (-1, -1)
        self.rows, self.columns = Combo(), Combo()
        self.spins: dict[int, QSpinBox] = {}
        self.sliders: dict[int, QSlider] = {}
        self._labels: list[QLabel] = []
        for box, name in ((self.rows, "Rows"), (self.columns, "Columns")):
            box.setAccessibleName(f"{name}: dimension")
            box.setToolTip(f"The dimension whose indices are {name.lower()}")
            bar.add(box, name)
        self.rows.activated.connect(lambda: self._choose(self.rows, self.columns))
        self.columns.activated.connect(lambda: self._choose(self.columns, self.rows))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._bar = bar

    @property
    def plane(self) -> PlaneAsked:
        """The plane that is looked at."""
        if not self._shape:
            return -1, -1, []
        if len(self._shape) == 1:
            return -1, 0, [0]
        return self.rows.currentData(), self.columns.currentData(), list(self._at)

    @property
    def extent(self) -> tuple[int, int]:
        """The plane's rows and columns."""
        rows, columns, _ = self.plane
        return (self._shape[rows] if rows >= 0 else 1), (self._shape[columns] if columns >= 0 else 1)

    def show_shape(self, shape: tuple[int, ...]) -> None:
        """Offer the planes of a tensor; one of the same shape keeps what was chosen."""
        if shape == self._shape:
            return
        self._shape, self._at = shape, [0] * len(shape)
        # the first two in which there is anything to see
        wide = sorted(range(len(shape)), key=lambda axis: (shape[axis] == 1, axis))[:2]
        for box, chosen in zip((self.rows, self.columns), [*sorted(wide), 0, 0], strict=False):
            box.clear()
            for axis, size in enumerate(shape):
                box.addItem(f"dim {axis} ({words.number(size)})", axis)
            box.setCurrentIndex(chosen)
            slim(box)
            self._bar.set_shown(box, len(shape) > 1)
        self._build()

    def index_of(self, row: int | str, column: int | str) -> str:
        """Return the index of a weight of the plane, as code writes it: ``[12, 345]``."""
        rows, columns, at = self.plane
        found = [{rows: row, columns: column}.get(axis, index) for axis, index in enumerate(at)]
        return f"[{', '.join(map(str, found))}]"

    def parsed(self, text: str) -> tuple[int, int] | None:
        """Return the row and column of an index that was typed, and go to its plane; None where it is none.

        It names all dimensions, or those of rows and columns; negative numbers count from the end, as in Python.
        """
        try:
            typed = [int(part) for part in text.strip().strip("[]()").split(",") if part.strip()]
        except ValueError:
            return None
        rows, columns, at = self.plane
        axes = list(range(len(self._shape))) if len(typed) == len(self._shape) else [rows, columns]
        if len(typed) != len(axes) or any(axis < 0 for axis in axes):
            return None
        for axis, index in zip(axes, typed, strict=True):
            if not -self._shape[axis] <= index < self._shape[axis]:
                return None
            at[axis] = index % self._shape[axis]
        for axis, spin in self.spins.items():
            spin.setValue(at[axis])
        return (at[rows] if rows >= 0 else 0), (at[columns] if columns >= 0 else 0)

    def _choose(self, chosen: Combo, other: Combo) -> None:
        if chosen.currentData() == other.currentData():  # the two change places
            other.setCurrentIndex(self._axes[1] if chosen is self.columns else self._axes[0])
        self._build()
        self.changed.emit()

    def _build(self) -> None:
        """Make a slider for each axis that is neither rows nor columns."""
        for widget in (*self._labels, *self.sliders.values(), *self.spins.values()):
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._labels, self.sliders, self.spins = [], {}, {}
        self._axes = self.plane[:2]
        others = [axis for axis in range(len(self._shape)) if axis not in self._axes]
        for place, axis in enumerate(others):
            row, column = divmod(place, _SLIDERS_A_ROW)
            self._add(axis, row, 3 * column)
        self.setVisible(bool(others))

    def _add(self, axis: int, row: int, column: int) -> None:
        label = QLabel(f"dim {axis}")
        label.setProperty("muted", True)
        slider, spin = QSlider(Qt.Orientation.Horizontal), QSpinBox()
        for control in (slider, spin):
            control.setRange(0, max(0, self._shape[axis] - 1))
            control.setValue(self._at[axis])
            control.setEnabled(self._shape[axis] > 1)
            control.setAccessibleName(f"Index along dimension {axis}")
            control.setToolTip(f"Index along dimension {axis}, 0 to {self._shape[axis] - 1}")
        spin.setKeyboardTracking(False)
        spin.setMinimumWidth(64)
        slider.valueChanged.connect(lambda value: self._move(axis, value))
        spin.valueChanged.connect(lambda value: self._move(axis, value))
        self._labels.append(label)
        self.sliders[axis], self.spins[axis] = slider, spin
        for place, widget in enumerate((label, slider, spin)):
            self._grid.addWidget(widget, row, column + place)
        self._grid.setColumnStretch(column + 1, 1)

    def _move(self, axis: int, value: int) -> None:
        if self._at[axis] == value:
            return
        self._at[axis] = value
        for control in (self.sliders[axis], self.spins[axis]):
            with QSignalBlocker(control):
                control.setValue(value)
        self.changed.emit()
