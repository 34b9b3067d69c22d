"""Which results are shown: words, a least score, and the cell of a confusion matrix."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from inspector.gui import icons
from inspector.gui.search_field import SearchField
from inspector.session import words
from inspector.session.results import Filter

#: Milliseconds without a move of the slider before it filters.
_PAUSE = 90
#: Characters of a cell's classes.
_LONGEST = 24


class ResultsFilter(QWidget):
    """A search field, a slider, and what takes a chosen cell away again.

    Signals
    -------
    changed
        The `Filter`, shortly after the person chose it.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cell: tuple[int, int] | None = None
        self.search = SearchField("Filter by label or file")
        self.search.setAccessibleName("Filter by label or file")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setPageStep(10)
        self.slider.setMinimumWidth(60)
        self.slider.setMaximumWidth(130)
        self.slider.setAccessibleName("Least score")
        self.slider.setToolTip("Show only images whose best score is at least this")
        self.least = QLabel()
        self.least.setProperty("muted", True)
        self.least.setMinimumWidth(self.least.fontMetrics().horizontalAdvance("at least 100\u202f% "))
        self.cell = QPushButton()
        self.cell.setToolTip("Show the images of all classes again")
        self.count = QLabel()
        self.count.setProperty("muted", True)
        self._soon = QTimer(self, singleShot=True, interval=_PAUSE)
        self._soon.timeout.connect(self._tell)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.search, 3)
        for widget in (self.slider, self.least, self.cell):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.count)
        self.cell.hide()
        self._show_least()
        self.search.searched.connect(lambda _: self._tell())
        self.slider.valueChanged.connect(self._moved)
        self.cell.clicked.connect(lambda: self.show_cell(None, ""))

    @property
    def filter(self) -> Filter:
        """What the person chose."""
        return Filter(self.search.text(), self.slider.value() / 100, self._cell)

    def show_cell(self, cell: tuple[int, int] | None, said: str) -> None:
        """Choose one cell of the confusion matrix, ``said`` in words; None for all."""
        self._cell = cell
        short = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
        self.cell.setText(short.replace("&", "&&"))
        self.cell.setIcon(icons.icon("close"))
        self.cell.setVisible(cell is not None)
        self._tell()

    def clear(self) -> None:
        """Show all again."""
        self.search.clear()
        self.slider.setValue(0)
        self.show_cell(None, "")

    def show_count(self, shown: int, total: int) -> None:
        """Show how many of the images pass."""
        every = f"{words.plural(total, 'image')}"
        self.count.setText(every if shown == total else f"{words.number(shown)} of {every}")

    def _moved(self) -> None:
        self._show_least()
        self._soon.start()

    def _show_least(self) -> None:
        chosen = self.slider.value()
        self.least.setText(f"at least {chosen}{words.THIN}%" if chosen else "any score")

    def _tell(self) -> None:
        self._soon.stop()
        self.changed.emit(self.filter)
