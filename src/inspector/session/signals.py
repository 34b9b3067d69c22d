"""The session's own signals: a list of callables, called in order on the session's thread.

psygnal would serve too; its import costs a tenth of the window's whole start (``docs/decisions/0003-own-signals.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Signal(Generic[P]):
    """Something that can be listened to."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: list[Callable[P, object]] = []

    def connect(self, listener: Callable[P, object]) -> Callable[[], None]:
        """Call ``listener`` at every `emit` from now on; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every listener with the arguments."""
        for listener in tuple(self._listeners):
            listener(*args, **kwargs)
