"""Under the tabs: what the file is in one sentence, with its chips."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui import theme
from inspector.gui.chips import Chip
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.theme import Tone
from inspector.gui.tooltips import tooltip
from inspector.session import words
from inspector.session.headlines import headline, verdict_sentence
from inspector.session.state import OpenCheckpoint

_SAFETY_CHIPS: dict[str, tuple[str, Tone, str]] = {
    "safe": ("Safe to read", "positive", "safe"),
    "needs_trust": ("Needs trust to load", "warning", "needs_trust"),
    "dangerous": ("Dangerous to load", "danger", "dangerous"),
}


class VerdictBar(QFrame):
    """The verdict on the shown checkpoint.

    Signals
    -------
    safety_requested
        The safety chip, or the chip of warnings, was clicked.
    architecture_requested
        The chip of the architecture was clicked.
    whole_requested
        The checkpoint of which the shown file is just a part is to be opened: its path.
    """

    safety_requested = Signal()
    architecture_requested = Signal()
    whole_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = OneLineLabel(Qt.TextElideMode.ElideRight)
        self.title.setFont(theme.scaled_font(1.2, bold=True))
        self.subtitle = QLabel()
        self.subtitle.setTextFormat(Qt.TextFormat.PlainText)
        self.subtitle.setProperty("muted", True)
        for label in (self.title, self.subtitle):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.subtitle.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.safety, self.architecture, self.warnings, self.whole = Chip(), Chip(), Chip(), Chip()
        self._whole = ""
        self.whole.clicked.connect(lambda: self.whole_requested.emit(self._whole))
        self.safety.clicked.connect(self.safety_requested)
        self.warnings.clicked.connect(self.safety_requested)
        self.architecture.clicked.connect(self.architecture_requested)
        texts = QVBoxLayout()
        texts.setSpacing(3)
        texts.addWidget(self.title)
        texts.addWidget(self.subtitle)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 11, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(texts, 1)
        for chip in (self.whole, self.warnings, self.safety, self.architecture):
            layout.addWidget(chip)

    def show_checkpoint(self, found: OpenCheckpoint | None) -> None:
        """Show the verdict on a checkpoint; hide everything where there is none yet."""
        summary = found.summary if found is not None else None
        if found is None or summary is None:
            self.title.setText(_waiting_title(found))
            self.subtitle.setText("")
            for chip in (self.safety, self.architecture, self.warnings, self.whole):
                chip.hide()
            return
        self.title.setText(headline(summary))
        self.title.setToolTip(tooltip(verdict_sentence(summary)))
        self.title.setAccessibleDescription(verdict_sentence(summary))
        self.subtitle.setText(_details(found, summary))
        text, tone, icon = _SAFETY_CHIPS[summary.safety]
        self.safety.show_text(text, tone, icon, words.safety_explanation(summary))
        self.safety.show()
        count = len(summary.warnings)
        self.warnings.show_text(words.plural(count, "note"), "warning", "warning", "\n".join(summary.warnings))
        self.warnings.setVisible(count > 0)
        self._whole = str(summary.whole or "")
        tip = f"This file is just a part: open {summary.whole.name} beside it" if summary.whole else ""
        self.whole.show_text("Open the whole", "accent", "open", tip)
        self.whole.setVisible(summary.whole is not None)
        self._show_architecture(found)

    def _show_architecture(self, found: OpenCheckpoint) -> None:
        identification, report = found.identification, found.match_report
        self.architecture.setVisible(identification is not None)
        if found.only_resembles:
            self.architecture.show_text("No torchvision architecture", "quiet", "", _match_tip(found))
        elif report is not None:
            total = report.matched + len(report.mismatched) + len(report.missing)
            text = f"{report.architecture}, {words.number(report.matched)} of {words.number(total)} keys"
            self.architecture.show_text(text, "accent" if report.complete else "quiet", "", _match_tip(found))
        elif identification is not None:
            self.architecture.show_text("Comparing…", "quiet")


def _waiting_title(found: OpenCheckpoint | None) -> str:
    if found is None:
        return ""
    return f"Reading {found.name}" if found.phase == "running" else found.name


def _details(found: OpenCheckpoint, summary: CheckpointSummary) -> str:
    model = summary.state_dicts[summary.model] if summary.model is not None else None
    parts = [words.container(summary), words.size(summary.size)]
    if model is not None and model.buffers:
        parts.append(f"{words.short_number(model.buffers)} buffer elements")
    if model is not None and model.class_name is None:
        parts.append(f"wrapper “{model.wrapper}”" if model.wrapper else "no wrapper")
    epoch = summary.metadata.get("epoch")
    if isinstance(epoch, int) and epoch >= 0:
        parts.append(f"epoch {epoch}")
    if summary.native_code:
        parts.append("holds native machine code")
    if not summary.complete:
        parts.append("read only in part")
    parts.append(_what_ran(found, summary))
    return " · ".join(parts)


def _what_ran(found: OpenCheckpoint, summary: CheckpointSummary) -> str:
    if found.was_run:
        runs = found.attachment.trusted and found.attachment.phase != "failed"
        return "its own model runs, as you chose" if runs else "its own model was run, as you chose"
    return "nothing in it runs code" if summary.safety == "safe" else "nothing in it was run"


def _match_tip(found: OpenCheckpoint) -> str:
    report = found.match_report
    if report is None:
        return ""
    if report.complete:
        return f"Every key and shape of {report.architecture} is here"
    parts = [
        f"{len(report.missing):,} missing",
        f"{report.unexpected:,} unexpected",
        f"{len(report.mismatched):,} of another shape",
    ]
    return f"Nearest: {report.architecture}, " + ", ".join(parts)
