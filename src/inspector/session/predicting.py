"""Predictions: every image against a checkpoint's attachment, as many at a time as keep the engine busy.

Cancelling takes effect at once: whatever waits is forgotten, and the engine gives up what it has not begun to compute.
A forward pass can't be interrupted; its answers are kept when they come. One that never ends is ended with the engine,
by the person ("Restart the engine").
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from inspector.processes.image_files import read_item
from inspector.session.engine_link import EngineLink
from inspector.session.failure import Failure
from inspector.session.loop import Loop
from inspector.session.pace import Pace
from inspector.session.prediction_state import Prediction
from inspector.session.raster_memory import RasterMemory
from inspector.session.refetching import Refetching, answer_of
from inspector.session.sources import Sources, sources_of
from inspector.session.state import OpenCheckpoint
from inspector.session.store import Store
from inspector.session.trusting import Trusting

#: Images sent to a process at once: some are computed, the next are prepared, others are on their way. A GPU computes
#: more together.
_IN_FLIGHT, _IN_FLIGHT_ON_GPU = 16, 160

#: Bytes of files sent to a process at once, unless one alone has more.
_BYTES_IN_FLIGHT = 64 << 20

#: Seconds of one slice of what is done for each of very many images.
_SLICE = 0.006

#: Classes shown per image.
TOP = 5

_Key = tuple[int, int]
_Done = Callable[[dict[str, Any], list[bytearray]], None]


@dataclass(slots=True, eq=False)
class _Sent:
    """An image in a process (see `_lane`), its files' bytes; given up since, or of files that are not its any more."""

    lane: int | None
    nbytes: int
    is_cancelled: bool = False
    is_stale: bool = False


class Predicting:
    """The images that wait for a prediction, by checkpoint, and those that are being predicted."""

    def __init__(self, store: Store, loop: Loop, top: int = TOP) -> None:
        self._store = store
        self._loop = loop
        self._top = top
        self._coming: deque[_Key] = deque()  # not yet shown as waiting: thousands are, slice by slice
        self._leaving: dict[_Key, None] = {}  # cancelled, still shown as waiting, in the order given up
        self._waiting: dict[int, deque[int]] = {}
        self._running: dict[_Key, _Sent] = {}
        self._suspects: set[_Key] = set()  # were there when the process died; tried once more, one at a time
        self._unfinished: set[_Key] = set()
        self._ready: dict[int, set[int]] = {}  # images by checkpoint
        self._pace = Pace(store)
        self._rasters = RasterMemory(store)
        self.refetching = Refetching(store, self._rasters, self._ask)
        self._is_slicing = False
        self.link: EngineLink  # set by the session: both need each other
        self.trusting: Trusting
        store.prediction_changed.connect(self._count)
        store.checkpoint_changed.connect(self._give_up_failed)

    @property
    def unfinished(self) -> int:
        """Images that wait or are being predicted."""
        return len(self._unfinished) + len(self._coming)

    def missing(self, checkpoint: int) -> int:
        """Return how many images have no prediction and wait for none: they failed, or were cancelled."""
        return 0 if self.unfinished else len(self._store.images) - len(self._ready.get(checkpoint, ()))

    def _count(self, checkpoint: int, image: int) -> None:
        key = (checkpoint, image)
        found = self._store.predictions.get(key)
        awaited = found is not None and found.phase in ("waiting", "running") and key not in self._leaving
        (self._unfinished.add if awaited else self._unfinished.discard)(key)
        ready = self._ready.setdefault(checkpoint, set())
        (ready.add if found is not None and found.phase == "ready" else ready.discard)(image)
        self._pace.count(self.unfinished, finished=found is not None and found.phase in ("ready", "failed"))

    # -- commands ----------------------------------------------------------------------------------------------

    def predict(self, checkpoint: int, images: Sequence[int]) -> None:
        """Predict the images with a checkpoint's attachment, as soon as it has one."""
        self._coming.extend((checkpoint, image) for image in images)
        self._slice()

    def again(self, checkpoint: int, images: Sequence[int]) -> None:
        """Predict images anew: what they are predicted from has changed."""
        for image in images:
            sent = self._running.get((checkpoint, image))
            if sent is not None:
                sent.is_stale = True
            if self._store.predictions.pop((checkpoint, image), None) is not None:
                self._store.prediction_changed.emit(checkpoint, image)
        self.predict(checkpoint, [image for image in images if image in self._store.images])

    def predict_missing(self, checkpoint: int) -> list[int]:
        """Predict all images that failed or were cancelled; return those that failed."""
        seen = {image: self._store.predictions.get((checkpoint, image)) for image in self._store.images}
        failed = [image for image, found in seen.items() if found is not None and found.phase == "failed"]
        # `_come` takes those that failed again; slice by slice, for thousands can have.
        self.predict(checkpoint, [image for image, found in seen.items() if found is None or found.phase == "failed"])
        return failed

    def predict_all(self, checkpoint: int) -> None:
        """Predict every image of the strip that has no prediction of this checkpoint yet."""
        self._go_on()
        # Not those that failed: one that ends the engine would end the next one too, and so on.
        seen = self._store.predictions
        self.predict(checkpoint, [image for image in self._store.images if (checkpoint, image) not in seen])

    def cancel(self) -> None:
        """Give up all images that have no prediction yet; what is in a forward pass is still taken when it comes."""
        count = self.unfinished
        self._coming.clear()
        waiting = [(checkpoint, image) for checkpoint, images in self._waiting.items() for image in images]
        self._waiting.clear()
        for sent in self._running.values():
            sent.is_cancelled = True
        for lane in {sent.lane for sent in self._running.values()}:
            self._request(lane)("cancel", {}, list, lambda *_: None, lambda _: None)
        self._forget([*waiting, *self._running])
        if count:
            self._store.notice(f"Cancelled: {count:,} {'image' if count == 1 else 'images'} not predicted.")

    def give_up(self, checkpoint: int) -> None:
        """Let go of the images that wait for a checkpoint's attachment: none comes. The next one predicts them."""
        self._coming = deque(key for key in self._coming if key[0] != checkpoint)
        self._forget([(checkpoint, image) for image in self._waiting.pop(checkpoint, ())])

    def _give_up_failed(self, checkpoint: int) -> None:
        found = self._store.checkpoints.get(checkpoint)
        if found is None or found.attachment.phase == "failed":
            self.give_up(checkpoint)

    def _forget(self, keys: Sequence[_Key]) -> None:
        """Forget that images wait: for the counts at once, on the screen slice by slice."""
        self._leaving.update(dict.fromkeys(keys))
        self._unfinished.difference_update(keys)
        self._pace.count(self.unfinished, finished=False)
        self._slice()

    # -- slices ------------------------------------------------------------------------------------------------

    def _slice(self) -> None:
        """Show what comes and what leaves, for a few milliseconds; the rest in the next turns of the loop."""
        if self._is_slicing:
            return
        self._is_slicing = True
        deadline = time.monotonic() + _SLICE
        while (self._leaving or self._coming) and time.monotonic() < deadline:
            if self._leaving:
                self._leave()
            else:
                self._come(*self._coming.popleft())
        self._is_slicing = False
        if self._leaving or self._coming:
            self._loop.post_turn(self._slice)
        self._go_on()

    def _leave(self) -> None:
        key = next(iter(self._leaving))
        del self._leaving[key]
        found = self._store.predictions.get(key)
        if found is not None and found.phase in ("waiting", "running"):
            del self._store.predictions[key]
            self._store.prediction_changed.emit(*key)

    def _come(self, checkpoint: int, image: int) -> None:
        found = self._store.predictions.get((checkpoint, image))
        if image in self._store.images and (found is None or found.phase == "failed"):
            self._suspects.discard((checkpoint, image))
            self._waiting.setdefault(checkpoint, deque()).append(image)
            self._store.set_prediction(checkpoint, image, Prediction())

    # -- the way of one image ----------------------------------------------------------------------------------

    def _go_on(self) -> None:
        for checkpoint in list(self._waiting):
            found = self._store.checkpoints.get(checkpoint)
            if found is None:
                del self._waiting[checkpoint]
            elif found.attachment.phase == "ready":
                self._fill(found)

    def _fill(self, found: OpenCheckpoint) -> None:
        """Send a checkpoint's images until its process has enough."""
        images = self._waiting.get(found.id)
        lane = _lane(found)
        while images:
            key = (found.id, images[0])
            prediction, item = self._store.predictions.get(key), self._store.images.get(key[1])
            if item is None or prediction is None or prediction.phase != "waiting":
                images.popleft()  # removed or cancelled meanwhile; or asked for twice
                continue
            if not self._has_room(found, lane, alone=key in self._suspects):
                return  # before its files are looked at: this is asked at every event
            sources = sources_of(self._store, key[1], found.attachment)
            if isinstance(sources, Failure):
                images.popleft()
                self._store.set_prediction(*key, Prediction(phase="failed", failure=sources))
                continue
            nbytes = sum(map(_size, sources.paths))
            there = [sent.nbytes for sent in self._running.values() if sent.lane == lane]
            if there and sum(there) + nbytes > _BYTES_IN_FLIGHT:
                return
            images.popleft()
            self._send(key, lane, found, sources, nbytes)
        if images is not None and not images:
            self._waiting.pop(found.id, None)

    def _has_room(self, found: OpenCheckpoint, lane: int | None, *, alone: bool) -> bool:
        """Tell whether a process is alive, and takes another image now."""
        # Where it died, what waits goes on when the next one has attached.
        process = self.link.process_id if lane is None else self.trusting.process_id(lane)
        if process is None:
            return False
        there = [key for key, sent in self._running.items() if sent.lane == lane]
        if alone or any(key in self._suspects for key in there):
            return not there
        most = _IN_FLIGHT if found.attachment.device == "cpu" else _IN_FLIGHT_ON_GPU
        return len(there) < most

    def _request(self, lane: int | None) -> Callable[..., None]:
        return self.link.request if lane is None else partial(self.trusting.request, lane)

    def _send(self, key: _Key, lane: int | None, found: OpenCheckpoint, sources: Sources, nbytes: int) -> None:
        sent = self._running[key] = _Sent(lane, nbytes)
        engine_id = found.attachment.engine_id
        self._store.set_prediction(*key, Prediction(phase="running"))
        self._ask(found, sources, partial(self._done, key, sent, engine_id), partial(self._failed, key, sent))

    def _ask(self, found: OpenCheckpoint, sources: Sources, done: _Done, failed: Callable[[Failure], None]) -> None:
        self._request(_lane(found))(
            "predict",
            {"attachment": found.attachment.engine_id, **sources.words, "top": self._top},
            lambda: read_item(sources.paths),
            done,
            failed,
            progress=self._tell,
        )

    def _tell(self, told: dict[str, Any]) -> None:
        """Say what the engine says of its work, such as that its memory is full."""
        note = told.get("note")
        if isinstance(note, str):
            self._store.notice(note[:500], "warning")

    def _finish(self, key: _Key, sent: _Sent) -> None:
        if self._running.get(key) is sent:
            del self._running[key]
        self._suspects.discard(key)

    def _done(self, key: _Key, sent: _Sent, engine_id: int, result: dict[str, Any], buffers: list[bytearray]) -> None:
        self._finish(key, sent)
        found, checkpoint = self._store.predictions.get(key), self._store.checkpoints.get(key[0])
        awaited = (found is not None and found.phase == "running") or sent.is_cancelled
        if sent.is_stale or not awaited or checkpoint is None or key[1] not in self._store.images:
            pass  # removed, closed, or asked for once more meanwhile
        elif checkpoint.attachment.engine_id == engine_id:
            self._leaving.pop(key, None)
            made = answer_of(result, buffers, checkpoint.attachment.task)
            self._store.set_prediction(*key, made)
            self._rasters.keep(key, made)
        elif not sent.is_cancelled:
            self._wait_again(key)  # attached anew meanwhile: the answer is the old attachment's
        self._go_on()

    def _wait_again(self, key: _Key) -> None:
        self._waiting.setdefault(key[0], deque()).appendleft(key[1])
        self._store.set_prediction(*key, Prediction())

    def _failed(self, key: _Key, sent: _Sent, failure: Failure) -> None:
        was_suspect = key in self._suspects
        self._finish(key, sent)
        found = self._store.predictions.get(key)
        if found is None or found.phase != "running" or sent.is_cancelled or sent.is_stale:
            pass
        elif failure.kind == "CancelledError":
            self._wait_again(key)  # its attachment was made anew
        elif failure.kind == "ProcessDied" and not was_suspect:
            # Once more when the new engine is ready: the death may have had nothing to do with this image.
            self._suspects.add(key)
            self._wait_again(key)
            self._give_up_failed(key[0])
        elif failure.kind == "DeviceLostError" and sent.lane is None:
            self._forget([key])  # no image can be predicted there; the next attachment predicts it
            self.link.lose_device(key[0], failure)
        else:
            self._store.set_prediction(*key, Prediction(phase="failed", failure=failure))
            if failure.kind == "DeviceMemoryError" and sent.lane is None:
                self.link.offer_cpu(key[0], failure)
        self._go_on()


def _lane(checkpoint: OpenCheckpoint) -> int | None:
    """Return which process predicts: None for the engine, else the trusted checkpoint whose own it is.

    Each takes its own images: a trusted model that hangs must not hold up the others.
    """
    return checkpoint.id if checkpoint.attachment.trusted else None


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0  # reading it will say why
