"""One file that a worker process of its own writes: put in place whole, or given up at any moment with nothing left."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspector.export.target import part_path
from inspector.processes.client import ProcessClient, ProcessError
from inspector.processes.frames import Buffer
from inspector.session.failure import Failure
from inspector.session.loop import Loop

#: Seconds to wait for an ended process to let go of its files.
_END_SECONDS = 10.0


#: Parameters and buffers.
Request = tuple[dict[str, Any], list[Buffer]]


class FileJob:
    """A request to write a file. All calls are made on the loop; after `cancel` none is made any more.

    Parameters
    ----------
    method, params, buffers
        What the worker is asked; ``out``, ``token`` and ``force`` are added to its parameters.
    out
        Where to write.
    force
        Replace a file that is there.
    done, failed
        One of them is called once; ``done`` with the worker's answer.
    progress
        Takes the share that is done, from 0 to 1.
    """

    def __init__(
        self,
        loop: Loop,
        method: str,
        params: dict[str, Any],
        buffers: list[Buffer],
        out: Path,
        *,
        force: bool,
        done: Callable[[dict[str, Any]], None],
        failed: Callable[[Failure], None],
        progress: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._out = Path(os.path.abspath(out))
        self._token = secrets.token_hex(8)
        self._done, self._failed, self._progress = done, failed, progress
        self._is_over = False
        self._worker = ProcessClient("worker")
        self._worker.request(
            method,
            {**params, "out": str(self._out), "token": self._token, "force": force},
            buffers,
            done=lambda result, _: loop.post(lambda: self._finish(lambda: self._done(result))),
            failed=lambda error: loop.post(lambda: self._finish(lambda: self._failed(_failure(error)))),
            progress=lambda told: loop.post(lambda: self._tell(told)),
        )

    def cancel(self) -> None:
        """Give it up; nothing is left of it. Nobody is told."""
        if not self._is_over:
            self._end()

    def _tell(self, told: dict[str, Any]) -> None:
        if not self._is_over:
            self._progress(min(1.0, told["done"] / max(1, told["total"])))

    def _finish(self, call: Callable[[], None]) -> None:
        if not self._is_over:
            self._end()
            call()

    def _end(self) -> None:
        """End the writing process, and remove what it may have left where files need a name."""
        self._is_over = True
        self._worker.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._worker.process.wait(_END_SECONDS)
        for out in {self._out, Path(os.path.realpath(self._out))}:
            with contextlib.suppress(OSError):
                part_path(out, self._token).unlink()


def _failure(error: ProcessError) -> Failure:
    return Failure(error.message, error.hint, error.kind)
