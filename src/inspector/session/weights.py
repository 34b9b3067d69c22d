"""Questions about the values of tensors of open checkpoints, for whoever looks at them in one way or another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.errors import InspectorError
from inspector.session.clients import Worker
from inspector.session.failure import Failure
from inspector.session.job import Done, Failed, Job, Progress
from inspector.session.loop import Loop
from inspector.session.store import Store


class Weights:
    """Asks about tensors: short questions of one standing process, long ones of a process each.

    Answers about a file that was closed or read anew meanwhile are dropped, as are those that were cancelled. Long
    questions about such a file end at once; the standing process, which keeps the tensor that it was asked about last,
    with the last of the files that it was asked about.
    """

    def __init__(self, store: Store, loop: Loop) -> None:
        self._store = store
        self._loop = loop
        self._worker = Worker(loop)
        self._jobs: dict[Job, tuple[int, CheckpointSummary]] = {}
        self._asked_of: set[int] = set()
        store.checkpoints_changed.connect(self._forget)
        store.checkpoint_changed.connect(lambda _: self._end_stale())

    def warm_up(self) -> None:
        """Start the standing process, so that the first view need not wait for it."""
        self._worker.start()

    def ask(
        self, number: int, method: str, tensors: Sequence[int], params: dict[str, Any], done: Done, failed: Failed
    ) -> Callable[[], None]:
        """Ask the standing process about tensors of a checkpoint; return what makes its answer be dropped.

        Parameters
        ----------
        tensors
            Their places become ``params["places"]``, their files ``params["files"]``.
        """
        wanted, asked = [True], self._asked(number, tensors, params, failed)
        if asked is None:
            return lambda: None
        summary, whole = asked

        def is_wanted() -> bool:
            found = self._store.checkpoints.get(number)
            return wanted[0] and found is not None and found.summary is summary

        self._asked_of.add(number)
        self._worker.request(
            method,
            whole,
            [],
            lambda result, buffers: done(result, buffers) if is_wanted() else None,
            lambda failure: failed(failure) if is_wanted() else None,
        )
        return lambda: wanted.__setitem__(0, False)

    def begin(
        self,
        number: int,
        method: str,
        tensors: Sequence[int],
        params: dict[str, Any],
        done: Done,
        failed: Failed,
        progress: Progress,
    ) -> Callable[[], None]:
        """Ask a process of its own about tensors of a checkpoint; return what ends it."""
        asked = self._asked(number, tensors, params, failed)
        if asked is None:
            return lambda: None
        job = Job(self._loop, method, asked[1], [], done=done, failed=failed, progress=progress)
        self._jobs = {found: about for found, about in self._jobs.items() if not found.is_over}
        self._jobs[job] = number, asked[0]
        return job.cancel

    def _forget(self) -> None:
        """End what nobody waits for any more, and what keeps tensors of files that are closed."""
        self._end_stale()
        if self._asked_of and self._asked_of.isdisjoint(self._store.checkpoints):
            self._asked_of.clear()
            self._worker.close()

    def _end_stale(self) -> None:
        for job, (number, summary) in list(self._jobs.items()):
            found = self._store.checkpoints.get(number)
            if job.is_over or found is None or found.summary is not summary:
                job.cancel()
                del self._jobs[job]

    def _asked(
        self, number: int, tensors: Sequence[int], params: dict[str, Any], failed: Failed
    ) -> tuple[CheckpointSummary, dict[str, Any]] | None:
        """Return a checkpoint and the question with its files and places; None where there is nothing to ask."""
        found = self._store.checkpoints.get(number)
        if found is None or found.summary is None:
            return None
        summary = found.summary
        try:
            places = [summary.place(tensor).to_json() for tensor in tensors]
        except InspectorError as error:
            failed(Failure(error.message, error.hint, type(error).__name__))
            return None
        return summary, {**params, "files": [file.to_json() for file in summary.files], "places": places}

    def close(self) -> None:
        """End every process."""
        self._worker.close()
        for job in self._jobs:
            job.cancel()
