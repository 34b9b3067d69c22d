"""The searchable list of torchvision's architectures, the best matches first."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QResizeEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QCompleter, QWidget

from inspector.gui.combo import Combo
from inspector.gui.elided_line import ElidedLine
from inspector.session import words
from inspector.session.match_state import ArchitectureInfo, Identification

_NAME_ROLE = Qt.ItemDataRole.UserRole
_TIP = "A torchvision architecture; type a part of its name"


class ArchitectureCombo(Combo):
    """An editable combo box: type a part of a name, or pick from the list.

    Signals
    -------
    chosen
        An architecture's name, when the person chose another one.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        line = ElidedLine(self)
        self.setLineEdit(line)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setMaxVisibleItems(18)
        self.setAccessibleName("Architecture")
        self.setToolTip(_TIP)
        self._rows = QStandardItemModel(self)
        self.setModel(self._rows)
        completer = QCompleter(self._rows, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setCompletionRole(_NAME_ROLE)
        completer.setMaxVisibleItems(14)
        self.setCompleter(completer)
        completer.activated.connect(self._complete)
        self.activated.connect(lambda index: self._choose(str(self.itemData(index, _NAME_ROLE) or "")))
        line.setAcceptDrops(False)
        line.setPlaceholderText("Choose an architecture")
        line.editingFinished.connect(self._finish)
        self._shown: str | None = None
        self._filled: tuple[object, object] = (None, None)

    def fill(self, catalogue: tuple[ArchitectureInfo, ...], identification: Identification | None) -> None:
        """List the candidates of a file first, then all architectures by name."""
        if (catalogue, identification) == self._filled:
            return
        self._filled = (catalogue, identification)
        with QSignalBlocker(self):
            self._rows.clear()
            candidates = identification.candidates if identification is not None else ()
            for candidate in candidates:
                misfits = candidate.missing + candidate.unexpected + candidate.mismatched
                fit = "fits completely" if not misfits else f"{candidate.matched:,} keys fit, {misfits:,} don't"
                self._add(candidate.architecture, fit)
            listed = {candidate.architecture for candidate in candidates}
            if candidates:
                self.insertSeparator(self.count())
            for row in sorted(catalogue, key=lambda row: row.name):
                if row.name not in listed:
                    task = words.TASK_WORDS.get(row.task, row.task)
                    self._add(row.name, f"{task} · {words.short_number(row.parameters)} parameters")
            self._select(self._shown)

    def _add(self, name: str, detail: str) -> None:
        item = QStandardItem(f"{name}   {detail}")
        item.setData(name, _NAME_ROLE)
        item.setToolTip(f"{name}: {detail}")
        self._rows.appendRow(item)

    def show_architecture(self, name: str | None) -> None:
        """Show the chosen architecture."""
        if name != self._shown:
            self._shown = name
            with QSignalBlocker(self):
                self._select(name)

    def _select(self, name: str | None) -> None:
        self.setCurrentIndex(self.findData(name, _NAME_ROLE) if name is not None else -1)
        self._show_name(name or "")

    def _show_name(self, name: str) -> None:
        self.setEditText(name)
        self.setToolTip(f"{name}. {_TIP}" if name else _TIP)
        self._show_begin()

    def _show_begin(self) -> None:
        """Show a long name from its first letter on, where nobody is typing."""
        line = self.lineEdit()
        if line is not None and not line.hasFocus():
            line.setCursorPosition(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the name's begin in another width, too."""
        super().resizeEvent(event)
        self._show_begin()

    def _complete(self, text: str) -> None:
        """Take what was picked in the completer's popup, which tells its row's text or our name."""
        self._choose(text.split(" ")[0])

    def _choose(self, name: str) -> None:
        if not name:
            return
        self._show_name(name)
        if name != self._shown:
            self._shown = name
            self.chosen.emit(name)

    def _finish(self) -> None:
        """Take a name that was typed in full; put back the chosen one for anything else."""
        typed = self.currentText().split(" ")[0].strip().lower()
        if self.findData(typed, _NAME_ROLE) >= 0:
            self._choose(typed)
        else:
            self.setEditText(self._shown or "")
