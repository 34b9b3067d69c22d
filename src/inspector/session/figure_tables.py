"""The figures of a survey, and the findings of its audit, as CSV and as JSON, in pieces for a loop that has turns.

The JSON is that of ``inspector stats`` (``docs/json.md``), with as many bins as the survey keeps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.export.tables import csv_text
from inspector.findings import Finding
from inspector.session.survey_state import KNOWN, SurveyFigures

#: Tensors written in one turn of the loop: a few milliseconds.
_SLICE = 64

_FIGURES = ("min", "max", "mean", "std", "norm", "zeros", "nan", "inf", "dead", "duplicates", "histogram")
_HEADER = ("name", "shape", "dtype", *_FIGURES[:-1], "problem")
#: How the names of integers begin.
INTEGERS = ("int", "uint", "bool", "bits")
_FINDING_HEADER = ("severity", "rule", "title", "tensor", "note", "explanation")


def figures_csv(summary: CheckpointSummary, figures: SurveyFigures | None, tensors: Sequence[int]) -> Iterator[str]:
    """Yield tensors with their figures as CSV, a row each; what is not known is empty."""

    def rows(some: Sequence[int]) -> Iterator[Sequence[object]]:
        for tensor in some:
            entry = figures_entry(summary, tensor, figures, tensor)
            told = ["" if entry[key] is None else entry[key] for key in _HEADER[3:]]
            yield (entry["name"], "x".join(map(str, summary.shape(tensor))), summary.dtype(tensor), *told)

    yield csv_text(_HEADER, ())
    for some in slices(tensors):
        yield csv_text((), rows(some)).removeprefix("\n")


def figures_json(
    file: str, summary: CheckpointSummary, figures: SurveyFigures | None, tensors: Sequence[int]
) -> Iterator[str]:
    """Yield tensors with their figures as one JSON document; NaN is null."""
    head = {"file": file, "complete": summary.complete}
    entries = (figures_entry(summary, tensor, figures, tensor) for tensor in tensors)
    return document_pieces(head, {"tensors": entries})


def findings_csv(summary: CheckpointSummary, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield findings as CSV, a row for each tensor of each."""

    def rows(finding: Finding) -> Iterator[Sequence[object]]:
        for tensor, note in zip(finding.tensors, finding.notes or [""] * len(finding.tensors), strict=True):
            yield (
                finding.severity, finding.rule, finding.title, summary.names[tensor], note, finding.explanation,
            )  # fmt: skip

    yield csv_text(_FINDING_HEADER, ())
    for finding in findings:
        yield csv_text((), rows(finding)).removeprefix("\n")


def findings_json(file: str, summary: CheckpointSummary, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield findings as one JSON document."""
    entries = (
        {
            "severity": finding.severity,
            "rule": finding.rule,
            "title": finding.title,
            "explanation": finding.explanation,
            "tensors": [summary.names[tensor] for tensor in finding.tensors],
            "notes": list(finding.notes),
        }
        for finding in findings
    )
    return document_pieces({"file": file, "complete": summary.complete}, {"findings": entries})


def slices(tensors: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield as many at a time as are written in one turn of the loop."""
    for first in range(0, len(tensors), _SLICE):
        yield tensors[first : first + _SLICE]


def document_pieces(head: dict[str, Any], lists: Mapping[str, Iterator[Any]]) -> Iterator[str]:
    """Yield one JSON document in pieces: keys with values, then keys with lists, whose items take a line each."""
    yield _json(head)[:-1]
    for key, items in lists.items():
        lines, comma = f', "{key}": [', "\n"
        for place, item in enumerate(items, 1):
            lines += comma + _json(item)
            comma = ",\n"
            if place % _SLICE == 0:
                yield lines
                lines = ""
        yield f"{lines}\n]"
    yield "}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def figures_entry(summary: CheckpointSummary, tensor: int, figures: SurveyFigures | None, row: int) -> dict[str, Any]:
    """Return what is known of a tensor as ``inspector stats`` tells it, from a row of figures."""
    is_known = figures is not None and figures.known[row] == KNOWN
    entry: dict[str, Any] = {"name": summary.names[tensor], **dict.fromkeys(_FIGURES)}
    if figures is not None and is_known:
        whole = summary.dtype(tensor).startswith(INTEGERS)
        extremes = (exact_number(column[row], whole=whole) for column in (figures.minimum, figures.maximum))
        middle = (exact_number(column[row]) for column in (figures.mean, figures.std, figures.norm))
        tallies = (figures.zeros, figures.nan, figures.inf, figures.dead, figures.duplicates)
        told = (*extremes, *middle, *(tally[row] for tally in tallies), _histogram(figures, row))
        entry |= dict(zip(_FIGURES, told, strict=True))
    entry["problem"] = figures.problem.get(row) if figures is not None else None
    return entry


def exact_number(value: float, *, whole: bool = False) -> float | int | None:
    """Return a figure, None for NaN and infinity; a whole number where it is an integer's."""
    if not math.isfinite(value):
        return None
    return int(value) if whole else value


def _histogram(figures: SurveyFigures, row: int) -> dict[str, Any]:
    """Return the bins; the last edge is exact, as the first is."""
    low, high, bins = figures.low[row], figures.high[row], figures.bins
    step = high / bins - low / bins
    return {"edges": [*(low + place * step for place in range(bins)), high], "counts": list(figures.row_counts(row))}
