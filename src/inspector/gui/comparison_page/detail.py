"""One tensor of two checkpoints: both as pictures, their difference in diverging colours, and its distribution."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from inspector.gui import theme
from inspector.gui.histogram_view import HistogramView
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.picture_view import PictureView
from inspector.gui.statistics_tiles import StatisticsTiles
from inspector.gui.tooltips import tooltip
from inspector.gui.tree_delegate import tabular
from inspector.session import comparison_words as figures
from inspector.session import words
from inspector.session.comparison_state import ComparisonRow
from inspector.session.differing import DifferenceView
from inspector.session.state import TensorView

_PICTURE_LIMIT = (96, 240)
_PICTURE_LEAST = 72  # three stand side by side
_TITLES = ("A", "B", "B − A")


class DifferenceDetail(QWidget):
    """Shows a row, and how its tensor differs once that is known.

    Signals
    -------
    opened
        The tensor is to be shown by itself.
    """

    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = OneLineLabel(Qt.TextElideMode.ElideMiddle)
        self.name.setProperty("section", True)
        self.open = QPushButton("Open the tensor")
        self.open.setToolTip("Show it by itself, as it is in the shown file (Enter)")
        self.open.clicked.connect(self.opened)
        self.figures = QLabel(wordWrap=True)
        self.figures.setTextFormat(Qt.TextFormat.PlainText)
        self.figures.setFont(tabular(self.figures.font()))
        self.figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message = QLabel(wordWrap=True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setProperty("muted", True)
        self.pictures = tuple(PictureView() for _ in _TITLES)
        self.scales = tuple(OneLineLabel(Qt.TextElideMode.ElideRight) for _ in _TITLES)
        self.histogram, self.statistics, self.reading = HistogramView(), StatisticsTiles(), OneLineLabel(_LEFT)
        self.reading.setProperty("muted", True)
        self.reading.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.histogram.pointed.connect(self.reading.set_text)
        self.histogram.setAccessibleName("Distribution of the difference")
        self._lay_out()
        self.show_nothing("")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.open)
        self._shown = QWidget()
        inside = QVBoxLayout(self._shown)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(10)
        inside.addLayout(self._picture_row())
        distribution = QHBoxLayout()
        title = QLabel("Distribution of B − A, log count")
        title.setProperty("section", True)
        distribution.addWidget(title)
        distribution.addWidget(self.reading, 1)
        inside.addLayout(distribution)
        inside.addWidget(self.histogram)
        inside.addWidget(self.statistics)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(16, 8, 16, 12)
        column.setSpacing(8)
        column.addLayout(head)
        for widget in (self.figures, self.message, self._shown):
            column.addWidget(widget)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    def _picture_row(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(4)
        for place, (title, picture, scale) in enumerate(zip(_TITLES, self.pictures, self.scales, strict=True)):
            label = QLabel(title)
            label.setProperty("section", True)
            picture.setAccessibleName(f"Picture of {title}")
            picture.setMinimumWidth(_PICTURE_LEAST)
            grid.addWidget(label, 0, place)
            grid.addWidget(picture, 1, place, Qt.AlignmentFlag.AlignTop)
            scale.setProperty("muted", True)
            scale.setFont(tabular(theme.scaled_font(0.92)))
            grid.addWidget(scale, 2, place)
            grid.setColumnStretch(place, 1)
        return grid

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_nothing(self, why: str) -> None:
        """Show no tensor, and why."""
        self.name.set_text("")
        self.open.hide()
        self.figures.hide()
        self._say(why)

    def show_row(self, row: ComparisonRow, said: str) -> None:
        """Show what is known of a row; ``said`` in place of pictures, which are to come."""
        self.name.set_text(row.name)
        self.name.setToolTip(tooltip(row.name))
        self.open.show()
        self.figures.setText(_figures(row))
        self.figures.setVisible(row.kind == "changed")
        self._say(said)

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))
        self._shown.hide()

    def show_view(self, view: DifferenceView, shape: tuple[int, ...]) -> None:
        """Show the pictures of a tensor of ``shape``, and the distribution of its difference."""
        self._say("")
        for picture, scale, one in zip(self.pictures, self.scales, (view.a, view.b, view.between), strict=True):
            picture.show_picture(one, shape)
            picture.setToolTip(tooltip(one.caption))
            # each has a scale of its own: a small difference would not be seen in that of the weights
            text, tip = _scale(one)
            scale.set_text(text)
            scale.setToolTip(tip)
        self.histogram.show_histogram(view.between.edges, view.between.counts)
        self.statistics.show_statistics(view.between.statistics)
        self._shown.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the pictures be as high as leaves room for the rest."""
        super().resizeEvent(event)
        low, high = _PICTURE_LIMIT
        for picture in self.pictures:
            picture.set_limit(min(high, max(low, self.height() * 2 // 5)))


_LEFT = Qt.TextElideMode.ElideLeft


def _scale(view: TensorView) -> tuple[str, str]:
    """Return what a picture's colours or bars stand for, and the same at more length."""
    if view.mode == "filters as RGB":
        return (
            "each by itself",
            "Zero is grey; each filter is as strong as its own largest weight lets it",
        )
    if view.scale <= 0:
        return view.note, ""
    full = words.figure(view.scale)
    if view.mode == "strip":
        return f"bars to {full}", f"The longest bar is {full} long; red ones are above zero, blue ones below"
    return f"up to ±{full}", f"Blue is −{full} and below, red {full} and above; amber is NaN or Inf"


def _figures(row: ComparisonRow) -> str:
    said = f"Max abs {figures.max_abs(row)}   Relative L2 {figures.change(row)}   Cosine {figures.cosine(row)}"
    if row.rounded:
        said += "   Only rounded to the narrower dtype"
    if row.not_finite:
        said += f"\n{words.plural(row.not_finite, 'value')} NaN or infinite in one of the two alone"
    return said
