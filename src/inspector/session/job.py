"""One long piece of work in a worker process of its own: told of as it goes, and ended at any moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inspector.processes.client import ProcessClient, ProcessError
from inspector.session.failure import Failure
from inspector.session.loop import Loop

Done = Callable[[dict[str, Any], list[bytearray]], None]
Failed = Callable[[Failure], None]
Progress = Callable[[dict[str, Any]], None]


class Job:
    """A request whose process lives as long as it: short questions elsewhere never wait for it.

    All calls are made on the loop; after `cancel` none is made any more.

    Parameters
    ----------
    method, params, buffers
        What the worker is asked.
    done, failed
        One of them is called once.
    progress
        Takes whatever the worker tells meanwhile.
    """

    def __init__(
        self,
        loop: Loop,
        method: str,
        params: dict[str, Any],
        buffers: list[bytes],
        *,
        done: Done,
        failed: Failed,
        progress: Progress,
    ) -> None:
        self._loop = loop
        self._done, self._failed, self._progress = done, failed, progress
        self._client: ProcessClient | None = ProcessClient("worker")
        self._client.request(
            method,
            params,
            buffers,
            done=lambda result, out: self._post(lambda: self._finish(lambda: self._done(result, out))),
            failed=lambda error: self._post(lambda: self._finish(lambda: self._failed(_failure(error)))),
            progress=lambda told: self._post(lambda: self._progress(told)),
        )

    @property
    def is_over(self) -> bool:
        """Whether it is done, has failed or was cancelled."""
        return self._client is None

    def cancel(self) -> None:
        """End it, in the middle of anything. Nobody is told."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _post(self, call: Callable[[], None]) -> None:
        self._loop.post(lambda: None if self.is_over else call())

    def _finish(self, call: Callable[[], None]) -> None:
        self.cancel()
        call()


def _failure(error: ProcessError) -> Failure:
    return Failure(error.message, error.hint, error.kind)
