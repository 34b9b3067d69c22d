"""Runs a verb: its arguments, its exit code, and every error as one line on stderr."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn, Protocol, cast

from inspector.command_line.arguments import Parser
from inspector.command_line.output import prepare_streams, tell
from inspector.command_line.problems import CommandError
from inspector.errors import InspectorError

_log = logging.getLogger(__name__)

#: What a shell reports for a program that a signal ended; Ctrl+C is one too.
_ENDED_BY_SIGNAL = 128


class _Ended(KeyboardInterrupt):
    """The program was asked to end."""


class Verb(Protocol):
    """What each verb's module offers."""

    DESCRIPTION: str

    def add_arguments(self, parser: Parser) -> None:
        """Add the verb's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it, print the answer, and return the exit code."""


def run(verb: str, argv: Sequence[str]) -> int:
    """Run a verb with its arguments; return the exit code: 0, 2 (usage), 3 (the file) or 4 (the engine)."""
    # A library's warning on stderr would break the promise of one line.
    logging.getLogger("inspector").addHandler(logging.NullHandler())
    prepare_streams()
    signal.signal(signal.SIGTERM, _end)  # as Ctrl+C does, so that no private copy stays behind
    try:
        code = _run(verb, argv)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads our output has seen enough
        _stop_writing()
        return 0
    except KeyboardInterrupt as error:
        return _ENDED_BY_SIGNAL + (signal.SIGTERM if isinstance(error, _Ended) else signal.SIGINT)
    except InspectorError as error:
        tell(error.sentence)
        return error.exit_code if isinstance(error, CommandError) else CommandError.exit_code
    except TimeoutError as error:
        tell(str(error))
        return 4
    except OSError as error:  # a full disk, or no process more
        _stop_writing()
        tell(f"The system refused to go on: {error.strerror or error}")
        return 4
    except ImportError as error:
        tell(f"The library {error.name} can't be imported. Install Inspector again: pip install inspector-pth")
        return 4
    except Exception as error:  # noqa: BLE001 - the border of the program: never a traceback
        return _tell_mistake(error)
    return code


def _end(*_: object) -> NoReturn:
    raise _Ended


def _run(verb: str, argv: Sequence[str]) -> int:
    module = cast(Verb, importlib.import_module(f"inspector.command_line.{verb}"))
    parser = Parser(verb, module.DESCRIPTION)
    module.add_arguments(parser)
    try:
        # Options may stand between images; argparse's way for that does not know "--".
        arguments = parser.parse_args(argv) if "--" in argv else parser.parse_intermixed_args(argv)
    except SystemExit:  # after --help
        return 0
    return module.run(arguments)


def _stop_writing() -> None:
    """Let what is still to be written vanish, or Python complains about it at its end."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def _tell_mistake(error: Exception) -> int:
    from inspector.desktop.logs import start_logging

    path = start_logging()
    _log.exception("an unexpected error")
    where = f" The log says more: {path}" if path is not None else ""
    reason = " ".join(str(error).split())[:200]
    tell(f"Inspector made a mistake: {type(error).__name__}: {reason}.{where}")
    return 4
