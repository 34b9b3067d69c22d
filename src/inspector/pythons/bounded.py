"""Reading within limits: what is found may be broken, unreadable, endless or huge, and none of that hurts."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from itertools import islice
from pathlib import Path

#: A file that tells a version is smaller; METADATA begins with what is wanted and ends with a long description.
MAX_BYTES = 64 << 10
#: Entries of one folder that are looked at.
MAX_ENTRIES = 5_000


def read_text(path: Path) -> str:
    """Return the beginning of a regular file as text; empty where it can't be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a named pipe would wait for ever
            return ""
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def names_in(folder: Path, wanted: Callable[[str], bool] = bool, most: int = MAX_ENTRIES) -> list[str]:
    """Return the wanted names in a folder, sorted; none where it can't be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, MAX_ENTRIES) if wanted(entry.name))[:most]
    except (OSError, ValueError):
        return []


def is_file(path: Path) -> bool:
    """Whether it is a file that can be reached."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether it is a folder that can be reached."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
