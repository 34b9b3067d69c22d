"""What an audit of a checkpoint's weights found. A leaf, for whoever finds, carries or shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

Severity = Literal["serious", "notable", "info"]
Rule = Literal[
    "nan",
    "inf",
    "zero",
    "constant",
    "dead_filters",
    "duplicate_filters",
    "batch_norm_variance",
    "folded_batch_norm",
    "untrained",
    "outliers",
    "dtype",
    "size",
]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first."""
RULES: tuple[Rule, ...] = get_args(Rule)
"""In the order in which findings of one severity stand."""

EDITION = 2
"""Raised whenever a rule, a threshold or a sentence changes: findings that were kept are made anew."""

MAX_TENSORS = 10_000
"""Tensors that a finding lists at the most: it crosses a process border, and is read by the window in one go."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is worth knowing about some tensors of a checkpoint.

    Attributes
    ----------
    severity
        ``"serious"``: the weights can't work as they are; ``"notable"``: worth a look; ``"info"``: good to know.
    rule
        What was looked for.
    tensors
        Their numbers in the checkpoint; the first is where a click leads. At least one.
    title
        One short sentence.
    explanation
        Why it matters, and from where on it is told: one or two sentences.
    notes
        What is so about each of `tensors`, such as ``"3 of 64"``; or empty.
    more
        How many further tensors it is about, beyond `MAX_TENSORS`.
    """

    severity: Severity
    rule: Rule
    tensors: tuple[int, ...]
    title: str
    explanation: str
    notes: tuple[str, ...] = ()
    more: int = 0

    @property
    def count(self) -> int:
        """How many tensors it is about."""
        return len(self.tensors) + self.more

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON values."""
        return {
            "severity": self.severity,
            "rule": self.rule,
            "tensors": list(self.tensors),
            "title": self.title,
            "explanation": self.explanation,
            "notes": list(self.notes),
            "more": self.more,
        }

    @classmethod
    def from_json(cls, data: Any, tensors: int) -> Finding:
        """Read what `to_json` wrote, by a process that a stranger's file may have led astray.

        Parameters
        ----------
        tensors
            How many tensors the checkpoint has.

        Raises
        ------
        ValueError
            It is no finding about such a checkpoint.
        """
        if not isinstance(data, dict):
            raise ValueError("a finding is an object")
        severity, rule = data.get("severity"), data.get("rule")
        title, explanation = data.get("title"), data.get("explanation")
        numbers, notes = data.get("tensors"), data.get("notes", [])
        more = data.get("more", 0)
        if severity not in SEVERITIES or rule not in RULES:
            raise ValueError("a finding of no known kind")
        if not isinstance(title, str) or not isinstance(explanation, str):
            raise ValueError("a finding without words")
        if not isinstance(numbers, list) or not numbers:
            raise ValueError("a finding about nothing")
        if not all(type(number) is int and 0 <= number < tensors for number in numbers):
            raise ValueError("a finding about tensors that are not there")
        if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
            raise ValueError("a finding with notes that are no words")
        if type(more) is not int or not 0 <= more < tensors or len(numbers) > MAX_TENSORS:
            raise ValueError("a finding about more tensors than there can be")
        if len(notes) not in (0, len(numbers)):
            raise ValueError("a finding whose notes fit no tensors")
        return cls(severity, rule, tuple(numbers), title, explanation, tuple(notes), more)
