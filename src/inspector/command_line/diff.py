"""``inspector diff``: what differs between two checkpoints."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from inspector.command_line.arguments import Parser
from inspector.command_line.output import Page, print_json, progress
from inspector.command_line.processes import Processes
from inspector.command_line.state_dicts import choose_state_dict
from inspector.session import words
from inspector.session.comparison_state import ComparisonRow, ComparisonRows
from inspector.session.comparison_tables import Summaries, comparison_document
from inspector.session.comparison_words import change, cosine, max_abs

DESCRIPTION = "Say which tensors of two checkpoints differ, and by how much. Wrappers such as module. don't matter."


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.positional.add_argument("a", metavar="A", help="The checkpoint that is compared with: the one before.")
    parser.positional.add_argument("b", metavar="B", help="The other one: the one after.")
    for side in ("a", "b"):
        parser.options.add_argument(
            f"--state-dict-{side}", metavar="PATH", help=f"Which state_dict of {side.upper()}, as show lists it."
        )
    parser.add_json()


def run(arguments: argparse.Namespace) -> int:
    """Compare both and print what differs."""
    with Processes() as processes, progress(f"Reading {arguments.a}") as update:
        sides = []
        for file, path in ((arguments.a, arguments.state_dict_a), (arguments.b, arguments.state_dict_b)):
            update(None, f"Reading {file}")
            summary = processes.read(file)
            has_model = summary.model is not None or path is not None
            sides.append((summary, choose_state_dict(summary, file, path) if has_model else None))
        told = processes.compare(sides[0], sides[1], lambda share: update(share, f"Comparing with {arguments.b}"))
    sentence, rows = told
    summaries = sides[0][0], sides[1][0]
    if arguments.json:
        print_json(document(rows, summaries, sentence))
    else:
        _print_page(rows, summaries, sentence, (arguments.a, arguments.b))
    return 0


def document(rows: ComparisonRows, summaries: Summaries, sentence: str) -> dict[str, Any]:
    """Return the JSON document about a comparison."""
    head, lists = comparison_document(rows, summaries, sentence, range(len(rows)))
    return {**{key: list(items) for key, items in lists.items()}, **head}


def _rows(rows: ComparisonRows) -> Iterator[ComparisonRow]:
    return map(rows.row, range(len(rows)))


def _print_page(rows: ComparisonRows, summaries: Summaries, sentence: str, files: tuple[str, str]) -> None:
    page = Page()
    page.line(sentence, "bold")
    for side, file, summary in zip("AB", files, summaries, strict=True):
        page.line(f"{side}: {file}, {words.size(summary.size)}")
    page.line(_counts(rows))
    of_kind: dict[str, list[ComparisonRow]] = {kind: [] for kind in rows.counts}
    for row in _rows(rows):
        of_kind[row.kind].append(row)
    _print_changed(page, of_kind["changed"], summaries)
    a, b = summaries
    if of_kind["shape"]:
        page.heading("Another shape")
        shapes = [
            (row.name, words.shape_text(a.shape(row.tensor_a)), words.shape_text(b.shape(row.tensor_b)))
            for row in of_kind["shape"]
        ]
        page.table(("Name", "A", "B"), shapes)
    if of_kind["unread"]:
        page.heading("Not compared")
        page.table(("Name", ""), [(row.name, row.problem) for row in of_kind["unread"]])
    for kind, summary, title in (("only_a", a, "Only in A"), ("only_b", b, "Only in B")):
        if of_kind[kind]:
            page.heading(title)
            tensors = [(row.name, max(row.tensor_a, row.tensor_b)) for row in of_kind[kind]]
            table = [(name, words.shape_text(summary.shape(t)), summary.dtype(t)) for name, t in tensors]
            page.table(("Name", "Shape", "Dtype"), table)


def _print_changed(page: Page, changed: list[ComparisonRow], summaries: Summaries) -> None:
    if not changed:
        return
    page.heading("Changed, the most first")
    rows = []
    for row in changed:
        dtypes = summaries[0].dtype(row.tensor_a), summaries[1].dtype(row.tensor_b)
        notes = [f"{dtypes[0]} → {dtypes[1]}"] if dtypes[0] != dtypes[1] else []
        if row.rounded:
            notes.append("rounded")
        if row.not_finite:
            notes.append(f"{words.plural(row.not_finite, 'value')} NaN or Inf in one alone")
        rows.append((row.name, max_abs(row), change(row), cosine(row), ", ".join(notes)))
    page.table(("Name", "Max abs", "Relative L2", "Cosine", ""), rows, right=(1, 2, 3))


def _counts(rows: ComparisonRows) -> str:
    counts = rows.counts
    told = [
        (counts["changed"], "changed"),
        (counts["shape"], "of another shape"),
        (counts["unread"], "not compared"),
        (counts["only_a"], "only in A"),
        (counts["only_b"], "only in B"),
        (counts["equal"], "equal"),
    ]
    found = [f"{words.number(count)} {what}" for count, what in told if count]
    return f"{words.plural(len(rows), 'tensor')}: {', '.join(found)}." if found else "No tensors."
