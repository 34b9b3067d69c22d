"""Whether the files of open checkpoints still are what was read: a training writes its checkpoints again and again."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from inspector.checkpoint.source import FileIdentity
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_name
from inspector.session.loop import Loop
from inspector.session.state import Freshness, OpenCheckpoint
from inspector.session.store import Store

#: Files that changed are offered when nothing has changed for so long: a checkpoint is written for a while. A little
#: under the second between two looks, so that the second look can tell.
STILL_SECONDS = 0.9

#: Seconds that closing waits for a look: a file system that hangs must not hold the window.
_PATIENCE = 1.0

#: What was seen of a checkpoint's files, in their order: None for one that is not there.
_Seen = tuple[FileIdentity | None, ...]


def watched_paths(summary: CheckpointSummary) -> tuple[tuple[Path, FileIdentity], ...]:
    """Return the files a checkpoint was read from, each as it was then."""
    return tuple((file.path, file.identity) for file in summary.files)


@dataclass(slots=True)
class _Watch:
    """One checkpoint whose files differ from what was read: what was seen last, since when, what was told."""

    seen: _Seen
    since: float
    told: _Seen | None = None


class Watching:
    """Looks at the files when asked to, on a thread of its own, and says in ``Freshness`` what has become of them.

    Parameters
    ----------
    still
        Seconds without a change after which a change is told.
    """

    def __init__(self, store: Store, loop: Loop, *, still: float = STILL_SECONDS) -> None:
        self._store = store
        self._loop = loop
        self._still = still
        self._watches: dict[int, _Watch] = {}
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Look at the files of all open checkpoints, unless the last look is still under way."""
        if self._thread is not None:
            return
        wanted = {found.id: found.summary for found in self._store.checkpoints.values() if found.summary is not None}
        if wanted:
            self._thread = threading.Thread(target=self._look, args=(wanted,), daemon=True, name="watching")
            self._thread.start()

    def dismiss(self, number: int) -> None:
        """Forget what was told of a checkpoint; the next change is told again."""
        found = self._store.checkpoints.get(number)
        if found is not None and found.freshness.phase in ("changed", "gone", "failed"):
            self._store.change_checkpoint(number, freshness=Freshness())

    def forget(self, number: int) -> None:
        """Forget a checkpoint that was closed."""
        self._watches.pop(number, None)

    def close(self) -> None:
        """Wait for a look that is under way, so that none of it comes later."""
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _look(self, wanted: dict[int, CheckpointSummary]) -> None:
        seen = {number: _see(summary) for number, summary in wanted.items()}
        now = time.monotonic()
        self._loop.post(lambda: self._take(wanted, seen, now))

    def _take(self, wanted: dict[int, CheckpointSummary], seen: dict[int, _Seen | None], now: float) -> None:
        self._thread = None
        for number, summary in wanted.items():
            found, files = self._store.checkpoints.get(number), seen[number]
            if found is not None and found.summary is summary and files is not None:
                self._judge(found, summary, files, now)

    def _judge(self, found: OpenCheckpoint, summary: CheckpointSummary, seen: _Seen, now: float) -> None:
        phase = found.freshness.phase
        if seen == tuple(identity for _, identity in watched_paths(summary)):
            self._watches.pop(found.id, None)
            if phase in ("changed", "gone"):  # moved away and back
                self._store.change_checkpoint(found.id, freshness=Freshness())
            return
        watch = self._watches.setdefault(found.id, _Watch(seen, now))
        if watch.seen != seen:
            watch.seen, watch.since = seen, now
        if now - watch.since < self._still or watch.told == seen or phase == "reloading":
            return
        watch.told = seen
        if None not in seen:
            self._store.change_checkpoint(found.id, freshness=Freshness("changed"))
        elif phase != "gone":
            self._store.change_checkpoint(found.id, freshness=Freshness("gone"))
            self._store.notice(f"{clean_name(found.name)} was moved or deleted. What was read of it stays open.")


def _see(summary: CheckpointSummary) -> _Seen | None:
    """Return what is there of a checkpoint's files, None where that can't be told, such as on a lost network drive."""
    seen: list[FileIdentity | None] = []
    for path, _ in watched_paths(summary):
        try:
            seen.append(FileIdentity.of(path))
        except (FileNotFoundError, NotADirectoryError):
            seen.append(None)
        except OSError:
            return None
    return tuple(seen)
