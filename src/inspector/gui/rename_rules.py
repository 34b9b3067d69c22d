"""Rules that rename a file's keys, one in a line, and what is wrong with them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from inspector.gui import icons, theme

#: Milliseconds without a key before the rules are tried.
PAUSE = 150


class _Line(QWidget):
    """One rule: a pattern, what takes its place, and a button that removes it."""

    changed = Signal()
    removed = Signal()

    def __init__(self, pattern: str = "", replacement: str = "") -> None:
        super().__init__()
        self.pattern, self.replacement = QLineEdit(pattern), QLineEdit(replacement)
        self.pattern.setPlaceholderText("Key in the file, with * for any text")
        self.replacement.setPlaceholderText("New key, with * for the same text")
        self.pattern.setAccessibleName("Key in the file")
        self.replacement.setAccessibleName("New key")
        self.remove = QPushButton()
        self.remove.setProperty("flat", True)
        self.remove.setToolTip("Remove this rule")
        self.remove.setAccessibleName("Remove this rule")
        self.remove.clicked.connect(self.removed)
        arrow = QLabel("→")
        arrow.setProperty("muted", True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.pattern, 1)
        layout.addWidget(arrow)
        layout.addWidget(self.replacement, 1)
        layout.addWidget(self.remove)
        for field in (self.pattern, self.replacement):
            field.setFont(theme.monospace())
            field.textEdited.connect(self.changed)

    @property
    def rule(self) -> tuple[str, str]:
        return self.pattern.text().strip(), self.replacement.text().strip()


class RenameRules(QWidget):
    """A list of rules, told shortly after they were edited.

    Signals
    -------
    changed
        The rules, ``(pattern, replacement)`` each, without lines that are still empty.
    """

    changed = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[_Line] = []
        self._told: tuple[tuple[str, str], ...] = ()
        self.add = QPushButton("Rename keys…")
        self.add.setToolTip("Bring the file's spelling of keys to the architecture's")
        self.add.clicked.connect(self._begin)
        self.problem = QLabel(wordWrap=True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setVisible(False)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._column.addWidget(self.problem)
        self._column.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)
        self._soon = QTimer(self, interval=PAUSE, singleShot=True)
        self._soon.timeout.connect(self._tell)
        self._dress()

    def set_rules(self, rules: tuple[tuple[str, str], ...]) -> None:
        """Show rules, unless they are what was just told."""
        if rules == self._told:
            return
        self._told = rules
        for line in list(self.lines):
            self._take_away(line)
        for pattern, replacement in rules:
            self._append(pattern, replacement)
        self._dress()

    def show_problem(self, sentence: str) -> None:
        """Say what is wrong with the rules; empty for nothing."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    @property
    def rules(self) -> tuple[tuple[str, str], ...]:
        """The rules that are complete."""
        return tuple(line.rule for line in self.lines if all(line.rule))

    def _begin(self) -> None:
        self._append("", "").pattern.setFocus()
        self._dress()

    def _append(self, pattern: str, replacement: str) -> _Line:
        line = _Line(pattern, replacement)
        line.changed.connect(self._soon.start)
        line.removed.connect(lambda: self._remove(line))
        self._column.insertWidget(len(self.lines), line)
        self.lines.append(line)
        line.show()  # what the layout has yet to show takes no focus
        return line

    def _remove(self, line: _Line) -> None:
        self._take_away(line)
        self._dress()
        self.add.setFocus()
        self._tell()

    def _take_away(self, line: _Line) -> None:
        self.lines.remove(line)
        self._column.removeWidget(line)
        line.hide()
        line.deleteLater()

    def _tell(self) -> None:
        self._soon.stop()
        if self.rules != self._told:
            self._told = self.rules
            self.changed.emit(self.rules)

    def _dress(self) -> None:
        self.add.setText("Add a rule" if self.lines else "Rename keys…")
        theme.dress(self.problem, f"color: {theme.colors().danger};")
        for line in self.lines:
            line.remove.setIcon(icons.icon("close"))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)
