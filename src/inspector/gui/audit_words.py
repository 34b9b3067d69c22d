"""What an audit found, in words: shares of severities, and the whole as text. Plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.checkpoint.summary import CheckpointSummary
from inspector.findings import SEVERITIES, Finding, Severity
from inspector.session import words
from inspector.session.survey_state import UNREADABLE, Survey

SEVERITY_WORDS: dict[Severity, str] = {"serious": "Serious", "notable": "Notable", "info": "Info"}
SEVERITY_TIPS: dict[Severity, str] = {
    "serious": "The model can't work like that",
    "notable": "Worth a look; the model may still be a good one",
    "info": "Good to know; nothing is wrong",
}

CHECKED = (
    "NaN and infinity",
    "Weights of zeros, or of one value",
    "Dead and duplicate filters",
    "Batch norms whose variance exploded or collapsed",
    "Layers that were never trained",
    "Extreme outliers",
    "Odd types of numbers",
    "Suspicious sizes",
)
"""What is looked for."""

MAX_LISTED = 1_000
"""Tensors of a finding that are listed in the text, and in the window, at the most."""


def counts(findings: Iterable[Finding]) -> dict[Severity, int]:
    """Return how many findings there are of each severity."""
    found = [finding.severity for finding in findings]
    return {severity: found.count(severity) for severity in SEVERITIES}


def seen(survey: Survey) -> str:
    """Return how many tensors the audit is about."""
    unreadable = survey.figures.known.count(UNREADABLE)
    said = f"{words.plural(len(survey.figures) - unreadable, 'tensor')} checked"
    return f"{said}, {words.number(unreadable)} could not be read" if unreadable else said


def as_text(summary: CheckpointSummary, findings: Sequence[Finding]) -> str:
    """Return findings as plain text, a paragraph each."""
    return "\n\n".join("\n".join(_lines(summary, finding)) for finding in findings).replace(words.THIN, " ")


def _lines(summary: CheckpointSummary, finding: Finding) -> Iterable[str]:
    yield f"{SEVERITY_WORDS[finding.severity]}: {finding.title}"
    yield finding.explanation
    for place, tensor in enumerate(finding.tensors[:MAX_LISTED]):
        note = finding.notes[place] if finding.notes else ""
        yield f"- {words.tensor_name(summary, tensor)}{f': {note}' if note else ''}"
    if finding.count > MAX_LISTED:
        yield f"- and {words.number(finding.count - MAX_LISTED)} more"
