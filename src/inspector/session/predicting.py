"""Predictions: every image against the current checkpoint's attachment, a few at a time, in the strip's order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from inspector.processes.image_files import read_image
from inspector.session.engine_link import EngineLink
from inspector.session.state import ClassScore, Failure, Prediction
from inspector.session.store import Store

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
        self._running: set[tuple[int, int]] = set()
        self._retried: set[tuple[int, int]] = set()
        self._unfinished: set[tuple[int, int]] = set()
        self.link: EngineLink  # set by the session: both need each other
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
        if self.link.process_id is None:
            return  # the engine died: what waits goes on when the next one has attached
        skipped: list[tuple[int, int]] = []
        while self._waiting and len(self._running) < _IN_FLIGHT:
            key = self._waiting.popleft()
            checkpoint, found = self._store.checkpoints.get(key[0]), self._store.predictions.get(key)
            if checkpoint is None or key[1] not in self._store.images or found is None or found.phase != "waiting":
                continue  # closed, removed or cancelled meanwhile; or asked for twice
            if checkpoint.attachment.phase != "ready":
                skipped.append(key)
                continue
            self._send(key, checkpoint.attachment.engine_id)
        self._waiting.extendleft(reversed(skipped))

    def _send(self, key: tuple[int, int], engine_id: int) -> None:
        path = self._store.images[key[1]].path
        self._running.add(key)
        self._store.set_prediction(*key, Prediction(phase="running"))
        self.link.request(
            "predict",
            {"attachment": engine_id, "name": path.name, "top": self._top},
            lambda: [read_image(path)],
            self._done(key, engine_id),
            self._failed(key),
        )

    def _done(self, key: tuple[int, int], engine_id: int) -> Callable[[dict[str, Any], list[bytearray]], None]:
        def done(result: dict[str, Any], _: list[bytearray]) -> None:
            self._running.discard(key)
            found, checkpoint = self._store.predictions.get(key), self._store.checkpoints.get(key[0])
            if found is None or checkpoint is None or found.phase != "running":
                pass  # removed, closed, or asked for once more meanwhile
            elif checkpoint.attachment.engine_id != engine_id:
                self._waiting.appendleft(key)  # attached anew meanwhile: the answer is the old attachment's
                self._store.set_prediction(*key, Prediction())
            else:
                classes = tuple(ClassScore(row["label"], row["index"], row["score"]) for row in result["predictions"])
                made = Prediction("ready", classes, float(result["milliseconds"]), str(result["device"]))
                self._store.set_prediction(*key, made)
            self._go_on()

        return done

    def _failed(self, key: tuple[int, int]) -> Callable[[Failure], None]:
        def failed(failure: Failure) -> None:
            self._running.discard(key)
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
