"""Findings in words: one for each thing that is so, however many tensors it is so of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inspector.findings import MAX_TENSORS, Finding, Rule, Severity
from inspector.weights.audit.subject import AuditTensor

_THIN = "\u202f"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LONGEST_NAME = 60


def count(number: int) -> str:
    """Return a count with thin separators."""
    return f"{number:,}".replace(",", _THIN)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a count and what is counted: ``1 tensor``, ``12 tensors``."""
    return f"{count(number)} {noun if number == 1 else plural or noun + 's'}"


def figure(value: float) -> str:
    """Return a number in four digits, its power of ten as such."""
    if 1e4 <= abs(value) < 1e7:
        return count(int(float(f"{value:.4g}")))
    digits, _, exponent = f"{value:.4g}".partition("e")
    if not exponent:
        return digits
    power = f"10{str(int(exponent)).translate(_RAISED)}"
    return power if digits == "1" else f"{digits} × {power}"


def percent(share: float) -> str:
    """Return a share in whole percents."""
    return f"{100 * share:.0f}{_THIN}%"


def nbytes(size: int) -> str:
    """Return a number of bytes in decimal units."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= 0.9995 * scale:
            return f"{size / scale:.1f}{_THIN}{unit}"
    return f"{size}{_THIN}B"


def short(name: str) -> str:
    """Return a tensor's name; the end of a very long one, which tells more than its beginning."""
    shown = name or "the tensor"
    return shown if len(shown) <= _LONGEST_NAME else "…" + shown[1 - _LONGEST_NAME :]


@dataclass(frozen=True, slots=True)
class Told:
    """How one thing is told.

    Attributes
    ----------
    one
        The title where one tensor is concerned: takes its name and note.
    many
        The title where several are: takes how many.
    explanation
        The same for both.
    """

    severity: Severity
    rule: Rule
    one: Callable[[str, str], str]
    many: Callable[[int], str]
    explanation: str

    def of(self, tensors: Sequence[AuditTensor], found: Sequence[tuple[int, str]]) -> list[Finding]:
        """Return the finding about tensors, each with its note; none where there are none."""
        if not found:
            return []
        number, note = found[0]
        title = self.one(short(tensors[number].name), note) if len(found) == 1 else self.many(len(found))
        return [finding(self.severity, self.rule, found, title, self.explanation)]


def finding(severity: Severity, rule: Rule, found: Sequence[tuple[int, str]], title: str, explanation: str) -> Finding:
    """Return a finding about tensors, each with its note; of very many the first."""
    listed = found[:MAX_TENSORS]
    numbers, notes = tuple(number for number, _ in listed), tuple(note for _, note in listed)
    return Finding(severity, rule, numbers, title, explanation, notes, len(found) - len(listed))
