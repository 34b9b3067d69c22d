"""How fast images are predicted, and how long the rest will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from inspector.session.prediction_state import Progress
from inspector.session.store import Store

#: Seconds over which the rate is taken: what came before says little about now.
_WINDOW = 5.0

#: Seconds between two signals at the least: nobody reads faster.
_BETWEEN = 0.1

#: Seconds between two shares of what is sent: each has all that is said of a checkpoint shown anew.
_BETWEEN_SHARES = 0.05


def sparing(tell: Callable[[float], None], clock: Callable[[], float] = time.monotonic) -> Callable[[float], None]:
    """Return what tells a share that grows, such as of bytes sent: the first and the last one, few between them.

    The weights of a small model are sent in a few milliseconds; showing each piece of them took the window half a
    second.

    Parameters
    ----------
    tell
        Takes a share from 0 to 1.
    clock
        Seconds, of any start.
    """
    told = [float("-inf")]

    def maybe(share: float) -> None:
        now = clock()
        if share >= 1 or now - told[0] >= _BETWEEN_SHARES:
            told[0] = now
            tell(share)

    return maybe


class Pace:
    """Counts one run of predictions, from the first image that waits until none does, into the store's `Progress`.

    Parameters
    ----------
    clock
        Seconds, of any start.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._done = 0
        self._told = -_BETWEEN
        self._times: deque[float] = deque()  # when images were finished, the latest last

    def count(self, unfinished: int, *, finished: bool) -> None:
        """Take into account that the number of unfinished images changed.

        Parameters
        ----------
        finished
            Whether that was because of an answer.
        """
        if not unfinished:
            self._done = 0
            self._times.clear()
            if self._store.progress is not None:
                self._store.set_progress(None)
            return
        now = self._clock()
        if finished:
            self._done += 1
            self._times.append(now)
            while now - self._times[0] > _WINDOW:
                self._times.popleft()
        if now - self._told >= _BETWEEN or self._store.progress is None:
            self._told = now
            rate = self._rate(now)
            remaining = unfinished / rate if rate else None
            self._store.set_progress(Progress(self._done, self._done + unfinished, rate, remaining))

    def _rate(self, now: float) -> float | None:
        """Return images per second, from the first answer on: torch may have had to start before it."""
        if len(self._times) < 3 or now <= self._times[0]:
            return None
        return (len(self._times) - 1) / (now - self._times[0])
