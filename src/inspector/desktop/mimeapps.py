"""Careful edits of ``mimeapps.list``: which application opens which media type.

The file belongs to the person and the desktop. Only whole lines of our own are added to or taken from its
``[Default Applications]`` section; every other line, comments and order included, stays as it is.
(Format: freedesktop.org, "Association between MIME types and applications".)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspector.desktop.settings import write_atomically

_SECTION = "[Default Applications]"


def missing_defaults(path: Path, media_types: Sequence[str]) -> list[str]:
    """Return those of `media_types` that have no default application in the file at `path`.

    Raises
    ------
    OSError
        The file is there and can't be read.
    """
    chosen = {line.partition("=")[0].strip() for _, line in _defaults(_read_lines(path))}
    return [name for name in media_types if name not in chosen]


def add_defaults(path: Path, media_types: Sequence[str], desktop_file: str) -> bool:
    """Make `desktop_file` the default of each of `media_types`, and return whether the file changed.

    Raises
    ------
    OSError
        The file can't be read or written.
    """
    if not media_types:
        return False
    lines = _read_lines(path)
    added = [f"{name}={desktop_file};\n" for name in media_types]
    titles = [line.strip() for line in lines]
    if _SECTION in titles:
        at = titles.index(_SECTION) + 1
    else:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines += ["\n"] * bool(lines) + [f"{_SECTION}\n"]
        at = len(lines)
    _write_lines(path, lines[:at] + added + lines[at:])
    return True


def remove_defaults(path: Path, media_types: Sequence[str], desktop_file: str) -> bool:
    """Take away the lines that `add_defaults` wrote, and return whether the file changed.

    A line that names another application, or more than ours, is the person's and stays. A file in which
    nothing but our empty section is left is removed.

    Raises
    ------
    OSError
        The file can't be read or written.
    """
    lines = _read_lines(path)
    own = {f"{name}={desktop_file};" for name in media_types}
    gone = {index for index, line in _defaults(lines) if line.strip() in own}
    if not gone:
        return False
    kept = [line for index, line in enumerate(lines) if index not in gone]
    if "".join(kept).strip() in ("", _SECTION):
        path.unlink()
    else:
        _write_lines(path, kept)
    return True


def _read_lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return []
    # Not str.splitlines: it would also break at signs that are no line ends here.
    return [f"{line}\n" for line in text.split("\n")[:-1]] + ([last] if (last := text.split("\n")[-1]) else [])


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    # Some keep their configuration as links into a repository: the link must stay one.
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode if target.exists() else 0o644
    write_atomically(target, "".join(lines).encode("utf-8", "surrogateescape"))
    target.chmod(mode & 0o777)


def _defaults(lines: Sequence[str]) -> list[tuple[int, str]]:
    """Return (index, line) of the entries in the section of defaults."""
    found = []
    inside = False
    for index, line in enumerate(lines):
        text = line.strip()
        if text.startswith("["):
            inside = text == _SECTION
        elif inside and "=" in text and not text.startswith("#"):
            found.append((index, line))
    return found
