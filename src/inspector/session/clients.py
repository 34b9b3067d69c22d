"""The session's processes: one reader per file (one kept warm), a worker that is restarted, and the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

from inspector.checkpoint.errors import BEWARE, CheckpointError
from inspector.checkpoint.folders import leads_others
from inspector.checkpoint.limits import MAX_INDEX_BYTES, READER_BYTES_PER_SECOND, READER_SECONDS
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_name
from inspector.processes.client import ProcessClient, ProcessError
from inspector.session.failure import Failure
from inspector.session.loop import Loop

Done = Callable[[dict[str, Any], list[bytearray]], None]
Failed = Callable[[Failure], None]
_Read = Callable[[CheckpointSummary], None]
_Steps = Generator[None, None, CheckpointSummary]


#: One slice of what takes long on the loop.
_SLICE_SECONDS = 0.006


class Readers:
    """Opens files, each in a process of its own.

    Parameters
    ----------
    warm
        A process that was started ahead, for the first file.
    keep_warm
        Whether the process for the next file is started before it is needed.
    """

    def __init__(self, loop: Loop, warm: ProcessClient | None = None, *, keep_warm: bool = True) -> None:
        self._loop = loop
        self._keep_warm = keep_warm
        self._warm = warm
        self._busy: set[ProcessClient] = set()

    def warm_up(self) -> None:
        """Start the process that the next file will use."""
        if self._warm is None or not self._warm.alive:
            self._warm = ProcessClient("reader")

    def read(self, path: Path, done: _Read, failed: Failed) -> Callable[[], None]:
        """Read a checkpoint; return what cancels that."""

        def on_done(reading: _Reading, header: dict[str, Any], buffers: list[bytearray]) -> None:
            steps = CheckpointSummary.in_steps(header, buffers)
            self._loop.post(lambda: self._build(reading, steps, done, failed))

        return self._ask(path, "read", {}, on_done, failed)

    def plan(self, path: Path, params: dict[str, Any], done: Done, failed: Failed) -> Callable[[], None]:
        """Ask what a clean copy of one of a checkpoint's state_dicts holds; return what cancels that."""

        def on_done(reading: _Reading, header: dict[str, Any], buffers: list[bytearray]) -> None:
            self._loop.post(lambda: self._finish(reading, lambda: done(header, buffers)))

        return self._ask(path, "plan", params, on_done, failed)

    def _ask(
        self,
        path: Path,
        method: str,
        params: dict[str, Any],
        answered: Callable[[_Reading, dict[str, Any], list[bytearray]], None],
        failed: Failed,
    ) -> Callable[[], None]:
        """Ask a reader about a file; return what cancels that.

        A reader that dies without an answer need not have died of the file: the system may have ended it. Its file is
        given to a fresh one, once.
        """
        readings: list[_Reading] = []

        def attempt(*, again: bool) -> None:
            self.warm_up()
            client, self._warm = self._warm, None
            assert client is not None
            self._busy.add(client)
            reading = _Reading(client, path)
            readings.append(reading)

            def finish(call: Callable[[], None]) -> None:
                self._loop.post(lambda: self._finish(reading, call))

            def on_failed(error: ProcessError) -> None:
                if again and error.kind == "ProcessDied" and not reading.late:
                    finish(lambda: attempt(again=False))
                else:
                    failure = _reader_failure(path, error, reading.late)
                    finish(lambda: failed(failure))

            client.request(method, {"path": str(path), **params}, done=partial(answered, reading), failed=on_failed)

        def cancel() -> None:
            self._busy.discard(readings[-1].client)
            readings[-1].end()

        attempt(again=True)
        return cancel

    def _build(self, reading: _Reading, steps: _Steps, done: _Read, failed: Failed) -> None:
        """Make the summary in slices on the loop: on a thread of its own it would hold the loop's thread for longer."""
        if reading.client not in self._busy:
            return  # given up meanwhile
        deadline = time.monotonic() + _SLICE_SECONDS
        try:
            next(steps)
            while time.monotonic() < deadline:
                next(steps)
        except StopIteration as end:
            self._finish(reading, partial(done, end.value))
        except CheckpointError as error:
            self._finish(reading, partial(failed, Failure(error.message, error.hint, type(error).__name__)))
        else:
            self._loop.post_turn(lambda: self._build(reading, steps, done, failed))

    def _finish(self, reading: _Reading, call: Callable[[], None]) -> None:
        """Make the call that a reader's answer leads to, unless the file was given up meanwhile."""
        known = reading.client in self._busy
        self._busy.discard(reading.client)
        reading.end()
        if known:
            call()
            if self._keep_warm:
                self._loop.post_idle(self.warm_up)

    def close(self) -> None:
        """End every reader."""
        for client in (*self._busy, self._warm):
            if client is not None:
                client.close()
        self._busy.clear()
        self._warm = None


class _Reading:
    """A reader process on one file, and the time it may take."""

    def __init__(self, client: ProcessClient, path: Path) -> None:
        self.client = client
        self.late = False
        self._timer = threading.Timer(_deadline(path), self._overstay)
        self._timer.daemon = True
        self._timer.start()

    def _overstay(self) -> None:
        self.late = True
        self.client.kill()

    def end(self) -> None:
        """End the process quietly."""
        self._timer.cancel()
        self.client.close()


#: An honest file is late where the disk or the network is.
_IF_SLOW = "Copy it to a local disk and open it there; if that does not help, ask who made it."


def _deadline(path: Path) -> float:
    try:
        # How much lies beside an index is not asked here, on the window's thread: it has the longest time.
        size = MAX_INDEX_BYTES if leads_others(path) else path.stat().st_size
    except OSError:
        size = 0  # the reader says what is wrong with it
    return READER_SECONDS + min(size, MAX_INDEX_BYTES) / READER_BYTES_PER_SECOND


def _reader_failure(path: Path, error: ProcessError, late: bool) -> Failure:
    name = clean_name(path.name)
    if late:
        return Failure(f"{name} takes far longer to read than an honest file of its size.", _IF_SLOW, "LimitError")
    if error.kind == "ProcessDied":
        return Failure(f"{name} made the reader stop; it is damaged or built to do so.", BEWARE, "CheckpointError")
    if error.kind == "MemoryError":
        return Failure(f"{name} needs far more memory than an honest file of its size.", BEWARE, "LimitError")
    return Failure(error.message, error.hint, error.kind)


class Worker:
    """The worker process: started at the first need, started again when it died."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._client: ProcessClient | None = None

    def start(self) -> ProcessClient:
        """Start the process unless it runs."""
        if self._client is None or not self._client.alive:
            self._client = ProcessClient("worker")
        return self._client

    def request(self, method: str, params: dict[str, Any], buffers: list[bytes], done: Done, failed: Failed) -> None:
        """Ask the worker; the answer comes on the session's thread."""
        self._ask(method, params, buffers, done, failed, again=True)

    def _ask(
        self, method: str, params: dict[str, Any], buffers: list[bytes], done: Done, failed: Failed, *, again: bool
    ) -> None:
        def fail(error: ProcessError) -> None:
            if again and error.kind == "ProcessDied":  # perhaps of another request: once more, in a fresh process
                self._ask(method, params, buffers, done, failed, again=False)
            else:
                failed(Failure(error.message, error.hint, error.kind))

        self.start().request(
            method,
            params,
            buffers,
            done=lambda result, out: self._loop.post(lambda: done(result, out)),
            failed=lambda error: self._loop.post(lambda: fail(error)),
        )

    def close(self) -> None:
        """End the process."""
        if self._client is not None:
            self._client.close()
            self._client = None
