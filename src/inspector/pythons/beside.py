"""What lies beside an opened file may have come with it, and is neither offered nor run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

#: Folders of programs within an environment.
PROGRAMS = frozenset({"bin", "scripts"})


def prefix_of(executable: Path) -> Path:
    """Return the environment's folder: above ``bin`` or ``Scripts``, else the one the program lies in."""
    parent = executable.parent
    return parent.parent if parent.name.lower() in PROGRAMS else parent


def folder_beside(executable: str, folders: Iterable[str], home: Path) -> str | None:
    """Return which of the folders a Python lies beside the contents of, or None.

    An archive of a checkpoint is unpacked into a folder: whatever is under that folder counts. The home, and what is
    above it, holds the person's own environments besides: there only the folder itself counts.

    Parameters
    ----------
    executable
        An absolute path.
    folders
        Of the opened files; the current one.
    home
        The person's home.
    """
    places = {_plain(Path(executable).parent), _plain(prefix_of(Path(executable)))}
    for folder in folders:
        around = _plain(Path(folder))
        if places & {around}:
            return folder
        if not _is_within(_plain(home), around) and any(_is_within(place, around) for place in places):
            return folder
    return None


def _plain(path: Path) -> str:
    """Return a folder's one spelling, its links followed."""
    return os.path.normcase(os.path.realpath(path))


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
