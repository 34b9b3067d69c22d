"""The arguments of a verb: argparse in plain sentence case, whose errors are ours."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from inspector.command_line.problems import UsageError

_DEVICE = re.compile(r"auto|cpu|(cuda|xpu)(:\d{1,3})?|mps")


class Parser(argparse.ArgumentParser):
    """The arguments of one verb.

    Attributes
    ----------
    positional, options
        The groups that a verb adds its arguments to.
    """

    def __init__(self, verb: str, description: str) -> None:
        super().__init__(prog=f"inspector {verb}", description=description, add_help=False, allow_abbrev=False)
        self._verb = verb
        self.positional = self.add_argument_group("Arguments")
        self.options = self.add_argument_group("Options")
        self.options.add_argument("-h", "--help", action="help", help="Show this help and exit.")

    def add_file(self) -> None:
        """Add the checkpoint that nearly every verb is about."""
        self.positional.add_argument("file", metavar="FILE", help="The checkpoint.")

    def add_json(self) -> None:
        """Add ``--json``."""
        self.options.add_argument("--json", action="store_true", help="Print one JSON document instead of tables.")

    def add_state_dict(self) -> None:
        """Add ``--state-dict``."""
        self.options.add_argument(
            "--state-dict", metavar="PATH", help="Where the state_dict is in the file, as show lists it."
        )

    def add_python(self) -> None:
        """Add ``--python``."""
        self.options.add_argument("--python", metavar="EXE", help="The Python that the engine runs on.")

    def format_help(self) -> str:
        """Return the help, its first word in sentence case as all else is."""
        return super().format_help().replace("usage:", "Usage:", 1)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong."""
        raise UsageError(f"{self._verb}: {message}.", f"Try inspector {self._verb} --help.")


def positive(text: str) -> int:
    """Return a whole number of at least 1, for argparse."""
    value = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value


def share(text: str) -> float:
    """Return a number from 0 to 1, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def device(text: str) -> str:
    """Return a device's name, for argparse; whether there is one only the engine knows."""
    if not _DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not auto, cpu, cuda, cuda:N, xpu, xpu:N or mps")
    return text
