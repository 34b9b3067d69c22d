"""``inspector convert``: a clean copy of a checkpoint's weights, as a state_dict's ``.pth`` or as safetensors."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from inspector.checkpoint.text import clean_name
from inspector.command_line.arguments import Parser
from inspector.command_line.output import Page, progress
from inspector.command_line.problems import UsageError
from inspector.command_line.processes import Processes
from inspector.command_line.state_dicts import choose_state_dict
from inspector.export.target import SUFFIXES

DESCRIPTION = (
    "Write a clean copy of a checkpoint's weights: one state_dict, its wrapper stripped, every value as it was."
)


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.add_file()
    parser.positional.add_argument("out", metavar="OUT", help="The copy: .safetensors, or .pth for a state_dict.")
    parser.add_state_dict()
    parser.options.add_argument("--force", action="store_true", help="Replace OUT if it is there already.")


def run(arguments: argparse.Namespace) -> int:
    """Write the copy and say what was written."""
    out = Path(os.path.abspath(arguments.out))
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"convert: {clean_name(out.name)} tells no format.", "Let OUT end in .safetensors, or in .pth or .pt."
        )
    with Processes() as processes, progress(f"Reading {arguments.file}") as update:
        summary = processes.read(arguments.file)
        chosen = choose_state_dict(summary, arguments.file, arguments.state_dict)
        written = processes.convert(
            summary,
            chosen,
            out,
            force=arguments.force,
            progress=lambda share: update(share, f"Writing {arguments.out}"),
        )
    Page().line(written.sentence)
    return 0
