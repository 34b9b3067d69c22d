"""Asking where to put what a person takes away from a checkpoint, and having it written there."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence

from PySide6.QtWidgets import QWidget

from inspector.findings import Finding
from inspector.gui import file_dialogs
from inspector.session import Session, words
from inspector.session.comparison_tables import comparison_csv, comparison_json
from inspector.session.figure_tables import figures_csv, figures_json, findings_csv, findings_json
from inspector.session.state import OpenCheckpoint

Make = Callable[[], Iterator[str]]


def save_figures(parent: QWidget, session: Session, number: int, tensors: Sequence[int]) -> None:
    """Ask for a file, and write the figures of tensors to it, as CSV or JSON."""
    found = session.store.checkpoints.get(number)
    if found is None or (summary := found.summary) is None:
        return
    figures = found.survey.figures if found.survey is not None else None
    rows = array("i", tensors)  # as they are shown now
    _save_table(
        parent,
        session,
        found,
        "statistics",
        lambda: figures_csv(summary, figures, rows),
        lambda: figures_json(found.name, summary, figures, rows),
        f"The figures of {words.plural(len(rows), 'tensor')} are",
    )


def save_findings(parent: QWidget, session: Session, number: int, findings: Sequence[Finding]) -> None:
    """Ask for a file, and write findings of an audit to it, as CSV or JSON."""
    found = session.store.checkpoints.get(number)
    if found is None or (summary := found.summary) is None:
        return
    told = tuple(findings)
    _save_table(
        parent,
        session,
        found,
        "audit",
        lambda: findings_csv(summary, told),
        lambda: findings_json(found.name, summary, told),
        f"{words.plural(len(told), 'finding')} {'is' if len(told) == 1 else 'are'}",
    )


def save_comparison(parent: QWidget, session: Session, numbers: Sequence[int]) -> None:
    """Ask for a file, and write rows of the comparison of two checkpoints to it, as CSV or JSON."""
    told = session.store.checkpoint_comparison
    if told is None or told.phase != "ready":
        return
    a, b = (session.store.checkpoints[number] for number in (told.a, told.b))
    if a.summary is None or b.summary is None:
        return
    summaries, rows = (a.summary, b.summary), array("i", numbers)  # as they are shown now
    _save_table(
        parent,
        session,
        b,
        "comparison",
        lambda: comparison_csv(told.rows, summaries, rows),
        lambda: comparison_json(told.rows, summaries, told.sentence, rows),
        f"{words.plural(len(rows), 'row')} of the comparison {'is' if len(rows) == 1 else 'are'}",
    )


def _save_table(
    parent: QWidget, session: Session, found: OpenCheckpoint, what: str, csv: Make, json: Make, subject: str
) -> None:
    """Ask for a file, and write one of two forms to it."""
    assert found.summary is not None
    out = file_dialogs.ask_for_figures(parent, str(found.path.parent / f"{words.root_name(found.summary)}-{what}"))
    if out is not None:
        pieces = json() if out.suffix.lower() == ".json" else csv()
        session.exporting.write(out, pieces, f"{subject} in {out.name}.")


def save_report(parent: QWidget, session: Session, number: int) -> None:
    """Ask for a file, and write a report about an open checkpoint to it."""
    found = session.store.checkpoints.get(number)
    if found is None or found.summary is None:
        return
    suggested = str(found.path.parent / f"{words.root_name(found.summary)}-report.html")
    out, replace = file_dialogs.ask_for_file(parent, "Save a report", suggested, "Pages (*.html)", ".html")
    if out is not None:
        session.save_report(number, out, force=replace)


def save_arrays(parent: QWidget, session: Session, number: int, tensors: Sequence[int]) -> None:
    """Ask for a file, and write tensors to it: one as ``.npy``, several as ``.npz``."""
    found = session.store.checkpoints.get(number)
    if found is None or found.summary is None or not tensors:
        return
    suffix = ".npy" if len(tensors) == 1 else ".npz"
    called = words.root_name(found.summary)
    if len(tensors) == 1 and found.summary.names[tensors[0]]:
        called = file_dialogs.as_file_name(found.summary.names[tensors[0]])
    title = "Save the tensor" if len(tensors) == 1 else f"Save {words.plural(len(tensors), 'tensor')}"
    suggested = str(found.path.parent / f"{called}{suffix}")
    kind = f"{'NumPy array' if suffix == '.npy' else 'NumPy arrays'} (*{suffix})"
    out, replace = file_dialogs.ask_for_file(parent, title, suggested, kind, suffix)
    if out is not None:
        session.save_arrays(number, tensors, out, force=replace)
