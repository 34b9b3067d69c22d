"""The match report as rows: each key of the architecture, and each of the file that it has no place for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from inspector.checkpoint.summary import CheckpointSummary
from inspector.session import words
from inspector.session.match_state import MatchReport

Mark = Literal["mismatched", "missing", "unexpected", "matched"]

#: In the order of the rows: what asks for a decision first.
MARKS: tuple[Mark, ...] = ("mismatched", "missing", "unexpected", "matched")

MARK_WORDS: dict[Mark, str] = {
    "mismatched": "Other shape",
    "missing": "Missing",
    "unexpected": "Unexpected",
    "matched": "Fits",
}

HEADER = ("Match", "Architecture's key", "File's key", "Expected", "Found", "What to do")

_MISSING = "Not in the file. It stays untrained."
_UNEXPECTED = "No place for it. It is left out."


class MatchRow(NamedTuple):
    """One key. ``key``, ``expected`` are the architecture's, ``source``, ``found`` the file's; empty where none."""

    mark: Mark
    key: str
    source: str
    expected: str
    found: str
    advice: str

    @property
    def texts(self) -> tuple[str, ...]:
        """What its cells show."""
        return (MARK_WORDS[self.mark], *self[1:])


def rows_of(summary: CheckpointSummary, report: MatchReport) -> list[MatchRow]:
    """Return every row, what does not fit first."""
    shapes = {key: expected for key, expected, _ in report.mismatched}
    rows: dict[str, list[MatchRow]] = {mark: [] for mark in MARKS}
    for key, shape in zip(report.missing, report.missing_shapes, strict=True):
        rows["missing"].append(MatchRow("missing", key, "", words.shape_text(shape), "", _MISSING))
    for tensor, mark in report.marks.items():
        key, source = report.targets.get(tensor, ""), summary.key(tensor) or words.NO_NAME
        found = words.shape_text(summary.shape(tensor))
        if mark == "matched":
            rows[mark].append(MatchRow("matched", key, source, found, found, ""))
        elif mark == "mismatched":
            expected = words.shape_text(shapes[key])
            rows[mark].append(MatchRow("mismatched", key, source, expected, found, report.ways_out.get(key, "")))
        else:
            rows["unexpected"].append(MatchRow("unexpected", "", source, "", found, _UNEXPECTED))
    return [row for mark in MARKS for row in rows[mark]]


def counts(rows: Sequence[MatchRow]) -> dict[Mark, int]:
    """Return how many rows there are of each kind."""
    return {mark: sum(row.mark == mark for row in rows) for mark in MARKS}
