"""A comparison of two checkpoints as CSV and as JSON, the latter as ``inspector diff`` prints it (``docs/json.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.export.tables import csv_text
from inspector.session.comparison_state import ComparisonRow, ComparisonRows
from inspector.session.figure_tables import document_pieces, exact_number, slices

Summaries = tuple[CheckpointSummary, CheckpointSummary]

_HEADER = (
    "name", "what", "max_abs", "relative_l2", "cosine", "not_finite", "rounded", "shape_a", "shape_b", "dtype_a",
    "dtype_b", "problem",
)  # fmt: skip


def comparison_document(
    rows: ComparisonRows, summaries: Summaries, sentence: str, numbers: Sequence[int]
) -> tuple[dict[str, Any], dict[str, Iterator[Any]]]:
    """Return what is said of some rows: keys with values, and keys with the items of lists.

    Parameters
    ----------
    numbers
        Which rows, in their order.
    """
    of_kind: dict[str, list[int]] = {kind: [] for kind in rows.counts}
    for number in numbers:
        of_kind[rows.kind(number)].append(number)
    found = {kind: map(rows.row, some) for kind, some in of_kind.items()}
    lists: dict[str, Iterator[Any]] = {
        "only_in_a": (row.name for row in found["only_a"]),
        "only_in_b": (row.name for row in found["only_b"]),
        "shape_changed": (_shapes(row, summaries) for row in found["shape"]),
        "changed": map(_changes, found["changed"]),
        "not_compared": ({"name": row.name, "problem": row.problem} for row in found["unread"]),
    }
    return {"equal": len(of_kind["equal"]), "sentence": sentence}, lists


def comparison_json(rows: ComparisonRows, summaries: Summaries, sentence: str, numbers: Sequence[int]) -> Iterator[str]:
    """Yield `comparison_document` as JSON."""
    yield from document_pieces(*comparison_document(rows, summaries, sentence, numbers))


def comparison_csv(rows: ComparisonRows, summaries: Summaries, numbers: Sequence[int]) -> Iterator[str]:
    """Yield rows as CSV."""
    yield csv_text(_HEADER, ())
    for some in slices(numbers):
        yield csv_text((), (_fields(rows.row(number), summaries) for number in some)).removeprefix("\n")


def _shapes(row: ComparisonRow, summaries: Summaries) -> dict[str, Any]:
    a, b = summaries
    return {"name": row.name, "a": list(a.shape(row.tensor_a)), "b": list(b.shape(row.tensor_b))}


def _changes(row: ComparisonRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "max_abs": exact_number(row.max_abs),
        "relative_l2": exact_number(row.relative_l2),
        "cosine": exact_number(row.cosine),
        "not_finite": row.not_finite,
        "rounded": row.rounded,
    }


def _fields(row: ComparisonRow, summaries: Summaries) -> list[object]:
    sides = list(zip(summaries, (row.tensor_a, row.tensor_b), strict=True))
    shapes = ["x".join(map(str, one.shape(tensor))) if tensor >= 0 else "" for one, tensor in sides]
    dtypes = [one.dtype(tensor) if tensor >= 0 else "" for one, tensor in sides]
    changes = list(_changes(row).values())[1:] if row.kind == "changed" else [None] * 5
    return [row.name, row.kind, *("" if value is None else value for value in changes), *shapes, *dtypes, row.problem]
