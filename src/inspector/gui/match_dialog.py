"""The match report as a list: what fits, what does not and what to do about it, and the choices that change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QGuiApplication, QIntValidator, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from inspector.export.tables import csv_text, tab_text
from inspector.gui import theme
from inspector.gui.assumed_options import AssumedOptions
from inspector.gui.check_box import CheckBox
from inspector.gui.combo import Combo
from inspector.gui.match_filter import MatchFilter
from inspector.gui.match_table_model import MatchTableModel
from inspector.gui.rename_rules import RenameRules
from inspector.session import Session, words
from inspector.session.match_state import MatchChoices, MatchReport
from inspector.session.match_table import HEADER, MatchRow, counts, rows_of
from inspector.session.state import OpenCheckpoint

_MOST_CLASSES = 1_000_000
#: Floating point of another width than float32, in which a model can compute as well.
REDUCED = frozenset({"float16", "bfloat16", "float64"})
_WIDTHS = (110, 220, 220, 128, 128)


class MatchDialog(QDialog):
    """One checkpoint's match report. It stays open beside the window and follows what is chosen there.

    Parameters
    ----------
    ask_for_file
        Asks the person where to save; None where that was cancelled.
    """

    def __init__(
        self, session: Session, number: int, parent: QWidget, ask_for_file: Callable[[QWidget, str], Path | None]
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._number = number
        self._ask_for_file = ask_for_file
        self._report: MatchReport | None = None
        self.title, self.text = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self.wrapper, self.classes = Combo(), QLineEdit()
        self.partial = CheckBox()
        self.precision = Combo()
        self.assumed = AssumedOptions()
        self.rules = RenameRules()
        self.filter = MatchFilter()
        self.model = MatchTableModel(self)
        self.table = QTableView()
        self.copy, self.save = QPushButton("Copy"), QPushButton("Save as CSV…")
        self.attach = QPushButton("Attach")
        self.resize(1160, 660)
        self._set_up()
        self._lay_out()
        self._connect()
        self._show()

    def _set_up(self) -> None:
        for label in (self.title, self.text):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setFont(theme.scaled_font(1.15, bold=True))
        self.text.setProperty("muted", True)
        self.wrapper.setAccessibleName("Wrapper")
        self.wrapper.setToolTip("The beginning of the file's keys that is taken off before they are compared")
        self.wrapper.setMinimumContentsLength(18)
        self.precision.setAccessibleName("Computes in")
        self.precision.setToolTip("What the attached model computes in, where the file holds another precision")
        self.precision.addItem("float32", "float32")
        self.precision.addItem("the file's own precision", "keep")
        self.precision_label = QLabel("Computes in")
        self.precision_label.setProperty("muted", True)
        self.classes.setAccessibleName("Classes")
        self.classes.setValidator(QIntValidator(1, _MOST_CLASSES, self))
        self.classes.setFixedWidth(150)
        self.classes.setToolTip("How many classes the head is built for; empty for as many as the file's has")
        table = self.table
        table.setModel(self.model)
        table.setAccessibleName("Keys of the architecture and of the file")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTextElideMode(Qt.TextElideMode.ElideRight)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(26)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        table.horizontalHeader().setHighlightSections(False)
        for column, width in enumerate(_WIDTHS):
            table.setColumnWidth(column, width)
        self.attach.setProperty("primary", True)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(10)
        heading = QVBoxLayout()
        heading.setSpacing(2)
        heading.addWidget(self.title)
        heading.addWidget(self.text)
        layout.addLayout(heading)
        choices = QHBoxLayout()
        choices.setSpacing(8)
        for name, field in (("Wrapper", self.wrapper), ("Classes", self.classes)):
            label = QLabel(name)
            label.setProperty("muted", True)
            label.setBuddy(field)
            choices.addWidget(label)
            choices.addWidget(field)
            choices.addSpacing(12)
        choices.addWidget(self.precision_label)
        choices.addWidget(self.precision)
        choices.addSpacing(12)
        choices.addWidget(self.partial)
        choices.addStretch(1)
        layout.addLayout(choices)
        layout.addWidget(self.assumed)
        layout.addWidget(self.rules)
        layout.addWidget(self.filter)
        layout.addWidget(self.table, 1)
        buttons = QHBoxLayout()
        close = QPushButton("Close")
        close.clicked.connect(self.reject)
        for button in (self.copy, self.save):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(close)
        buttons.addWidget(self.attach)
        layout.addLayout(buttons)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Enter in a field must not attach

    def _connect(self) -> None:
        store = self._session.store
        for stop_listening in (
            store.checkpoint_changed.connect(self._changed),
            store.checkpoints_changed.connect(self._close_with_checkpoint),
        ):
            self.finished.connect(lambda _, stop=stop_listening: stop())
        self.wrapper.activated.connect(lambda row: self._choose(wrapper=self.wrapper.itemData(row)))
        self.classes.editingFinished.connect(lambda: self._choose(num_classes=int(self.classes.text() or 0) or None))
        self.partial.toggled.connect(lambda on: self._choose(partial=on))
        self.precision.activated.connect(lambda row: self._choose(dtype=self.precision.itemData(row)))
        self.assumed.changed.connect(lambda chosen: self._choose(assumed=chosen))
        self.rules.changed.connect(lambda rules: self._choose(renames=rules))
        self.filter.changed.connect(self.model.set_filter)
        self.copy.clicked.connect(self.copy_rows)
        self.save.clicked.connect(self.save_rows)
        self.attach.clicked.connect(lambda: self._session.attach(self._number))

    # -- state -------------------------------------------------------------------------------------------------

    @property
    def _found(self) -> OpenCheckpoint | None:
        return self._session.store.checkpoints.get(self._number)

    def _choose(self, **choices: Any) -> None:
        found = self._found
        if found is not None:
            self._session.choose_match(self._number, replace(found.choices, **choices))

    def _changed(self, number: int) -> None:
        if number == self._number:
            self._show()

    def _close_with_checkpoint(self) -> None:
        if self._found is None:
            self.reject()

    def _show(self) -> None:
        found = self._found
        if found is None or found.summary is None:
            return
        report = found.match_report
        self.setWindowTitle(f"Match report: {found.name}")
        self.rules.set_rules(found.choices.renames)
        self.rules.show_problem(found.match_failure.sentence if found.match_failure is not None else "")
        if report is None:
            self.title.setText("Comparing…")
        elif report is not self._report:
            self._show_rows(rows_of(found.summary, report), report)
        self._report = report
        if report is not None:
            self._show_choices(found.choices, report)
            own = found.official.options
            assumed = {name: own.get(name, value) for name, value in report.assumed.items()}
            self.assumed.show_options(assumed, dict(found.choices.assumed))
            reduced = any(found.summary.dtype(tensor) in REDUCED for tensor in report.fitting)
            for widget in (self.precision, self.precision_label):
                widget.setVisible(reduced or found.choices.dtype != "float32")
            self.precision.setCurrentIndex(self.precision.findData(found.choices.dtype))
        attached = found.attachment.phase in ("running", "ready")
        self.attach.setText("Attached" if found.attachment.phase == "ready" else "Attach")
        self.attach.setEnabled(found.attachable and not attached)

    def _show_rows(self, rows: list[MatchRow], report: MatchReport) -> None:
        of = counts(rows)
        keys = len(rows) - of["unexpected"]
        self.title.setText(
            f"All {words.number(keys)} keys and shapes of {report.architecture} fit"
            if report.complete
            else f"{words.number(of['matched'])} of {words.plural(keys, 'key')} of {report.architecture} fit"
        )
        self.model.set_rows(rows)
        self.filter.show_counts(of)

    def _show_choices(self, choices: MatchChoices, report: MatchReport) -> None:
        with QSignalBlocker(self.wrapper), QSignalBlocker(self.partial):
            self.wrapper.clear()
            taken = f"“{report.wrapper}”" if report.wrapper else "none"
            self.wrapper.addItem(f"Found: {taken}" if choices.wrapper is None else "The one that fits best", None)
            for wrapper in report.wrappers:
                self.wrapper.addItem(f"“{wrapper}”" if wrapper else "None", wrapper)
            self.wrapper.setCurrentIndex(max(0, self.wrapper.findData(choices.wrapper)))
            self.classes.setEnabled(report.num_classes is not None)
            self.classes.setPlaceholderText(f"{words.number(report.num_classes or 0)}, as the file's")
            if not self.classes.hasFocus():
                self.classes.setText(str(choices.num_classes or ""))
            self.partial.setChecked(choices.partial)
        untrained = words.plural(len(report.untrained), "key")
        self.partial.setText(f"Attach what fits, and leave {untrained} untrained" if report.untrained else _LEFT_OUT)
        self.partial.setVisible(not report.complete and report.matched > 0)
        classes = f"{words.plural(report.num_classes, 'class', 'classes')}. " if report.num_classes else ""
        self.text.setText(f"{classes}{_advice(choices, report)}")

    # -- copying -----------------------------------------------------------------------------------------------

    def copy_rows(self) -> None:
        """Put the selected rows, or all that are shown, into the clipboard."""
        selected = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        rows = [self.model.shown[row] for row in selected] or self.model.shown
        QGuiApplication.clipboard().setText(tab_text(HEADER, [row.texts for row in rows]))

    def save_rows(self) -> None:
        """Save the shown rows as CSV where the person says."""
        found = self._found
        path = self._ask_for_file(self, f"{Path(found.name).stem if found is not None else 'match'}-match.csv")
        if path is None:
            return
        try:
            path.write_text(csv_text(HEADER, [row.texts for row in self.model.shown]), encoding="utf-8")
        except OSError as error:
            self._session.store.notice(f"{path.name} can't be saved: {error.strerror or error}.", "error")
        else:
            self._session.store.notice(f"Saved {path.name}.")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy with the usual key."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_rows()
        else:
            super().keyPressEvent(event)


_LEFT_OUT = "Attach what fits, and leave the rest out"


def _advice(choices: MatchChoices, report: MatchReport) -> str:
    if report.complete:
        return "It can be attached as it is."
    if not report.matched:
        return "Nothing of it fits. Choose another architecture, or rename keys."
    if choices.partial and report.untrained:
        return "Attached in part: the keys below that are missing or of another shape hold random numbers."
    return "Choose another architecture, rename keys, or attach what fits."
