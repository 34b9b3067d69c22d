"""Clean copies of open checkpoints: one at a time for each, with progress, and a notice at the end."""

from __future__ import annotations

from pathlib import Path

from inspector.checkpoint.text import clean_name
from inspector.session.clients import Readers
from inspector.session.converting import Conversion, Copy
from inspector.session.failure import Failure
from inspector.session.loop import Loop
from inspector.session.state import CopyState
from inspector.session.store import Store

#: A smaller step of progress is not worth showing.
_STEP = 0.01


class Copying:
    """The copies that are being written, by checkpoint."""

    def __init__(self, store: Store, loop: Loop, readers: Readers) -> None:
        self._store = store
        self._loop = loop
        self._readers = readers
        self._running: dict[int, Conversion] = {}

    def save(self, number: int, out: Path, *, force: bool) -> None:
        """Write a clean copy of a checkpoint's chosen state_dict, unless one is being written."""
        found = self._store.checkpoints.get(number)
        if found is None or found.summary is None or found.state_dict is None or number in self._running:
            return
        self._store.change_checkpoint(number, copy=CopyState(out))
        self._running[number] = Conversion(
            self._loop,
            self._readers,
            found.summary,
            found.state_dict,
            out,
            force=force,
            done=lambda copy: self._done(number, copy),
            failed=lambda failure: self._failed(number, failure),
            progress=lambda share: self._show(number, share),
        )

    def cancel(self, number: int) -> None:
        """Give a copy up; nothing is left of it."""
        conversion = self._running.pop(number, None)
        if conversion is None:
            return
        conversion.cancel()
        found = self._store.change_checkpoint(number, copy=None)
        if found is not None:
            self._store.notice(f"The copy of {found.name} was given up. Nothing was written.")

    def close(self) -> None:
        """Give every copy up, quietly."""
        for conversion in self._running.values():
            conversion.cancel()
        self._running.clear()

    def _show(self, number: int, share: float) -> None:
        found = self._store.checkpoints.get(number)
        if found is not None and found.copy is not None and share - found.copy.share >= _STEP:
            self._store.change_checkpoint(number, copy=CopyState(found.copy.path, share))

    def _done(self, number: int, copy: Copy) -> None:
        self._running.pop(number, None)
        self._store.change_checkpoint(number, copy=None)
        self._store.notice(f"{copy.sentence} It is in {clean_name(str(copy.path.parent))}.")

    def _failed(self, number: int, failure: Failure) -> None:
        self._running.pop(number, None)
        self._store.change_checkpoint(number, copy=None)
        self._store.notice(failure.sentence, "error")
