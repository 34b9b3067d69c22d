"""How far something is, told a few times a second whatever often it is known."""

from __future__ import annotations

import time
from collections.abc import Callable

from inspector.processes.roles.serving import Progress

#: Between two words of how far something is.
_SECONDS = 0.05


def now_and_then(progress: Progress) -> Callable[[int, int], None]:
    """Return what takes how much is done and how much there is, and tells ``{"done", "total"}`` now and then.

    It may be called by several threads: at the worst one word more is told.
    """
    told = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if (now := time.monotonic()) - told >= _SECONDS:
            told = now
            progress({"done": done, "total": total})

    return tell
