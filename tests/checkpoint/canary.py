"""Open files in this process under an audit hook: whatever Python does beyond reading the file is noted and stopped.

Run as a script with the paths of files, it opens each with Inspector and prints, as JSON, what it was called and what
else happened. Python's own events are the canary: https://docs.python.org/3/library/audit_events.html .
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

#: Opening for these would write.
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

#: The canary's own bookkeeping, and what any Python code does all the time.
_HARMLESS = frozenset(("array.__new__", "builtins.id", "object.__getattr__", "object.__setattr__", "sys._getframe"))


class Stopped(BaseException):
    """Something other than reading the file was about to happen. No handler of ordinary errors catches it."""


class Canary:
    """Notes and stops every event that is not the reading of the one file that is open now."""

    def __init__(self) -> None:
        self.allowed: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.allowed is None or event in _HARMLESS or (event == "open" and self._reads(*arguments)):
            return
        self.seen.append(f"{event} {arguments!r}"[:300])
        raise Stopped(event)

    def _reads(self, path: object, _: object, flags: int) -> bool:
        if flags & _WRITING:
            return False
        # An integer is a descriptor that is open already, so this heard of it before.
        return isinstance(path, int) or (isinstance(path, str | os.PathLike) and os.fspath(path) == self.allowed)

    def watch(self, path: str, opening: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Return what ``opening(path)`` found, with the list of what happened besides."""
        self.seen, self.allowed = [], path
        try:
            found = opening(path)
        except Stopped as event:
            found = {"stopped": str(event)}
        finally:
            self.allowed = None
        return {**found, "events": self.seen, "children": _children()}


def _children() -> list[int]:
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in task.read_text(encoding="ascii").split()] if task.exists() else []


def open_with_inspector(path: str) -> dict[str, Any]:
    """Open a file as the reader does, all of its lazy parts included."""
    from inspector.checkpoint import CheckpointError, open_checkpoint
    from inspector.checkpoint.columns import encode

    try:
        with open_checkpoint(path) as checkpoint:
            encode(checkpoint)
            return {
                "safety": checkpoint.safety,
                "globals": checkpoint.globals,
                "complete": checkpoint.complete,
                "warnings": checkpoint.warnings,
            }
    except CheckpointError as error:
        return {"error": type(error).__name__, "message": error.message}


def main(paths: Iterable[str]) -> None:
    """Open each file and print what happened, by its path."""
    import pkgutil

    import inspector.checkpoint

    for module in pkgutil.iter_modules(inspector.checkpoint.__path__):
        __import__(f"inspector.checkpoint.{module.name}")
    # What the reader itself imports and reads on its way, whatever the file; that there is nothing else is the point.
    import tarfile  # noqa: F401

    "".encode("raw-unicode-escape")
    inspector.checkpoint.safety.verdict("")  # its allow-list is read once

    canary = Canary()
    json.dump({path: canary.watch(path, open_with_inspector) for path in paths}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
