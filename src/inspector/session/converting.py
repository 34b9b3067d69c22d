"""Writing a clean copy: a reader plans it, and a worker process of its own writes it and can be ended at any moment."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.checkpoint.errors import FileChangedError
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_name
from inspector.session import words
from inspector.session.clients import Readers
from inspector.session.failure import Failure
from inspector.session.file_job import FileJob
from inspector.session.loop import Loop


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
        self._force = force
        self._done, self._failed, self._progress = done, failed, progress
        self._writing: FileJob | None = None
        self._is_over = False
        params = {"state_dict": state_dict}
        self._cancel_plan = readers.plan(Path(summary.path), params, self._planned, self._fail)

    def cancel(self) -> None:
        """Give it up; nothing is left of it. Nobody is told."""
        self._is_over = True
        self._cancel_plan()
        if self._writing is not None:
            self._writing.cancel()

    def _planned(self, header: dict[str, Any], buffers: list[bytearray]) -> None:
        if self._is_over:
            return
        if header.get("files") != self._files:
            error = FileChangedError(f"{self._name} has changed since it was opened.", "Open it again.")
            self._fail(Failure(error.message, error.hint, type(error).__name__))
            return
        self._writing = FileJob(
            self._loop,
            "convert",
            {},
            [*buffers],
            self._out,
            force=self._force,
            done=self._written,
            failed=self._fail,
            progress=self._progress,
        )

    def _written(self, result: dict[str, Any]) -> None:
        self._is_over = True
        self._done(Copy(self._out, int(result["tensors"]), int(result["bytes"])))

    def _fail(self, failure: Failure) -> None:
        if not self._is_over:
            self._is_over = True
            self._failed(failure)
