"""The figures of a survey, and the findings of its audit, as CSV and as JSON, in pieces for a loop that has turns.

The JSON is that of ``inspector stats`` (``docs/json.md``), with as many bins as the survey keeps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.export.tables import csv_text
from inspector.findings import Finding
from inspector.session.survey_state import KNOWN, SurveyFigures

#: Tensors written in one turn of the loop: a few milliseconds.
_SLICE = 64

_HEADER = (
    "name", "shape", "dtype", "min", "max", "mean", "std", "norm", "zeros", "nan", "inf", "dead", "duplicates",
    "problem",
)  # fmt: skip
_FINDING_HEADER = ("severity", "rule", "title", "tensor", "note", "explanation")


def figures_csv(summary: CheckpointSummary, figures: SurveyFigures | None, tensors: Sequence[int]) -> Iterator[str]:
    """Yield tensors with their figures as CSV, a row each; what is not known is empty."""

    def rows(some: Sequence[int]) -> Iterator[Sequence[object]]:
        for tensor in some:
            entry = _entry(summary, figures, tensor)
            told = ["" if entry[key] is None else entry[key] for key in _HEADER[3:]]
            yield (entry["name"], "x".join(map(str, summary.shape(tensor))), summary.dtype(tensor), *told)

    yield csv_text(_HEADER, ())
    for some in _slices(tensors):
        yield csv_text((), rows(some)).removeprefix("\n")


def figures_json(
    file: str, summary: CheckpointSummary, figures: SurveyFigures | None, tensors: Sequence[int]
) -> Iterator[str]:
    """Yield tensors with their figures as one JSON document; NaN is null."""
    return _document(file, "tensors", (_entry(summary, figures, tensor) for tensor in tensors))


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
    return _document(file, "findings", entries)


def _slices(tensors: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(tensors), _SLICE):
        yield tensors[first : first + _SLICE]


def _document(file: str, key: str, entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f'{{"file": {_json(file)}, "{key}": ['
    comma, lines = "\n", ""
    for place, entry in enumerate(entries, 1):
        lines += comma + _json(entry)
        comma = ",\n"
        if place % _SLICE == 0:
            yield lines
            lines = ""
    yield f"{lines}\n]}}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _entry(summary: CheckpointSummary, figures: SurveyFigures | None, tensor: int) -> dict[str, Any]:
    """Return what is known of a tensor, as ``inspector stats`` tells it."""
    told: dict[str, Any] = dict.fromkeys(("min", "max", "mean", "std", "norm", "zeros", "nan", "inf", "histogram"))
    told |= {"dead": None, "duplicates": None}
    if figures is not None and figures.known[tensor] == KNOWN:
        columns = (figures.minimum, figures.maximum, figures.mean, figures.std, figures.norm)
        told |= {key: _finite(column[tensor]) for key, column in zip(told, columns, strict=False)}
        told |= {"zeros": figures.zeros[tensor], "nan": figures.nan[tensor], "inf": figures.inf[tensor]}
        told |= {"dead": figures.dead[tensor], "duplicates": figures.duplicates[tensor]}
        told["histogram"] = _histogram(figures, tensor)
    problem = figures.problem.get(tensor) if figures is not None else None
    return {"name": summary.names[tensor], **told, "problem": problem}


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def _histogram(figures: SurveyFigures, tensor: int) -> dict[str, Any] | None:
    low, high, bins = figures.low[tensor], figures.high[tensor], figures.bins
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    step = high / bins - low / bins
    edges = [low + step * place for place in range(bins)] + [high]
    return {"edges": edges, "counts": list(figures.row_counts(tensor))}
