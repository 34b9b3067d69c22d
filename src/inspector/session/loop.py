"""Where the session runs: one thread that takes calls in order. The window's is Qt's, the command line's is here."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Protocol, TypeVar

Told = TypeVar("Told")


class Loop(Protocol):
    """Takes calls from any thread and makes them on the session's own."""

    def post(self, call: Callable[[], None]) -> None:
        """Make ``call`` on the session's thread, soon."""

    def post_turn(self, call: Callable[[], None]) -> None:
        """Make ``call`` on the session's thread, from which alone this is called, after what else waits there now."""

    def post_idle(self, call: Callable[[], None]) -> None:
        """Make ``call`` on the session's thread, from which alone this is called, when what is there is shown."""

    def close(self) -> None:
        """Make no more calls, neither those that wait nor any that come: no process may be started at the end."""


def on_loop(call: Callable[[Told], None] | None, loop: Loop) -> Callable[[Told], None] | None:
    """Return a function for any thread that makes a call on the loop's."""
    return None if call is None else lambda told: loop.post(lambda: call(told))


class QueueLoop:
    """A loop for programs without Qt: whoever waits for something makes the calls."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_closed = False

    def post(self, call: Callable[[], None]) -> None:
        """Queue a call."""
        self._calls.put(call)

    def post_turn(self, call: Callable[[], None]) -> None:
        """Queue a call."""
        self._calls.put(call)

    def post_idle(self, call: Callable[[], None]) -> None:
        """Queue a call: nothing is shown here."""
        self._calls.put(call)

    def close(self) -> None:
        """Make no more calls."""
        self._is_closed = True

    def run_until(self, condition: Callable[[], bool], timeout: float = 3_600.0) -> None:
        """Make the queued calls until ``condition()`` holds.

        Raises
        ------
        TimeoutError
            No call came for ``timeout`` seconds: a folder may take hours, but something must go on.
        """
        while not condition():
            try:
                call = self._calls.get(timeout=timeout)
            except queue.Empty:
                raise TimeoutError("The processes of Inspector gave no answer in time.") from None
            if not self._is_closed:
                call()
