"""``inspector report``: all about a checkpoint as one page of HTML that needs nothing else."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from inspector.checkpoint.text import clean_name
from inspector.command_line.arguments import Parser
from inspector.command_line.output import Page, print_json, progress
from inspector.command_line.problems import UsageError
from inspector.command_line.processes import Processes
from inspector.command_line.state_dicts import choose_state_dict
from inspector.export.report_content import REPORT_SUFFIXES
from inspector.session.taking_away import report_request, report_sentence

DESCRIPTION = (
    "Write a report about a checkpoint: one page of HTML with the verdict, the audit, every tensor's figures and "
    "pictures of the weights. It runs nothing and loads nothing."
)


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.add_file()
    parser.positional.add_argument("out", metavar="OUT", help="The report: a name that ends in .html.")
    parser.add_state_dict()
    parser.options.add_argument("--force", action="store_true", help="Replace OUT if it is there already.")
    parser.add_json()


def run(arguments: argparse.Namespace) -> int:
    """Write the report and say what was written."""
    out = Path(os.path.abspath(arguments.out))
    if out.suffix.lower() not in REPORT_SUFFIXES:
        raise UsageError(f"report: {clean_name(out.name)} is no name of a page.", "Let OUT end in .html.")
    with Processes() as processes, progress(f"Reading {arguments.file}") as update:
        summary = processes.read(arguments.file)
        has_model = summary.model is not None or arguments.state_dict is not None
        chosen = choose_state_dict(summary, arguments.file, arguments.state_dict) if has_model else None
        made = processes.write_file(
            "report",
            report_request(summary, chosen),
            out,
            force=arguments.force,
            progress=lambda share: update(share, f"Writing {arguments.out}"),
        )
    if arguments.json:
        print_json({"file": arguments.file, "report": arguments.out, **made})
    else:
        Page().line(report_sentence(out, made))
    return 0
