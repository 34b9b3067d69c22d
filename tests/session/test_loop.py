"""The loop of programs without Qt."""

from __future__ import annotations

import threading
import time

import pytest

from inspector.session import QueueLoop


def test_work_that_goes_on_may_take_longer_than_the_timeout() -> None:
    loop, made = QueueLoop(), []

    def keep_answering() -> None:
        for place in range(6):
            loop.post(lambda place=place: made.append(place))  # type: ignore[misc]
            threading.Event().wait(0.1)

    threading.Thread(target=keep_answering, daemon=True).start()
    loop.run_until(lambda: len(made) == 6, timeout=0.4)
    assert made == list(range(6))


def test_silence_ends_the_waiting() -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer in time"):
        QueueLoop().run_until(lambda: False, timeout=0.05)
    assert time.monotonic() - begun < 5
