"""Which rows of a match report are shown: buttons with counts, and a search."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

from inspector.gui.search_field import SearchField
from inspector.session import words
from inspector.session.match_table import MARK_WORDS, MARKS, Mark


class MatchFilter(QWidget):
    """One button for each kind of row, one for all, and a search field.

    Signals
    -------
    changed
        The kind of row, None for all, and the text to search.
    """

    changed = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[Mark | None, QPushButton] = {}
        self._group = QButtonGroup(self)
        self.search = SearchField("Search keys and shapes")
        self.search.searched.connect(lambda _: self._tell())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for mark in (None, *MARKS):
            button = QPushButton()
            button.setCheckable(True)
            button.setChecked(mark is None)
            self._group.addButton(button)
            self.buttons[mark] = button
            layout.addWidget(button)
        layout.addStretch(1)
        layout.addWidget(self.search, 1)
        self._group.buttonClicked.connect(lambda _: self._tell())

    def show_counts(self, counts: dict[Mark, int]) -> None:
        """Show how many rows there are of each kind."""
        self.buttons[None].setText(f"All {words.number(sum(counts.values()))}")
        for mark in MARKS:
            self.buttons[mark].setText(f"{MARK_WORDS[mark]} {words.number(counts[mark])}")
            self.buttons[mark].setEnabled(counts[mark] > 0 or self.buttons[mark].isChecked())

    @property
    def mark(self) -> Mark | None:
        """The chosen kind of row."""
        return next(mark for mark, button in self.buttons.items() if button.isChecked())

    def _tell(self) -> None:
        self.changed.emit(self.mark, self.search.text())
