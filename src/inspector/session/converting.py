"""Writing a clean copy: a reader plans it, and a worker process of its own writes it and can be ended at any moment."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.checkpoint.errors import FileChangedError
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_name
from inspector.export.target import part_path
from inspector.processes.client import ProcessClient, ProcessError
from inspector.session import words
from inspector.session.clients import Readers
from inspector.session.failure import Failure
from inspector.session.loop import Loop

#: Seconds to wait for an ended process to let go of its files.
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Copy:
    """A clean copy that was written."""

    path: Path
    tensors: int
    nbytes: int

    @property
    def sentence(self) -> str:
        """What was written, in one sentence."""
        tensors = words.plural(self.tensors, "tensor")
        return f"Wrote {clean_name(self.path.name)}: {tensors}, {words.size(self.nbytes)}."


class Conversion:
    """One clean copy in the making. All calls are made on the loop.

    Parameters
    ----------
    summary
        The checkpoint as it was inspected; a file that is no longer that is not copied.
    state_dict
        Which of its state_dicts.
    out
        Where to write; `inspector.export.target.SUFFIXES` are the formats.
    force
        Replace a file that is there.
    progress
        Takes the share that is done, from 0 to 1.
    """

    def __init__(
        self,
        loop: Loop,
        readers: Readers,
        summary: CheckpointSummary,
        state_dict: int,
        out: Path,
        *,
        force: bool,
        done: Callable[[Copy], None],
        failed: Callable[[Failure], None],
        progress: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._files = [file.to_json() for file in summary.files]
        self._name = clean_name(Path(summary.path).name)
        self._out = Path(os.path.abspath(out))
        self._token = secrets.token_hex(8)
        self._force = force
        self._done, self._failed, self._progress = done, failed, progress
        self._worker: ProcessClient | None = None
        self._is_over = False
        params = {"state_dict": state_dict}
        self._cancel_plan = readers.plan(Path(summary.path), params, self._planned, self._fail)

    def cancel(self) -> None:
        """Give it up; nothing is left of it. Nobody is told."""
        if not self._is_over:
            self._cancel_plan()
            self._end()

    def _planned(self, header: dict[str, Any], buffers: list[bytearray]) -> None:
        if self._is_over:
            return
        if header.get("files") != self._files:
            error = FileChangedError(f"{self._name} has changed since it was opened.", "Open it again.")
            self._fail(Failure(error.message, error.hint, type(error).__name__))
            return
        self._worker = ProcessClient("worker")
        self._worker.request(
            "convert",
            {"out": str(self._out), "token": self._token, "force": self._force},
            buffers,
            done=lambda result, _: self._loop.post(lambda: self._written(result)),
            failed=lambda error: self._loop.post(lambda: self._fail(_failure(error))),
            progress=lambda told: self._loop.post(lambda: self._tell(told)),
        )

    def _tell(self, told: dict[str, Any]) -> None:
        if not self._is_over:
            self._progress(min(1.0, told["done"] / max(1, told["total"])))

    def _written(self, result: dict[str, Any]) -> None:
        if not self._is_over:
            self._end()
            self._done(Copy(self._out, int(result["tensors"]), int(result["bytes"])))

    def _fail(self, failure: Failure) -> None:
        if not self._is_over:
            self._end()
            self._failed(failure)

    def _end(self) -> None:
        """End the writing process, and remove what it may have left where files need a name."""
        self._is_over = True
        if self._worker is None:
            return
        self._worker.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._worker.process.wait(_END_SECONDS)
        for out in {self._out, Path(os.path.realpath(self._out))}:
            with contextlib.suppress(OSError):
                part_path(out, self._token).unlink()


def _failure(error: ProcessError) -> Failure:
    return Failure(error.message, error.hint, error.kind)
