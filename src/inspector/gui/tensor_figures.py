"""What is shown of a tensor that was read: its picture, its distribution, its statistics; a scalar's value."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import theme
from inspector.gui.histogram_view import HistogramView
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.picture_view import PictureView
from inspector.gui.scale_legend import ScaleLegend
from inspector.gui.statistics_tiles import StatisticsTiles
from inspector.gui.tooltips import tooltip
from inspector.gui.tree_delegate import tabular
from inspector.session import words
from inspector.session.state import TensorView


def value_text(view: TensorView, dtype: str) -> str:
    """Return the value of a tensor of one element; of a complex one its magnitude."""
    statistics = view.statistics
    if statistics.get("nan"):
        return "NaN"
    if statistics.get("inf"):
        return "Inf"
    value = statistics.get("max")
    if dtype == "bool":
        return str(bool(value))
    return f"|z| = {words.figure(value)}" if dtype.startswith("complex") else words.figure(value)


class TensorFigures(QWidget):
    """The sections below a tensor's name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.value = QLabel()
        self.value.setTextFormat(Qt.TextFormat.PlainText)
        self.value.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.value.setAccessibleName("Value")
        self.caption = _section_label()
        self.legend = ScaleLegend()
        self.picture = PictureView()
        self.distribution = _section_label()
        self.reading = OneLineLabel(Qt.TextElideMode.ElideLeft)
        self.reading.setProperty("muted", True)
        self.reading.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.reading.setFont(tabular(self.reading.font()))
        self.log = QPushButton("Log")
        self.log.setCheckable(True)
        self.log.setChecked(True)
        self.log.setAccessibleName("Log count")
        self.log.setToolTip("Show the logarithm of the counts, so that rare values are seen too")
        self.histogram = HistogramView()
        self.statistics = StatisticsTiles()
        self._what = ""
        self._lay_out()
        self._dress()
        self.log.toggled.connect(self._set_log)
        self.histogram.pointed.connect(self._read)

    def _lay_out(self) -> None:
        self._picture_section = _section(self.caption, self.legend, below=self.picture)
        self._histogram_section = _section(self.distribution, self.reading, self.log, below=self.histogram)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(18)
        layout.addWidget(self.value)
        layout.addWidget(self._picture_section)
        layout.addWidget(self._histogram_section)
        layout.addWidget(self.statistics)
        layout.addStretch(1)

    def show_view(self, summary: CheckpointSummary, view: TensorView) -> None:
        """Show a tensor that was read."""
        dtype, numel = summary.dtype(view.tensor), summary.numel(view.tensor)
        is_value = numel == 1
        self.value.setVisible(numel <= 1)
        self._picture_section.setVisible(numel > 1 and bool(view.rgba))
        self._histogram_section.setVisible(numel > 1 and bool(view.counts))
        self.statistics.setVisible(numel > 1)
        if numel <= 1:
            self.value.setText(value_text(view, dtype) if is_value else "This tensor has no elements.")
            self.value.setFont(theme.monospace(2.0) if is_value else theme.scaled_font(1.0))
        else:
            self._draw(summary, view)
            self.histogram.show_histogram(view.edges, view.counts)
            self.statistics.show_statistics(view.statistics)
        self._what = "Distribution of magnitudes" if dtype.startswith("complex") else "Distribution"
        self._set_log(self.log.isChecked())

    def show_picture(self, summary: CheckpointSummary, view: TensorView) -> None:
        """Show the picture of a large tensor whose figures are still being computed, in the places they will have."""
        self.value.setVisible(False)
        for section in (self._picture_section, self._histogram_section, self.statistics):
            section.setVisible(True)
        self._draw(summary, view)
        self.histogram.show_histogram((), ())
        self.statistics.show_statistics({})
        for drawn in (self.histogram, self.statistics):
            drawn.set_dimmed(True)

    def _draw(self, summary: CheckpointSummary, view: TensorView) -> None:
        caption = f"{view.caption} · {view.note}" if view.note else view.caption
        self.caption.set_text(caption)
        self.caption.setToolTip(tooltip(caption))
        self.legend.show_scale(0.0 if view.mode == "strip" else view.scale)
        self.picture.show_picture(view, summary.shape(view.tensor))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)

    def _dress(self) -> None:
        c = theme.colors()
        self.log.setStyleSheet(
            f"QPushButton {{ padding: 1px 8px; min-height: 16px; color: {c.muted}; border: 1px solid {c.border}; }}"
            f"QPushButton:checked {{ color: {c.accent}; background: {c.accent_soft}; border-color: {c.accent_soft}; }}"
            f"QPushButton:focus {{ border-color: {c.accent}; }}"
        )

    def set_dimmed(self, dimmed: bool) -> None:
        """Show that the figures are about to be replaced."""
        for drawn in (self.picture, self.histogram, self.statistics):
            drawn.set_dimmed(dimmed)
        self.value.setEnabled(not dimmed)

    def _read(self, text: str) -> None:
        """Show what a bin holds, whole: the section's title gives way."""
        self.reading.set_text(text)
        self.reading.setMinimumWidth(min(self.reading.sizeHint().width() + 2, self.width() * 2 // 3) if text else 0)

    def _set_log(self, log: bool) -> None:
        self.histogram.set_log(log)
        self.distribution.set_text(f"{self._what}, {'log count' if log else 'count'}")


def _section_label() -> OneLineLabel:
    label = OneLineLabel(Qt.TextElideMode.ElideRight)
    label.setProperty("section", True)
    label.setProperty("muted", True)
    label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    return label


def _section(title: QLabel, *right: QWidget, below: QWidget) -> QFrame:
    """Return a title with what stands at the right of its line, and a widget below."""
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addWidget(title)
    row.addStretch(0 if len(right) > 1 else 1)
    for widget in right:
        row.addWidget(widget)
    section = QFrame()
    layout = QVBoxLayout(section)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    layout.addLayout(row)
    layout.addWidget(below)
    return section
