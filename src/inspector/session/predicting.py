"""Predictions: every image against the current checkpoint's attachment, a few at a time, in the strip's order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from inspector.processes.image_files import read_image
from inspector.session.answers import AnswerError, prediction_from
from inspector.session.engine_link import EngineLink
from inspector.session.failure import Failure
from inspector.session.prediction_state import Prediction
from inspector.session.sources import sources_of
from inspector.session.state import OpenCheckpoint
from inspector.session.store import Store
from inspector.session.trusting import Trusting

#: Images sent to the engine at once: one computes, one is there already when it is done.
_IN_FLIGHT = 2

#: Classes shown per image.
TOP = 5


class Predicting:
    """The queue of images that wait for a prediction."""

    def __init__(self, store: Store, top: int = TOP) -> None:
        self._store = store
        self._top = top
        self._waiting: deque[tuple[int, int]] = deque()
        self._running: dict[tuple[int, int], int | None] = {}  # by the process it is predicted in, see `_lane`
        self._retried: set[tuple[int, int]] = set()
        self._unfinished: set[tuple[int, int]] = set()
        self.link: EngineLink  # set by the session: both need each other
        self.trusting: Trusting
        store.prediction_changed.connect(self._count)
        store.checkpoint_changed.connect(self._give_up_failed)

    @property
    def unfinished(self) -> int:
        """Images that wait or are being predicted."""
        return len(self._unfinished)

    def _count(self, checkpoint: int, image: int) -> None:
        found = self._store.predictions.get((checkpoint, image))
        awaited = found is not None and found.phase in ("waiting", "running")
        (self._unfinished.add if awaited else self._unfinished.discard)((checkpoint, image))

    def predict(self, checkpoint: int, images: Sequence[int]) -> None:
        """Predict the images with a checkpoint's attachment, as soon as it has one."""
        for image in images:
            found = self._store.predictions.get((checkpoint, image))
            if found is None or found.phase == "failed":
                self._retried.discard((checkpoint, image))
                self._waiting.append((checkpoint, image))
                self._store.set_prediction(checkpoint, image, Prediction())
        self._go_on()

    def again(self, checkpoint: int, images: Sequence[int]) -> None:
        """Predict images anew: what they are predicted from has changed."""
        for image in images:
            if self._store.predictions.pop((checkpoint, image), None) is not None:
                self._store.prediction_changed.emit(checkpoint, image)
        self.predict(checkpoint, [image for image in images if image in self._store.images])

    def predict_all(self, checkpoint: int) -> None:
        """Predict every image of the strip that has no prediction of this checkpoint yet."""
        self._go_on()
        # Not those that failed: one that ends the engine would end the next one too, and so on.
        seen = self._store.predictions
        self.predict(checkpoint, [image for image in self._store.images if (checkpoint, image) not in seen])

    def cancel(self) -> None:
        """Give up all images that still wait; the ones in the engine end by themselves."""
        waiting, self._waiting = list(self._waiting), deque()
        count = self._forget(waiting)
        if count:
            self._store.notice(f"Cancelled: {count:,} {'image' if count == 1 else 'images'} not predicted.")

    def give_up(self, checkpoint: int) -> None:
        """Let go of the images that wait for a checkpoint's attachment: none comes. The next one predicts them."""
        waiting = [key for key in self._waiting if key[0] == checkpoint]
        if waiting:
            self._waiting = deque(key for key in self._waiting if key[0] != checkpoint)
            self._forget(waiting)

    def _give_up_failed(self, checkpoint: int) -> None:
        found = self._store.checkpoints.get(checkpoint)
        if found is not None and found.attachment.phase == "failed":
            self.give_up(checkpoint)

    def _forget(self, keys: Sequence[tuple[int, int]]) -> int:
        """Forget that images wait; return how many did."""
        forgotten = [key for key in keys if self._store.predictions.pop(key, None) is not None]
        for key in forgotten:
            self._store.prediction_changed.emit(*key)
        return len(forgotten)

    def _go_on(self) -> None:
        trusted = [found.id for found in self._store.checkpoints.values() if found.attachment.trusted]
        open_lanes = {lane for lane in (None, *trusted) if self._has_room(lane)}
        skipped: list[tuple[int, int]] = []
        while self._waiting and open_lanes:
            key = self._waiting.popleft()
            checkpoint, found = self._store.checkpoints.get(key[0]), self._store.predictions.get(key)
            if checkpoint is None or key[1] not in self._store.images or found is None or found.phase != "waiting":
                continue  # closed, removed or cancelled meanwhile; or asked for twice
            lane = _lane(checkpoint)
            if checkpoint.attachment.phase != "ready" or lane not in open_lanes:
                skipped.append(key)
                continue
            self._send(key, lane, checkpoint.attachment.engine_id)
            if not self._has_room(lane):
                open_lanes.discard(lane)
        self._waiting.extendleft(reversed(skipped))

    def _has_room(self, lane: int | None) -> bool:
        """Tell whether a process is alive, and takes another image now."""
        # Where it died, what waits goes on when the next one has attached.
        process = self.link.process_id if lane is None else self.trusting.process_id(lane)
        return process is not None and list(self._running.values()).count(lane) < _IN_FLIGHT

    def _send(self, key: tuple[int, int], lane: int | None, engine_id: int) -> None:
        paths = sources_of(self._store, key[1], self._store.checkpoints[key[0]].attachment.task)
        if isinstance(paths, Failure):
            self._store.set_prediction(*key, Prediction(phase="failed", failure=paths))
            return
        self._running[key] = lane
        self._store.set_prediction(*key, Prediction(phase="running"))
        request = self.link.request if lane is None else partial(self.trusting.request, lane)
        request(
            "predict",
            {"attachment": engine_id, "names": [path.name for path in paths], "top": self._top},
            lambda: [read_image(path) for path in paths],
            self._done(key, engine_id),
            self._failed(key),
        )

    def _done(self, key: tuple[int, int], engine_id: int) -> Callable[[dict[str, Any], list[bytearray]], None]:
        def done(result: dict[str, Any], buffers: list[bytearray]) -> None:
            self._running.pop(key, None)
            found, checkpoint = self._store.predictions.get(key), self._store.checkpoints.get(key[0])
            if found is None or checkpoint is None or found.phase != "running":
                pass  # removed, closed, or asked for once more meanwhile
            elif checkpoint.attachment.engine_id != engine_id:
                self._waiting.appendleft(key)  # attached anew meanwhile: the answer is the old attachment's
                self._store.set_prediction(*key, Prediction())
            else:
                self._store.set_prediction(*key, _read(result, buffers, checkpoint.attachment.task))
            self._go_on()

        return done

    def _failed(self, key: tuple[int, int]) -> Callable[[Failure], None]:
        def failed(failure: Failure) -> None:
            self._running.pop(key, None)
            if key in self._store.predictions:
                if failure.kind == "ProcessDied" and key not in self._retried:
                    # Once more when the new engine is ready: the death may have had nothing to do with this image.
                    self._retried.add(key)
                    self._waiting.appendleft(key)
                    self._store.set_prediction(*key, Prediction())
                    self._give_up_failed(key[0])
                else:
                    self._store.set_prediction(*key, Prediction(phase="failed", failure=failure))
            self._go_on()

        return failed


def _lane(checkpoint: OpenCheckpoint) -> int | None:
    """Return which process predicts: None for the engine, else the trusted checkpoint whose own it is.

    Each takes its own images: a trusted model that hangs must not hold up the others.
    """
    return checkpoint.id if checkpoint.attachment.trusted else None


def _read(result: dict[str, Any], buffers: list[bytearray], task: str) -> Prediction:
    try:
        return prediction_from(result, buffers, task)
    except AnswerError as error:
        return Prediction(phase="failed", failure=Failure(error.message, error.hint, type(error).__name__))
