"""A view's question about tensors: one at a time, and only the last one is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from inspector.gui.views.registry import Subject
from inspector.session import Session
from inspector.session.failure import Failure

Answered = Callable[[dict[str, Any], list[bytearray]], None]

#: Elements from which on a question has a process of its own, which ends at once when nobody waits any more.
LONG = 1 << 25


class Question:
    """Asks about tensors for one part of a view.

    Parameters
    ----------
    failed
        Told why there is no answer.
    """

    def __init__(self, session: Session, failed: Callable[[Failure], None]) -> None:
        self._session = session
        self._failed = failed
        self._number = 0
        self._open = False
        self._cancel: Callable[[], None] = _nothing

    @property
    def is_open(self) -> bool:
        """Whether an answer is awaited."""
        return self._open

    def ask(
        self,
        subject: Subject,
        method: str,
        tensors: Sequence[int],
        params: dict[str, Any],
        answered: Answered,
        elements: int | None = None,
    ) -> None:
        """Ask, in place of what was asked before.

        Parameters
        ----------
        elements
            How many have to be read for it; by default all of the tensors'.
        """
        self.drop()
        self._open, number = True, self._number

        def done(result: dict[str, Any], buffers: list[bytearray]) -> None:
            if number == self._number:
                self._open = False
                answered(result, buffers)

        def failed(failure: Failure) -> None:
            if number == self._number:
                self._open = False
                self._failed(failure)

        weights, asked = self._session.weights, (subject.checkpoint, method, tensors, params, done, failed)
        if elements is None:
            elements = sum(map(subject.summary.numel, tensors))
        if elements < LONG:
            self._cancel = weights.ask(*asked)
        else:
            self._cancel = weights.begin(*asked, progress=lambda _told: None)

    def drop(self) -> None:
        """Wait for no answer any more."""
        self._number += 1
        self._open = False
        self._cancel()
        self._cancel = _nothing


def _nothing() -> None:
    """There is nothing to cancel."""
