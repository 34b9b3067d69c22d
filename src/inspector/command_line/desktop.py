"""``inspector desktop``: double-click on a checkpoint opens Inspector, or no longer."""

from __future__ import annotations

import argparse

from inspector.command_line.arguments import Parser
from inspector.command_line.output import Page

DESCRIPTION = "Make a double-click on a checkpoint open Inspector for the current user, or take that back."


def add_arguments(parser: Parser) -> None:
    """Add the verb's arguments."""
    parser.positional.add_argument("action", choices=("install", "remove"), help="What to do.")


def run(arguments: argparse.Namespace) -> int:
    """Install or remove the file associations, and print the files that changed."""
    from inspector.desktop import associations

    page = Page()
    if arguments.action == "install":
        changed = associations.install()
        page.line("Installed: a double-click on a checkpoint opens Inspector.", "bold")
    else:
        changed = associations.remove()
        page.line("Removed." if changed else "Nothing was installed.", "bold")
    for path in changed:
        page.line(str(path))
    return 0
