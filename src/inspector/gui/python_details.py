"""The card below the list of Pythons: the selected one's path, what speaks against it, and the mending command."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QProgressBar, QPushButton, QVBoxLayout, QWidget

from inspector.gui import icons, theme
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.theme import Tone
from inspector.gui.tooltips import tooltip


class PythonDetails(QFrame):
    """A sentence about one Python, with its path and a command to copy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("details")
        self._tone: Tone = "quiet"
        self.sentence = QLabel(wordWrap=True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.path = OneLineLabel(Qt.TextElideMode.ElideMiddle)
        self.path.setProperty("muted", True)
        self.progress = QProgressBar(textVisible=False, minimum=0, maximum=0)
        self.progress.setAccessibleName("Starting the chosen Python")
        self.command = QLineEdit(readOnly=True)
        self.command.setFont(theme.monospace(0.95))
        self.command.setAccessibleName("The command that mends it")
        self.command.setToolTip("Run this in a terminal, then look again")
        self.copy = QPushButton("Copy")
        self.copy.setAccessibleName("Copy the command")
        self.copy.setToolTip("Copy the command to the clipboard")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.text()))
        self._row = QWidget()
        row = QHBoxLayout(self._row)
        row.setContentsMargins(0, 4, 0, 0)
        row.addWidget(self.command, 1)
        row.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 11, 14, 12)
        layout.setSpacing(4)
        for widget in (self.sentence, self.path, self.progress, self._row):
            layout.addWidget(widget)
        layout.addStretch()
        # The tallest it gets: the list above must not jump while the person walks through it.
        self.setMinimumHeight(104)

    def show_python(self, executable: str, sentence: str, tone: Tone, *, mend: str = "", running: bool = False) -> None:
        """Show what is to be said of a Python.

        Parameters
        ----------
        mend
            A command; empty for none.
        running
            Whether it is being started.
        """
        self._tone = tone
        self.sentence.setText(sentence)
        self.path.set_text(executable)
        self.path.setToolTip(tooltip(executable))
        self.path.setVisible(bool(executable) and executable not in sentence)
        self.progress.setVisible(running)
        self.command.setText(mend)
        self.command.setCursorPosition(0)
        self._row.setVisible(bool(mend))
        self.dress()

    def dress(self) -> None:
        """Take the colours of the theme that is shown now."""
        c = theme.colors()
        back, front = theme.tone_colors(self._tone)
        front = c.text if self._tone == "quiet" else front
        sheet = f"#details {{ background: {back}; border-radius: 8px; }} #details > QLabel {{ color: {front}; }}"
        theme.dress(self, sheet)
        self.copy.setIcon(icons.icon("copy", c.text))
