"""``inspector show``: what a checkpoint is, and what it holds."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.command_line.arguments import Parser
from inspector.command_line.output import Page, print_json, progress
from inspector.command_line.processes import Processes
from inspector.session import words
from inspector.session.headlines import verdict_sentence
from inspector.session.plain_values import value_rows

DESCRIPTION = "Say what a checkpoint is and what it holds. Nothing in it is run."

_SAFETY_STYLES = {"safe": "green", "needs_trust": "yellow", "dangerous": "bold red"}


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.add_file()
    parser.add_json()


def run(arguments: argparse.Namespace) -> int:
    """Read the checkpoint and print what it is."""
    with Processes() as processes, progress(f"Reading {arguments.file}"):
        summary = processes.read(arguments.file)
    if arguments.json:
        print_json(document(arguments.file, summary))
    else:
        _print_page(summary)
    return 0


def document(file: str, summary: CheckpointSummary) -> dict[str, Any]:
    """Return the JSON document about a checkpoint, as the person named the file."""
    model = summary.state_dicts[summary.model] if summary.model is not None else None
    return {
        "file": file,
        "bytes": summary.size,
        "container": summary.container,
        "kind": summary.kind,
        "class": summary.class_name,
        "complete": summary.complete,
        "state_dicts": [
            {
                "path": found.path,
                "role": found.role,
                "wrapper": found.wrapper,
                "parameters": found.parameters,
                "buffers": found.buffers,
                "tensors": found.tensors,
            }
            for found in summary.state_dicts
        ],
        "parameters": model.parameters if model is not None else 0,
        "buffers": model.buffers if model is not None else 0,
        "tensors": [_tensor(summary, tensor) for tensor in range(len(summary))],
        "metadata": summary.metadata,
        "embedded": asdict(summary.embedded),
        "globals": [{"name": name, "verdict": verdict} for name, verdict in summary.globals],
        "safety": summary.safety,
        "native_code": list(summary.native_code),
        "warnings": list(summary.warnings),
        "sources": [{"name": name, "file": file, "text": text} for name, file, text in summary.sources],
    }


#: Lines of code that a page may hold: a class or two that an old file carries, not the whole of a program.
_MAX_SOURCE_LINES = 300


def _tensor(summary: CheckpointSummary, tensor: int) -> dict[str, Any]:
    shared, parameter = summary.shared[tensor], summary.moments[tensor]
    return {
        "name": summary.names[tensor],
        "shape": list(summary.shape(tensor)),
        "dtype": summary.dtype(tensor),
        "layout": summary.layout(tensor),
        "numel": summary.numel(tensor),
        "bytes": summary.tensor_nbytes(tensor),
        "role": summary.role(tensor),
        "shared_with": summary.names[shared] if shared >= 0 else None,
        "parameter": summary.names[parameter] if parameter >= 0 else None,
        "quantization": _quantization(summary, tensor),
        "problem": summary.problems[tensor] or None,
    }


def _quantization(summary: CheckpointSummary, tensor: int) -> dict[str, Any] | None:
    """Return how its integers stand for numbers; along an axis there is one of each for every index, not read here."""
    how = summary.quantization(tensor)
    if how is None:
        return None
    along = how.axis >= 0
    return {
        "scheme": summary.quantization_scheme(tensor),
        "scale": None if along else how.scale,
        "zero_point": None if along else how.zero_point,
        "axis": how.axis if along else None,
    }


def _print_page(summary: CheckpointSummary) -> None:
    page = Page()
    page.line(f"{verdict_sentence(summary)}.", "bold")
    page.line(words.safety_explanation(summary), _SAFETY_STYLES[summary.safety])
    for warning in summary.warnings:
        page.line(f"Warning: {warning}", "yellow")
    page.line(f"{summary.path}, {words.size(summary.size)}")
    if summary.embedded.description:
        page.line(summary.embedded.description)
    _print_state_dicts(page, summary)
    _print_tensors(page, summary)
    if summary.metadata:
        page.heading("Metadata")
        page.table(("Key", "Value"), list(value_rows(summary.metadata)))
    _print_sources(page, summary)
    if summary.safety != "safe":
        page.heading("Functions and classes that the file names" + ("" if summary.complete else ", at least"))
        named = words.global_names(summary)
        page.table(("Name", "Meaning"), [(name, words.VERDICT_WORDS[found]) for name, found in named])


def _print_sources(page: Page, summary: CheckpointSummary) -> None:
    if not summary.sources:
        return
    page.heading("Code in the file, as text; none of it is run")
    counts = [text.count("\n") + 1 for _, _, text in summary.sources]
    rows = [(name, file, words.number(lines)) for (name, file, _), lines in zip(summary.sources, counts, strict=True)]
    page.table(("Of", "File", "Lines"), rows, right=(2,))
    if sum(counts) > _MAX_SOURCE_LINES:
        page.line("Read it in the window, or with --json.")
        return
    for name, file, text in summary.sources:
        page.heading(f"{name}, from {file}")
        for line in text.splitlines():
            page.line(line.expandtabs(4))


def _print_state_dicts(page: Page, summary: CheckpointSummary) -> None:
    if not summary.state_dicts:
        return
    page.heading("state_dicts")
    page.table(
        ("Path", "Role", "Wrapper", "Parameters", "Buffers", "Tensors"), words.state_dict_rows(summary), right=(3, 4, 5)
    )


def _print_tensors(page: Page, summary: CheckpointSummary) -> None:
    if not len(summary):
        return
    page.heading("Tensors")
    rows = []
    for tensor in range(len(summary)):
        shared = summary.shared[tensor]
        notes = [f"shared with {summary.names[shared]}"] if shared >= 0 else []
        if summary.moments[tensor] >= 0:
            notes.append(summary.names[tensor])  # it is called by its parameter
        form = words.form(summary, tensor)
        has_numbers = summary.layout(tensor) not in ("meta", "device")  # its form says that already
        note = "; ".join(filter(None, [*notes, form, summary.problems[tensor] if has_numbers else ""]))
        rows.append(
            (
                words.tensor_name(summary, tensor),
                words.shape_text(summary.shape(tensor)),
                summary.dtype(tensor),
                words.number(summary.numel(tensor)),
                words.size(summary.tensor_nbytes(tensor)),
                summary.role(tensor),
                note,
            )
        )
    page.table(("Name", "Shape", "Dtype", "Elements", "Size", "Role", ""), rows, right=(3, 4))
