"""Files made of open checkpoints: clean copies, reports, arrays. One at a time for each, with progress and a notice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_name
from inspector.session.clients import Readers
from inspector.session.converting import Conversion
from inspector.session.failure import Failure
from inspector.session.file_job import FileJob, Request
from inspector.session.loop import Loop
from inspector.session.state import CopyState
from inspector.session.store import Store
from inspector.session.taking_away import arrays_request, arrays_sentence, report_request, report_sentence

#: A smaller step of progress is not worth showing.
_STEP = 0.01


class _Writing(Protocol):
    """A file in the making."""

    def cancel(self) -> None:
        """Give it up; nothing is left of it."""


@dataclass(frozen=True, slots=True)
class _Running:
    """A file in the making, and what it is called where it is given up."""

    writing: _Writing
    called: str


class Copying:
    """The files that are being written, by checkpoint."""

    def __init__(self, store: Store, loop: Loop, readers: Readers) -> None:
        self._store = store
        self._loop = loop
        self._readers = readers
        self._running: dict[int, _Running] = {}

    def save(self, number: int, out: Path, *, force: bool) -> None:
        """Write a clean copy of a checkpoint's chosen state_dict, unless something of it is being written."""
        summary, found = self._free(number), self._store.checkpoints.get(number)
        if summary is None or found is None or found.state_dict is None:
            return
        self._store.change_checkpoint(number, copy=CopyState(out))
        writing = Conversion(
            self._loop,
            self._readers,
            summary,
            found.state_dict,
            out,
            force=force,
            done=lambda copy: self._done(number, copy.path, copy.sentence),
            failed=lambda failure: self._failed(number, failure),
            progress=lambda share: self._show(number, share),
        )
        self._running[number] = _Running(writing, f"The copy of {found.name}")

    def save_report(self, number: int, out: Path, *, force: bool) -> None:
        """Write a report about a checkpoint, unless something of it is being written."""
        summary, found = self._free(number), self._store.checkpoints.get(number)
        if summary is not None and found is not None:
            request = report_request(summary, found.state_dict, found.official.entry)
            self._write(number, "report", request, out, report_sentence, force=force)

    def save_arrays(self, number: int, tensors: Sequence[int], out: Path, *, force: bool) -> None:
        """Write tensors as NumPy's file, unless something of the checkpoint is being written."""
        summary = self._free(number)
        if summary is not None and tensors:
            self._write(number, "save_arrays", arrays_request(summary, tensors), out, arrays_sentence, force=force)

    def _free(self, number: int) -> CheckpointSummary | None:
        """Return what is known of a checkpoint of which nothing is being written; tell where something is."""
        found = self._store.checkpoints.get(number)
        if found is None:
            return None
        if found.copy is not None:
            out = clean_name(found.copy.path.name)
            self._store.notice(f"{out} is still being written. Wait until it is done, or cancel it.", "warning")
            return None
        return found.summary

    def _write(
        self,
        number: int,
        method: str,
        request: Request,
        out: Path,
        sentence: Callable[[Path, dict[str, Any]], str],
        *,
        force: bool,
    ) -> None:
        self._store.change_checkpoint(number, copy=CopyState(out))
        writing = FileJob(
            self._loop,
            method,
            *request,
            out,
            force=force,
            done=lambda result: self._done(number, out, sentence(out, result)),
            failed=lambda failure: self._failed(number, failure),
            progress=lambda share: self._show(number, share),
        )
        self._running[number] = _Running(writing, clean_name(out.name))

    def cancel(self, number: int) -> None:
        """Give a file up; nothing is left of it."""
        running = self._running.pop(number, None)
        if running is None:
            return
        running.writing.cancel()
        found = self._store.change_checkpoint(number, copy=None)
        if found is not None:
            self._store.notice(f"{running.called} was given up. Nothing was written.")

    def close(self) -> None:
        """Give every file up, quietly."""
        for running in self._running.values():
            running.writing.cancel()
        self._running.clear()

    def _show(self, number: int, share: float) -> None:
        found = self._store.checkpoints.get(number)
        if found is not None and found.copy is not None and share - found.copy.share >= _STEP:
            self._store.change_checkpoint(number, copy=CopyState(found.copy.path, share))

    def _done(self, number: int, out: Path, sentence: str) -> None:
        self._running.pop(number, None)
        self._store.change_checkpoint(number, copy=None)
        self._store.notice(f"{sentence} It is in {clean_name(str(out.parent))}.")

    def _failed(self, number: int, failure: Failure) -> None:
        self._running.pop(number, None)
        self._store.change_checkpoint(number, copy=None)
        self._store.notice(failure.sentence, "error")
