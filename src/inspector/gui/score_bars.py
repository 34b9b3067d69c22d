"""The likeliest classes of a prediction, one row each: label, bar, percent."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from inspector.gui import theme
from inspector.gui.class_words import score_sentence
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.tooltips import tooltip
from inspector.gui.tree_delegate import tabular
from inspector.session import words
from inspector.session.prediction_state import ClassScore
from inspector.session.prediction_words import class_text

_LABEL_SHARE = 0.4  # of a row's width
_GAP = 10
_BAR_HEIGHT = 8
_LEAST_BAR = 2.0
_LEADING = 1.22  # a row's height, of its font's


def row_height(widget: QWidget) -> int:
    """Return the height of a row in a widget's font, in logical pixels."""
    return round(_LEADING * widget.fontMetrics().height())


class ScoreRow(QWidget):
    """One class: its label, shortened where it is long, a bar on its track, its percent."""

    def __init__(self, *, best: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.score = ClassScore("", 0, 0.0)
        self._marked = False
        self._font = tabular(theme.scaled_font(1.0, bold=best))
        self.label = OneLineLabel(Qt.TextElideMode.ElideRight, self)
        self.label.setFont(self._font)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_score(self, score: ClassScore) -> None:
        """Show another class."""
        self.score = score
        self.label.set_text(class_text(score))
        self.setAccessibleName(score_sentence(score))
        self.setToolTip(tooltip(class_text(score), f"class {score.index}, {words.percent(score.score)}"))
        self.update()

    def set_marked(self, marked: bool) -> None:
        """Show that it is this class that is explained."""
        if marked != self._marked:
            self._marked = marked
            self.update()

    def sizeHint(self) -> QSize:
        """Return a size that leaves the bar some room."""
        return QSize(260, row_height(self))

    def minimumSizeHint(self) -> QSize:
        """Return the least size: a short label, a short bar."""
        return QSize(140, row_height(self))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the label its share."""
        self.label.setGeometry(0, 0, round(_LABEL_SHARE * self.width()), self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bar and the percent; all rows of one width have their columns in the same places."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._marked:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.qcolor(theme.colors().hover))
            painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        painter.setFont(tabular(theme.scaled_font(1.0, bold=True)))
        percent_width = painter.fontMetrics().horizontalAdvance(words.percent(0.9999)) + 2
        painter.setFont(self._font)
        painter.setPen(theme.qcolor(theme.colors().text))
        room = QRect(self.width() - percent_width, 0, percent_width, self.height())
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(room, right, words.percent(self.score.score))
        left = self.label.width() + _GAP
        width = self.width() - percent_width - _GAP - left
        self._draw_bar(painter, QRectF(left, (self.height() - _BAR_HEIGHT) / 2, width, _BAR_HEIGHT))

    def _draw_bar(self, painter: QPainter, track: QRectF) -> None:
        c, radius = theme.colors(), _BAR_HEIGHT / 2
        painter.setPen(Qt.PenStyle.NoPen)
        outline = QPainterPath()
        outline.addRoundedRect(track, radius, radius)
        painter.fillPath(outline, theme.qcolor(c.track))
        if self.score.score <= 0:
            return
        filled = QRectF(track)
        filled.setWidth(max(_LEAST_BAR, self.score.score * track.width()))
        bar = QPainterPath()
        bar.addRoundedRect(filled, min(radius, filled.width() / 2), radius)
        painter.fillPath(bar.intersected(outline), theme.qcolor(c.accent))


class ScoreBars(QWidget):
    """The rows of one prediction, the likeliest class first.

    Signals
    -------
    clicked
        A row was clicked: its place from the top.
    """

    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[ScoreRow] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(1)

    def show_scores(self, scores: tuple[ClassScore, ...]) -> None:
        """Show these classes; the first one in bold."""
        while len(self.rows) > len(scores):
            row = self.rows.pop()
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(scores):
            row = ScoreRow(best=not self.rows, parent=self)
            self.rows.append(row)
            self._layout.addWidget(row)
            row.show()
        for row, score in zip(self.rows, scores, strict=True):
            if row.score is not score:
                row.show_score(score)

    def mark(self, place: int) -> None:
        """Show which class is explained, -1 for none."""
        for at, row in enumerate(self.rows):
            row.set_marked(at == place)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the press: what is clicked is told when it ends."""
        event.setAccepted(event.button() == Qt.MouseButton.LeftButton)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell which row was clicked."""
        place = event.position().toPoint()
        for at, row in enumerate(self.rows):
            if row.geometry().contains(place):
                self.clicked.emit(at)
