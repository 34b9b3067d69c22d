"""The table of Python environments: a row each, the one in use marked."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from inspector.gui import icons, theme
from inspector.gui.tooltips import tooltip
from inspector.pythons import PythonEnvironment
from inspector.pythons.usable import LEAST_TORCH, is_too_old, numbers

_COLUMNS = ("Environment", "Kind", "Python", "torch", "torchvision", "State")
_KINDS = {"app": "This app", "virtual": "Virtual environment", "conda": "conda", "system": "Interpreter"}
_STATE = len(_COLUMNS) - 1
#: Height of a row in pixels.
_ROW = 32


class PythonList(QTreeWidget):
    """The environments, of which one can be selected.

    Signals
    -------
    selected
        The executable of the row that is selected now.
    used
        The person pressed Enter on a row, or double-clicked it.
    """

    selected = Signal(str)
    used = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, PythonEnvironment] = {}
        self._in_use = ""
        self.setColumnCount(len(_COLUMNS))
        self.setHeaderLabels(_COLUMNS)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setAccessibleName("Python environments")
        self.setToolTip("Choose the Python that attaching and predicting run on")
        self.setIconSize(QSize(14, 14))
        self._dress()
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(64)
        self.currentItemChanged.connect(lambda item, _: self._select(item))
        self.itemActivated.connect(lambda item, _: self.used.emit(_executable(item)))

    def row(self, executable: str) -> PythonEnvironment | None:
        """Return a row by its executable, None where it is not in the list."""
        return self._rows.get(executable)

    @property
    def current(self) -> str:
        """The executable of the selected row; empty for none."""
        item = self.currentItem()
        return _executable(item) if item is not None else ""

    def show_rows(self, rows: tuple[PythonEnvironment, ...], in_use: str) -> None:
        """Show environments; the selected one stays selected, else the one in use is."""
        if tuple(self._rows.values()) == rows and in_use == self._in_use and self.topLevelItemCount():
            return
        kept = self.current
        self._rows, self._in_use = {row.executable: row for row in rows}, in_use
        self.blockSignals(True)  # emptied and filled, it would select one row after the other
        self.clear()
        self.addTopLevelItems([_item(row, row.executable == in_use) for row in rows])
        self.blockSignals(False)
        self.select(kept if kept in self._rows else in_use)

    def select(self, executable: str) -> None:
        """Select a row, if there is one of this executable."""
        for place, known in enumerate(self._rows):
            item = self.topLevelItem(place)
            if known == executable and item is not None:
                self.setCurrentItem(item)
                self.scrollToItem(item)

    def refresh(self) -> None:
        """Draw again, in the colours of another theme."""
        self._dress()
        rows, in_use = tuple(self._rows.values()), self._in_use
        self._in_use = "\0"
        self.show_rows(rows, in_use)

    def _dress(self) -> None:
        soft = theme.colors().accent_soft
        room = f"QTreeView::item {{ height: {_ROW}px; padding-left: 5px; padding-right: 10px; border: none; }}"
        theme.dress(self, f"{room} QTreeView::item:selected {{ background: {soft}; }}")

    def _select(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.selected.emit(_executable(item))


def state_word(row: PythonEnvironment, in_use: bool) -> str:
    """Return an environment's state in a word or two."""
    if in_use:
        return "In use"
    if row.usable:
        return "Can be used" if row.torch else "Only a trial tells"
    if is_too_old(row.python):
        return "Python too old"
    if not row.python:
        return "Gone"
    if not row.torch:
        return "No torch"
    if numbers(row.torch)[:2] < LEAST_TORCH:
        return "torch too old"
    return "No torchvision" if not row.torchvision else "Does not fit"


def _executable(item: QTreeWidgetItem) -> str:
    return str(item.data(0, Qt.ItemDataRole.UserRole))


def _item(row: PythonEnvironment, in_use: bool) -> QTreeWidgetItem:
    c = theme.colors()
    state = state_word(row, in_use)
    cells = [row.name, _KINDS[row.kind], row.python or "–", row.torch or "–", row.torchvision or "–", state]
    item = QTreeWidgetItem(cells)
    item.setData(0, Qt.ItemDataRole.UserRole, row.executable)
    item.setIcon(0, _check() if in_use else _blank())
    tone = c.positive if in_use else c.text if row.usable else c.muted
    for column in range(len(cells)):
        item.setToolTip(column, tooltip(row.executable, row.problem))
        if column == _STATE or not row.usable or column == 1:
            item.setForeground(column, theme.qcolor(tone if column != 1 else c.muted))
    if in_use:
        item.setFont(0, theme.scaled_font(1.0, bold=True))
    return item


def _check() -> QIcon:
    drawn = icons.icon("check", theme.colors().positive).pixmap(14, 14)
    made = QIcon(drawn)
    made.addPixmap(drawn, QIcon.Mode.Selected)  # not the paler one that Qt would make
    return made


def _blank() -> QIcon:
    """Return an icon of nothing, so that all names line up."""
    empty = QPixmap(14, 14)
    empty.fill(Qt.GlobalColor.transparent)
    return QIcon(empty)
