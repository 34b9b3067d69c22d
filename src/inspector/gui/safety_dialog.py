"""The safety report: every global the file names, with what it means; notes; embedded sources as text."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from inspector.checkpoint.safety import SEVERITY, Verdict
from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import theme
from inspector.gui.tooltips import tooltip
from inspector.session import words


class SafetyDialog(QDialog):
    """What a file names, worst first."""

    def __init__(self, name: str, summary: CheckpointSummary, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Safety report: {name}")
        self.resize(680, 480)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(10)
        verdict = QLabel(words.safety_explanation(summary), wordWrap=True)
        verdict.setTextFormat(Qt.TextFormat.PlainText)
        verdict.setFont(theme.scaled_font(1.1, bold=True))
        layout.addWidget(verdict)
        for warning in summary.warnings:
            note = QLabel(warning, wordWrap=True)
            note.setTextFormat(Qt.TextFormat.PlainText)
            note.setStyleSheet(f"color: {theme.colors().warning};")
            layout.addWidget(note)
        if summary.globals:
            layout.addWidget(
                names_table(
                    words.global_names(summary), "Name in the file" if summary.complete else "At least these names"
                ),
                1,
            )
        else:
            quiet = QLabel("It names no function and no class at all.")
            quiet.setProperty("muted", True)
            layout.addWidget(quiet)
            layout.addStretch()
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.reject)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)


def names_table(names: Iterable[tuple[str, Verdict]], heading: str) -> QTableWidget:
    """Return a table of what a file names, worst first, with what each means."""
    rows = sorted(names, key=lambda row: (SEVERITY.index(row[1]), row[0]))
    table = QTableWidget(len(rows), 2)
    table.setAccessibleName("What the file names")
    table.setHorizontalHeaderLabels([heading, "Meaning"])
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    c = theme.colors()
    tones = {"dangerous": c.danger, "unknown": c.warning, "module": c.warning, "tensor": c.text}
    for row, (name, verdict) in enumerate(rows):
        item = QTableWidgetItem(name)
        item.setFont(theme.monospace())
        item.setToolTip(tooltip(name))
        meaning = QTableWidgetItem(words.VERDICT_WORDS[verdict])
        meaning.setForeground(QColor(tones[verdict]))
        table.setItem(row, 0, item)
        table.setItem(row, 1, meaning)
    return table
