"""The readable page of ``inspector predict``: a table that suits the task."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.command_line.output import Page
from inspector.command_line.prediction_request import Outcome
from inspector.export.predictions import ImageResult, Predicted
from inspector.session import words
from inspector.session.prediction_words import OBJECTS, SEGMENTATION
from inspector.session.sources import FLOW
from inspector.session.trust_offer import ASSUMED_PREPROCESSING


def print_page(outcome: Outcome) -> None:
    """Print what came of a run."""
    page = Page()
    own = ", run as it is," if outcome.trusted else ""
    page.line(f"{outcome.architecture}{own} on {outcome.device_description}, {outcome.eval_sentence}.", "bold")
    if outcome.labels_from and outcome.task != FLOW:
        page.line(f"{outcome.labels_from[:1].upper()}{outcome.labels_from[1:]}.")
    if outcome.preprocessing_is_assumed:
        page.line(f"{ASSUMED_PREPROCESSING}.")
    if outcome.changes:
        page.line(outcome.changes)
    page.line()
    done = [result for result in outcome.results if result.error is None]
    if outcome.task == FLOW:
        page.table(("Image", "Motion to the next", "Time"), [(r.image, r.note, _time(r)) for r in done], right=(2,))
    else:
        _print_rows(page, outcome.task, done)
    if outcome.accuracy is not None:
        page.line()
        page.line(_accuracy(outcome))
    failed = [(result.image, result.error) for result in outcome.results if result.error is not None]
    if failed:
        page.heading("Not predicted")
        page.table(("Image", "Reason"), failed)


def _print_rows(page: Page, task: str, done: Sequence[ImageResult]) -> None:
    kind, headers = "Prediction", ["Score"]
    right: tuple[int, ...] = (2, 3)
    if task == SEGMENTATION:
        kind, headers, right = "Class", ["Area", "Score"], (2, 3, 4)
    elif task in OBJECTS:
        kind, headers, right = "Object", ["Score", "Box"], (2, 4)
    rows = []
    for result in done:
        for rank, row in enumerate(result.predictions):
            first = rank == 0
            cells = _cells(task, row)
            rows.append((result.image if first else "", row.label, *cells, _time(result) if first else ""))
        if not result.predictions:
            nothing = "nothing found" if task in OBJECTS else ""
            rows.append((result.image, nothing, *("" for _ in headers), _time(result)))
    page.table(("Image", kind, *headers, "Time"), rows, right=right)
    notes = [(result.image, result.note) for result in done if result.note]
    if notes:
        page.heading("Notes")
        page.table(("Image", "Note"), notes)


def _cells(task: str, row: Predicted) -> tuple[str, ...]:
    score = words.percent(row.score)
    if task == SEGMENTATION:
        return (words.percent(row.area or 0.0), score)
    if task in OBJECTS:
        return (score, ", ".join(f"{value:.0f}" for value in row.box) if row.box is not None else "")
    return (score,)


def _accuracy(outcome: Outcome) -> str:
    counts = outcome.accuracy
    assert counts is not None
    known = words.plural(counts["known"], "image")
    told = f"Right for {counts['right']:,} of {known} whose class is known ({_share(counts['right'], counts['known'])})"
    if counts["top"] < 2:
        return f"{told}."
    return f"{told}; among the first {counts['top']} for {counts['among']:,}."


def _share(part: int, whole: int) -> str:
    return words.percent(part / whole)


def _time(result: ImageResult) -> str:
    return words.duration(result.milliseconds or 0.0)
