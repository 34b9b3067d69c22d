"""The “Why?” button of a prediction; below the classes, what it explains just now and how strongly that is shown."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.tooltips import tooltip
from inspector.gui.view_options import ViewOptions
from inspector.session.explanation_state import Explanation


class WhyBar(QWidget):
    """Turns the explanation of a class on and off.

    Attributes
    ----------
    button
        Stands in the prediction's heading, which has room for it in a low window; the rest is seen while it is on.

    Signals
    -------
    toggled
        The person wants to know why, or no longer.
    stepped
        The person wants the class that is so many rows further down.
    """

    toggled = Signal(bool)
    stepped = Signal(int)

    def __init__(self, options: ViewOptions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options = options
        self.button = QPushButton("Why?")
        self.button.setCheckable(True)
        self.button.setStyleSheet("padding: 1px 10px; min-height: 16px;")
        self.button.hide()
        self.button.setToolTip("Show what in the image speaks for a class (Grad-CAM). Click a class to choose it")
        self.button.setAccessibleName("Why?")
        self.button.clicked.connect(self.toggled)
        self.button.installEventFilter(self)
        self.text = OneLineLabel(Qt.TextElideMode.ElideRight)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMaximum(100)
        self.slider.setFixedWidth(72)
        self.slider.setAccessibleName("Opacity of the heat")
        self.slider.setToolTip("How much of the image the heat covers")
        self.slider.valueChanged.connect(lambda value: options.set_opacity(value / 100))
        self.note = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        for label in (self.text, self.note):
            label.setProperty("muted", True)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.text, 1)
        row.addWidget(self.slider)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.note)
        options.changed.connect(self._show_opacity)
        self.show_explanation(None)

    def show_explanation(self, found: Explanation | None) -> None:
        """Show what is explained; None while nothing is."""
        with QSignalBlocker(self.button):
            self.button.setChecked(found is not None)
        text = note = ""
        if found is not None and found.phase == "ready":
            text, note = f"{found.label} · {found.layer}", found.note
        elif found is not None and found.failure is not None:
            note = found.failure.sentence
        elif found is not None:
            text = "Looking…"
        self.text.set_text(text)
        told = found is not None and found.phase == "ready"
        self.text.setToolTip(tooltip(found.label, f"by the maps of {found.layer}") if told and found else "")
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.slider.setVisible(found is not None and found.phase == "ready")
        self.setVisible(found is not None)
        self._show_opacity()

    def offer(self, offered: bool) -> None:
        """Show the button where there is something to explain."""
        self.button.setVisible(offered)

    def _show_opacity(self) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(100 * self._options.opacity))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go from class to class with the arrow keys."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self.button.isChecked():
            step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
            if step:
                self.stepped.emit(step)
                return True
        return super().eventFilter(watched, event)
