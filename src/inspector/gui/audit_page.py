"""The part of the model's page that tells what an audit of the weights found."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from inspector.findings import SEVERITIES, Finding
from inspector.gui import icons
from inspector.gui.audit_clear import ClearPage
from inspector.gui.audit_model import AuditModel
from inspector.gui.audit_view import AuditView
from inspector.gui.audit_words import SEVERITY_TIPS, SEVERITY_WORDS, as_text, counts, seen
from inspector.gui.empty_page import EmptyPage
from inspector.gui.model_page.part import ModelPart
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.segmented import Segmented
from inspector.session import Session, words
from inspector.session.state import OpenCheckpoint
from inspector.session.survey_state import Survey

_ALL = "all"


class AuditPart(ModelPart):
    """Findings, the worst first, with a filter by severity; a click leads to the tensor."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._checkpoint = session, -1
        self._survey: Survey | None = None
        self._severity = _ALL
        self.model = AuditModel(self)
        self.view = AuditView(self.model)
        self.filter = Segmented("Which findings are shown", slim=True)
        self.filter.add(_ALL, "All", "Show all findings")
        for severity in SEVERITIES:
            self.filter.add(severity, SEVERITY_WORDS[severity], SEVERITY_TIPS[severity])
        self.seen = OneLineLabel(Qt.TextElideMode.ElideRight)
        self.seen.setProperty("muted", True)
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Copy the shown findings as text")
        self.export = QPushButton("Export…")
        self.export.setToolTip("Save the shown findings as CSV or JSON")
        self.nothing, self.waiting = ClearPage(), EmptyPage("search")
        self.list = QWidget()
        self.pages = QStackedWidget()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.filter)
        row.addWidget(self.seen, 1)
        row.addWidget(self.copy)
        row.addWidget(self.export)
        inner = QVBoxLayout(self.list)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(8)
        inner.addLayout(row)
        inner.addWidget(self.view, 1)
        for page in (self.waiting, self.nothing, self.list):
            self.pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pages)

    def _connect(self) -> None:
        self.filter.chosen.connect(self.show_severity)
        self.copy.clicked.connect(lambda: self._copy(self.model.findings))
        self.export.clicked.connect(self._export)
        self.view.copy_pressed.connect(self._copy_current)
        self.view.tensor_chosen.connect(self._open)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(
            lambda place: self._menu().popup(self.view.viewport().mapToGlobal(place))
        )

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_checkpoint(self, found: OpenCheckpoint | None) -> None:
        """Show what the audit of a checkpoint has found, or why there is none yet."""
        number = found.id if found is not None else -1
        if number != self._checkpoint:
            self._checkpoint, self._severity = number, _ALL
        self._survey = found.survey if found is not None else None
        self._show(found)

    def show_severity(self, severity: str) -> None:
        """Show only the findings of a severity, or ``"all"``."""
        self._severity = severity
        self._show(self._session.store.checkpoints.get(self._checkpoint))

    def _show(self, found: OpenCheckpoint | None) -> None:
        survey, summary = self._survey, found.summary if found is not None else None
        if survey is None or survey.phase != "ready" or summary is None:
            self.model.show_findings(None, ())
            self.waiting.say(*_why_not_yet(survey))
            self.pages.setCurrentWidget(self.waiting)
            return
        if not survey.findings:
            self.model.show_findings(summary, ())
            self.nothing.say(seen(survey))
            self.pages.setCurrentWidget(self.nothing)
            return
        self._show_filter(survey)
        shown = [finding for finding in survey.findings if self._severity in (_ALL, finding.severity)]
        self.model.show_findings(summary, shown)
        self.pages.setCurrentWidget(self.list)

    def _show_filter(self, survey: Survey) -> None:
        there = {name: count for name, count in counts(survey.findings).items() if count}
        if self._severity not in there:
            self._severity = _ALL
        self.filter.set_shown([_ALL, *there])
        self.filter.setVisible(len(there) > 1)
        self.filter.buttons[_ALL].setText(f"All {len(survey.findings)}")
        for name, count in there.items():
            self.filter.buttons[name].setText(f"{SEVERITY_WORDS[name]} {count}")
        self.filter.show_chosen(self._severity)
        self.seen.set_text(seen(survey))

    # -- what is done ------------------------------------------------------------------------------------------

    def _open(self, tensor: int) -> None:
        self._session.select_tensor(self._checkpoint, tensor)
        self.tensor_opened.emit()

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        index = self.view.currentIndex()
        if (tensor := self.model.tensor(index)) >= 0:
            menu.addAction(icons.icon("tensor"), "Show the tensor", lambda: self._open(tensor))
            copy = menu.addAction(icons.icon("copy"), "Copy this finding", self._copy_current)
            copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        menu.addAction(icons.icon("copy"), "Copy the shown findings", lambda: self._copy(self.model.findings))
        menu.addAction("Export the shown findings…", self._export)
        return menu

    def _export(self) -> None:
        from inspector.gui import taking_away

        taking_away.save_findings(self, self._session, self._checkpoint, self.model.findings)

    def _copy_current(self) -> None:
        finding = self.model.finding(self.view.currentIndex())
        self._copy(self.model.findings if finding is None else (finding,))

    def _copy(self, findings: tuple[Finding, ...]) -> None:
        summary = self.model.summary
        if summary is not None and findings:
            QGuiApplication.clipboard().setText(as_text(summary, findings))
            self._session.store.notice(f"Copied {words.plural(len(findings), 'finding')}.")


def _why_not_yet(survey: Survey | None) -> tuple[str, str]:
    """Return a title and a sentence on why there is no audit yet; the survey's own bar offers what to do."""
    if survey is None:
        return "Not looked through yet", "The audit comes once all tensors have been read."
    if survey.phase == "running":
        return "Reading all tensors…", "The audit comes as soon as they have been read."
    if survey.phase == "failed":
        return "The tensors could not be read", survey.failure.sentence if survey.failure is not None else ""
    return "Reading was stopped", "The audit needs all tensors once. Read them from the line above."
