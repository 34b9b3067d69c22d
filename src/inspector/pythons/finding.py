"""The search: every environment once, within limits of time and number, the one that Inspector runs on first."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from inspector.pythons.beside import folder_beside, prefix_of
from inspector.pythons.bounded import is_file
from inspector.pythons.describing import describe
from inspector.pythons.environment import PythonEnvironment
from inspector.pythons.layout import layout_of
from inspector.pythons.places import programs
from inspector.pythons.surroundings import Surroundings

#: Environments listed at the most, and programs looked at.
MAX_ENVIRONMENTS, MAX_PROGRAMS = 100, 1_000
#: Seconds after which a search ends with what it has.
SECONDS = 10.0


def find(surroundings: Surroundings, seconds: float = SECONDS) -> Iterator[PythonEnvironment]:
    """Yield the Python environments of this machine, by their files; none of them is run.

    The first is the one that Inspector runs on, the next the one that was chosen before, even where it is gone.

    Parameters
    ----------
    surroundings
        Where to look, and what to leave out.
    seconds
        After so many the search ends.
    """
    deadline = time.monotonic() + seconds
    seen: set[str] = set()
    for executable in dict.fromkeys((surroundings.own, surroundings.chosen)):
        if executable and os.path.isabs(executable):
            seen.add(_identity(Path(executable)))
            yield describe(executable, surroundings)
    for count, program in enumerate(programs(surroundings)):
        if time.monotonic() > deadline or count >= MAX_PROGRAMS or len(seen) >= MAX_ENVIRONMENTS:
            return
        identity = _identity(program)
        if identity in seen or not _is_offered(program, surroundings):
            continue
        seen.add(identity)
        yield describe(str(program), surroundings)


def _is_offered(program: Path, surroundings: Surroundings) -> bool:
    runs = surroundings.is_windows or os.access(program, os.X_OK)
    return runs and folder_beside(str(program), surroundings.avoided, surroundings.home) is None


def _identity(program: Path) -> str:
    """Return what two names of the same environment share: its folder, or the program that links lead to."""
    layout = layout_of(program) if is_file(program) else None
    virtual = layout is None or layout.kind != "system"
    return os.path.normcase(os.path.realpath(prefix_of(program) if virtual else program))
