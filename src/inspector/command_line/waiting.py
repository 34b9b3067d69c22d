"""Waiting for what a session does, on the command line: an error that is told meanwhile ends it."""

from __future__ import annotations

from collections.abc import Callable

from inspector.command_line.problems import CommandError, EngineFailedError
from inspector.session import QueueLoop
from inspector.session.failure import Failure
from inspector.session.store import Notice, Store


class Waiting:
    """Runs a session's loop until something is there.

    Attributes
    ----------
    warnings
        What the session has warned of.
    """

    def __init__(self, loop: QueueLoop, store: Store) -> None:
        self._loop, self._store = loop, store
        self._errors: list[str] = []
        self.warnings: list[str] = []
        store.noticed.connect(self._notice)

    def _notice(self, notice: Notice) -> None:
        failure = self._store.engine.failure
        if notice.level == "warning" and not notice.action:  # what it asks to be done at once can't be done here
            self.warnings.append(notice.text)
        elif notice.level == "error" and (failure is None or notice.text != failure.sentence):
            self._errors.append(notice.text)

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait for something; an error that is told meanwhile ends it."""
        self._loop.run_until(lambda: ready() or bool(self._errors))
        if not ready():
            raise CommandError(self._errors[0])

    def for_engine(self, ready: Callable[[], bool]) -> None:
        """Wait for something of the engine's; when that can't run any more, waiting ends."""
        self._loop.run_until(lambda: ready() or self._store.engine.phase == "failed")
        if not ready():
            raise EngineFailedError(*parts(self._store.engine.failure))

    def quietly(self, ready: Callable[[], bool]) -> None:
        """Wait for something that comes in any case."""
        self._loop.run_until(ready)


def parts(failure: Failure | None) -> tuple[str, str]:
    """Return a failure of the engine's as the message and the hint of an error."""
    return (failure.message, failure.hint) if failure is not None else ("The engine can't run.", "")
