"""Beside the large image: what a prediction says, and the controls of how it is looked at."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from inspector.gui.check_box import CheckBox
from inspector.gui.flow_wheel import FlowWheel
from inspector.gui.key_list import KeyList
from inspector.gui.key_rows import key_rows
from inspector.gui.overlays.detection import MOST_MASKS
from inspector.gui.score_bars import ScoreBars
from inspector.gui.tree_delegate import tabular
from inspector.gui.view_options import ViewOptions
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import (
    LISTED,
    OBJECTS,
    SEGMENTATION,
    nothing_text,
    shown_count,
    whole_percent,
)
from inspector.session.sources import FLOW


class LabelledSlider(QWidget):
    """A slider from 0 to 100 % with its name and value."""

    def __init__(self, text: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label, self.value = QLabel(text), QLabel()
        self.label.setProperty("muted", True)
        self.value.setFont(tabular(self.value.font()))
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.value.setMinimumWidth(self.value.fontMetrics().horizontalAdvance(whole_percent(1.0)))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMaximum(100)
        self.slider.setAccessibleName(text)
        self.slider.setToolTip(tip)
        self.slider.setMinimumWidth(60)
        self.label.setBuddy(self.slider)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.label)
        row.addWidget(self.slider, 1)
        row.addWidget(self.value)

    def show_share(self, share: float) -> None:
        """Show a value from 0 to 1."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(100 * share))
        self.value.setText(whole_percent(share))


class TaskSide(QWidget):
    """The legend, the objects, the bars or the colour wheel of a prediction, with sliders.

    Parameters
    ----------
    options
        Changed by the controls, and followed.
    """

    def __init__(self, options: ViewOptions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options = options
        self._prediction: Prediction | None = None
        self.threshold = LabelledSlider(
            "Score from", "Show only objects at least this sure; nothing is predicted again"
        )
        self.opacity = LabelledSlider("Opacity", "How much of the image the colours cover")
        names = (self.threshold.label, self.opacity.label)
        for label in names:  # the sliders begin below each other
            label.setMinimumWidth(max(name.sizeHint().width() for name in names))
        self.arrows = CheckBox("Arrows")
        self.count = QLabel()
        self.count.setFont(tabular(self.count.font()))
        self.count.setProperty("muted", True)
        self.message = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.bars, self.keys, self.wheel = ScoreBars(), KeyList("Legend"), FlowWheel()
        self._lay_out()
        self.threshold.slider.valueChanged.connect(lambda value: options.set_threshold(value / 100))
        self.opacity.slider.valueChanged.connect(lambda value: options.set_opacity(value / 100))
        self.arrows.toggled.connect(options.set_arrows)
        self.keys.pointed.connect(options.point_at)
        self.keys.pressed_row.connect(self._press)
        options.changed.connect(self._show_options)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        controls = QVBoxLayout()
        controls.setSpacing(6)
        for widget in (self.threshold, self.opacity, self.arrows, self.count, self.message, self.bars):
            controls.addWidget(widget)
        self._both = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._both.setSpacing(16)
        self._both.addLayout(controls, 1)
        self._both.addWidget(self.wheel)
        column.addLayout(self._both)
        column.addWidget(self.keys, 1)
        self._rest = QWidget()
        column.addWidget(self._rest, 1)

    def set_beside(self, beside: bool) -> None:
        """Stand beside the image, high and narrow, or below it."""
        way = QBoxLayout.Direction.TopToBottom if beside else QBoxLayout.Direction.LeftToRight
        if self._both.direction() != way:
            self._both.setDirection(way)

    def show_prediction(self, prediction: Prediction | None) -> None:
        """Show another prediction, or none."""
        self._prediction = prediction if prediction is not None and prediction.phase == "ready" else None
        task = self._prediction.task if self._prediction is not None else ""
        masks = self._prediction is not None and any(raster.kind == "mask" for raster in self._prediction.rasters)
        self.threshold.setVisible(task in OBJECTS)
        self.count.setVisible(task in OBJECTS)
        self.opacity.setVisible(task in (SEGMENTATION, FLOW) or masks)
        self.arrows.setVisible(task == FLOW)
        self.wheel.setVisible(task == FLOW)
        listed = task in LISTED
        self.keys.setVisible(listed)
        self._rest.setVisible(not listed)
        self.keys.setAccessibleName("Objects" if task in OBJECTS else "Classes in the image")
        self.keys.setToolTip("" if task in OBJECTS else "Click a class to hide it, or to show it again")
        scores = self._prediction.classes if self._prediction is not None and task and not listed else ()
        self.bars.setVisible(bool(scores))
        self.bars.show_scores(scores)
        self._show_options()

    def _press(self, row: int) -> None:
        if self._prediction is not None and self._prediction.task == SEGMENTATION:
            self._options.toggle(row)
        else:
            self._options.select(-1 if self._options.selected == row else row)

    def _show_options(self) -> None:
        options, prediction = self._options, self._prediction
        self.threshold.show_share(options.threshold)
        self.opacity.show_share(options.opacity)
        with QSignalBlocker(self.arrows):
            self.arrows.setChecked(options.arrows)
        note = ""
        if prediction is not None:
            self.keys.show_rows(key_rows(prediction, options))
            masks = any(raster.kind == "mask" for raster in prediction.rasters)
            drawn = f" · {MOST_MASKS} masks drawn" if masks and len(self.keys.keys.rows) > MOST_MASKS else ""
            self.count.setText(shown_count(prediction, options.threshold) + drawn)
            note = nothing_text(prediction, options.threshold) or prediction.note
        self.keys.mark(options.pointed, options.selected)
        self.message.setText(note)
        self.message.setVisible(bool(note))
