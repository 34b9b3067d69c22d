"""``inspector stats``: the figures of a checkpoint's tensors, all of them or those that are named."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase

from inspector.checkpoint.summary import CheckpointSummary
from inspector.command_line.arguments import Parser
from inspector.command_line.output import Page, print_json_list, progress
from inspector.command_line.problems import CommandError
from inspector.command_line.processes import Processes
from inspector.session import words
from inspector.session.figure_tables import INTEGERS, exact_number, figures_entry
from inspector.session.survey_state import UNREADABLE, SurveyFigures
from inspector.survey_rows import coarser

DESCRIPTION = (
    "Reckon figures and histograms of a checkpoint's tensors: exact, in float64, of every element. NaN and Inf are "
    "counted and left out of the rest; std is the population's."
)

_BARS = "▁▂▃▄▅▆▇█"
_PICTURE_BINS = 16
# Names are compared with what was typed, to guess what was meant, among so many at the most.
_COMPARED = 20_000


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.add_file()
    parser.positional.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        default=[],  # else argparse calls it required where FILE is left out
        help="Tensors, or patterns such as 'layer1.*.weight'; all where none is given.",
    )
    parser.add_json()


def run(arguments: argparse.Namespace) -> int:
    """Reckon the figures and print them."""
    with Processes() as processes, progress(f"Reading {arguments.file}") as update:
        summary = processes.read(arguments.file)
        tensors = chosen_tensors(summary, arguments.file, arguments.names)
        figures = processes.survey(summary, tensors, lambda share: update(share, f"Reckoning {arguments.file}"))
    if arguments.json:
        entries = (figures_entry(summary, tensor, figures, row) for row, tensor in enumerate(tensors))
        head = {"file": arguments.file, "complete": summary.complete}
        print_json_list(head, "tensors", entries)
    else:
        _print_page(summary, tensors, figures)
    return 0


def chosen_tensors(summary: CheckpointSummary, file: str, names: Sequence[str]) -> list[int]:
    """Return the tensors that are called so, or whose names fit a pattern, in the file's order.

    Raises
    ------
    CommandError
        A name or a pattern fits none.
    """
    if not names:
        return list(range(len(summary)))
    by_name: dict[str, list[int]] = {}
    for tensor, known in enumerate(summary.names):
        by_name.setdefault(known, []).append(tensor)
    chosen: set[int] = set()
    for name in names:
        found = by_name.get(name) or [
            tensor for known, tensors in by_name.items() if fnmatchcase(known, name) for tensor in tensors
        ]
        if not found:
            raise CommandError(f"{file} holds no tensor called {name!r}.", _guess(name, list(by_name)))
        chosen.update(found)
    return sorted(chosen)


def _guess(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names[:_COMPARED], n=1)
    return f"Did you mean {near[0]!r}?" if near else "inspector show lists what it holds."


def _print_page(summary: CheckpointSummary, tensors: Sequence[int], figures: SurveyFigures) -> None:
    page = Page()
    if not tensors:
        page.line("It holds no tensors.")
        return
    draws = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    headers = ["Name", "Shape", "Dtype", "Min", "Max", "Mean", "Std", "Norm", "Zeros", "NaN", "Inf", "Dead", "Equal"]
    rows = []
    for row, tensor in enumerate(tensors):
        known = figures.known[row] != UNREADABLE
        cells = _cells(summary, tensor, figures, row) if known else ["–"] * 10
        what = [words.tensor_name(summary, tensor), words.shape_text(summary.shape(tensor)), summary.dtype(tensor)]
        last = _picture(figures.row_counts(row)) if known and draws else figures.problem.get(row, "")
        rows.append([*what, *cells, last])
    page.table([*headers, "Distribution" if draws else ""], rows, right=range(3, 13))
    page.line()
    page.line("Dead: slices along the first dimension of zeros alone. Equal: others that equal an earlier one.", "dim")


def _cells(summary: CheckpointSummary, tensor: int, figures: SurveyFigures, row: int) -> list[str]:
    whole = summary.dtype(tensor).startswith(INTEGERS)
    tallies = (figures.zeros, figures.nan, figures.inf, figures.dead, figures.duplicates)
    return [
        words.figure(exact_number(figures.minimum[row], whole=whole)),
        words.figure(exact_number(figures.maximum[row], whole=whole)),
        *(words.figure(exact_number(column[row])) for column in (figures.mean, figures.std, figures.norm)),
        *(words.number(tally[row]) for tally in tallies),
    ]


def _picture(counts: Sequence[int]) -> str:
    """Draw a histogram as a line of small bars; a bin with anything in it shows."""
    sums = coarser(counts, _PICTURE_BINS)
    most = max(sums)
    if not most:
        return ""
    return "".join(_BARS[min(len(_BARS) * count // most, len(_BARS) - 1)] if count else " " for count in sums)
