"""The engine process: it is started, watched, and started anew when it has died."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from inspector.processes.client import Message, ProcessClient, ProcessError
from inspector.session.failure import Failure
from inspector.session.loop import Loop, on_loop
from inspector.session.state import Attachment, Device, OpenCheckpoint
from inspector.session.store import Store

#: An engine that dies this often within so many seconds is not started again by itself.
_DEATHS, _DEATHS_WITHIN = 3, 60.0

#: What is asked of a model that is attached: none of it takes a minute, but on the slowest of devices.
PASSES = frozenset(("predict", "cancel", "explain", "feature_maps", "model_input"))
_SILENT = "The engine has given no answer for a minute, though it runs. If nothing comes, restart it."

_Done = Callable[[dict[str, Any], list[bytearray]], None]


class EngineLife(ABC):
    """The engine process. What was attached in one that is gone is attached again in the next.

    Parameters
    ----------
    python
        The interpreter the engine runs on; ours where None.
    """

    def __init__(self, store: Store, loop: Loop, python: str | None) -> None:
        self._store = store
        self._loop = loop
        self._python = python
        store.change_engine(executable=python or sys.executable)
        self._client: ProcessClient | None = None
        self._deaths: deque[float] = deque(maxlen=_DEATHS)
        self._death_told = False

    @abstractmethod
    def attach(self, number: int) -> None:
        """Attach a checkpoint in the engine in use."""

    @property
    def process_id(self) -> int | None:
        """The engine's process id, None while there is none."""
        return self._client.process.pid if self._client is not None and self._client.alive else None

    def start(self) -> None:
        """Start the engine unless it runs; torch is imported there, in the background."""
        if self._client is not None:
            if not self._client.alive:
                self._died()  # noticed before its own message came: tell it, and attach again what was attached
            return
        self._store.change_engine(phase="running", failure=None)
        try:
            client = self.launch(self._python)
        except OSError as error:
            failure = Failure(f"The engine's Python can't be started: {error.strerror}.", "Choose another one.")
            self._store.change_engine(phase="failed", failure=failure)
            return
        self._client = client
        self.ask(client, "versions", {}, [], self._ready, self._not_ready)

    def launch(self, python: str | None) -> ProcessClient:
        """Start a process that is an engine, and becomes the one in use when it is adopted.

        Raises
        ------
        OSError
            The interpreter can't be started.
        """
        client = ProcessClient(
            "engine",
            python=python,
            on_death=lambda: self._loop.post(lambda: died()),
            watched=True,
            on_silence=lambda asked: self._loop.post(lambda: silent(asked)),
        )

        def died() -> None:
            if client is self._client:
                self._died()

        def silent(asked: frozenset[str]) -> None:
            if client is self._client and asked <= PASSES:
                self._store.notice(_SILENT, "warning", "restart_engine")

        return client

    def adopt(self, client: ProcessClient, python: str | None, versions: dict[str, Any]) -> None:
        """Take a launched engine, which has told its versions, in place of the one in use; attach again in it."""
        self._python = python
        wanted = self._let_go()
        self._client = client
        self._store.change_engine(executable=python or sys.executable, failure=None)
        self._ready(versions, [])
        for number in wanted:  # what is shown is what this one says
            self._store.drop_predictions(checkpoint=number)
            self.attach(number)
        if client is self._client and not client.alive:  # it died before anybody listened
            self._died()

    def close(self) -> None:
        """End the engine quietly."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def request(
        self,
        method: str,
        params: dict[str, Any],
        buffers: Callable[[], list[bytes]],
        done: _Done,
        failed: Callable[[Failure], None],
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Ask the engine; ``buffers`` runs on the sending thread, the answer comes on the session's.

        Where there is no engine, one is started and the request fails: what it was about is gone.
        """
        if self._client is None or not self._client.alive:
            self.start()
            failed(Failure("The engine stopped.", "Try again.", "ProcessDied"))
            return
        self.ask(self._client, method, params, buffers, done, failed, progress=progress)

    def ask(
        self,
        client: ProcessClient,
        method: str,
        params: dict[str, Any],
        buffers: list[bytes] | Callable[[], list[bytes]],
        done: _Done,
        failed: Callable[[Failure], None],
        before: Callable[[], Iterator[Message]] | None = None,
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Ask a process that is an engine; ``before`` makes what is sent ahead, as in `ProcessClient.request`."""

        def fail(error: ProcessError) -> None:
            self._loop.post(lambda: failed(Failure(error.message, error.hint, error.kind)))

        client.request(
            method,
            params,
            buffers,
            done=lambda result, out: self._loop.post(lambda: done(result, out)),
            failed=fail,
            progress=on_loop(progress, self._loop),
            before=before,
        )

    def _ready(self, result: dict[str, Any], _: list[bytearray]) -> None:
        devices = tuple(Device(row["name"], row["description"]) for row in result["devices"])
        self._store.change_engine(
            phase="ready",
            python=result["python"],
            torch=result["torch"],
            torchvision=result["torchvision"],
            devices=devices,
        )
        self.tell_restored()

    def tell_restored(self) -> None:
        """Say that all is well again: the warning of a death would stay otherwise."""
        attaching = any(found.attachment.phase == "running" for found in self.attachments())
        if self._death_told and not attaching:
            self._death_told = False
            self._store.notice("The new engine is ready.")

    def _not_ready(self, failure: Failure) -> None:
        if failure.kind != "ProcessDied":
            self._store.change_engine(phase="failed", failure=failure)

    # -- death -------------------------------------------------------------------------------------------------

    def _died(self) -> None:
        assert self._client is not None
        words = self._client.last_words().splitlines()
        how = "did not answer any more, and was ended" if self._client.is_hung else "stopped"
        self._client = None
        self._deaths.append(time.monotonic())
        restore = [found for found in self.attachments() if found.attachment.phase in ("ready", "running")]
        if len(self._deaths) == _DEATHS and self._deaths[-1] - self._deaths[0] < _DEATHS_WITHIN:
            failure = Failure(
                f"The engine stopped {_DEATHS} times within a minute.", words[-1][:200] if words else "Start it again."
            )
            self._death_told = False
            self._store.change_engine(phase="failed", failure=failure)
            self._store.notice(failure.sentence, "error")
            for found in restore:
                stopped = replace(found.attachment, phase="failed", engine_id=-1, failure=failure)
                self._store.change_checkpoint(found.id, attachment=stopped)
            return
        again = " and attaching again" if restore else ""
        self._death_told = True
        self._store.notice(f"The engine {how}. Starting a new one{again}.", "warning")
        for found in restore:  # what the old engine called it says nothing to the next
            self._store.change_checkpoint(found.id, attachment=Attachment())
        self.start()
        for found in restore:
            self.attach(found.id)

    def restart(self) -> None:
        """Start a fresh engine because the person asked for it; what was attached is attached again."""
        wanted = self._let_go()
        self.start()
        for number in wanted:
            self.attach(number)

    def _let_go(self) -> list[int]:
        """End the engine in use; return the checkpoints that were attached in it."""
        self._deaths.clear()
        wanted = [found.id for found in self.attachments() if found.attachment.phase != "none"]
        for number in wanted:
            self._store.change_checkpoint(number, attachment=Attachment())
        client, self._client = self._client, None
        if client is not None:
            client.kill()  # not closed: what waits for an answer must hear that none will come
        return wanted

    def attachments(self) -> list[OpenCheckpoint]:
        """Return what is, or may be, attached here: a trusted file runs in a process of its own."""
        return [found for found in self._store.checkpoints.values() if not found.attachment.trusted]
