"""Masks that were let go are predicted again beside the prediction, which stays as it is until they are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inspector.session.answers import AnswerError, prediction_from
from inspector.session.failure import Failure
from inspector.session.prediction_state import Prediction
from inspector.session.raster_memory import RasterMemory
from inspector.session.sources import Sources, sources_of
from inspector.session.state import OpenCheckpoint
from inspector.session.store import Store

_Key = tuple[int, int]
_Done = Callable[[dict[str, Any], list[bytearray]], None]
Ask = Callable[[OpenCheckpoint, Sources, _Done, Callable[[Failure], None]], None]
_NOT_ATTACHED = Failure("Its masks were let go, and nothing is attached that makes them again.", "Attach it again.")
_ATTACHED_ANEW = Failure("The checkpoint was attached anew meanwhile.", "Try again.")


class Refetching:
    """The image that somebody looks at, and those that are drawn.

    Parameters
    ----------
    ask
        Has the process of a checkpoint predict an item's files, and hands its answer on.
    """

    def __init__(self, store: Store, rasters: RasterMemory, ask: Ask) -> None:
        self._store, self._rasters, self._ask = store, rasters, ask
        self._looking = False
        self._wanted: _Key | None = None
        store.checkpoint_changed.connect(lambda _: self._look())

    def look_at(self, checkpoint: int, image: int) -> None:
        """Get the masks of an image that were let go, now or as soon as its checkpoint is attached."""
        self._wanted = (checkpoint, image)
        self._look()

    def _look(self) -> None:
        """Ask for what was looked at last; for one at a time, since many are passed by."""
        key = self._wanted
        if key is None or self._looking:
            return
        before, found = self._store.predictions.get(key), self._store.checkpoints.get(key[0])
        if before is None or found is None or not before.rasters_dropped:
            self._wanted = None
        elif found.attachment.phase == "ready":
            self._wanted, self._looking = None, True
            self.fetch(*key, lambda told: self._looked(key, before, told))

    def _looked(self, key: _Key, before: Prediction, told: Prediction | Failure) -> None:
        self._looking = False
        if isinstance(told, Prediction) and self._store.predictions.get(key) is before:
            self._store.set_prediction(*key, told)
            self._rasters.keep(key, told)
        self._look()

    def fetch(self, checkpoint: int, image: int, done: Callable[[Prediction | Failure], None]) -> None:
        """Predict an image again for who needs its masks; the state stays as it is."""
        found = self._store.checkpoints.get(checkpoint)
        if found is None or found.attachment.phase != "ready":
            done(_NOT_ATTACHED)
            return
        attachment = found.attachment
        sources = sources_of(self._store, image, attachment)
        if isinstance(sources, Failure):
            done(sources)
            return

        def answered(result: dict[str, Any], buffers: list[bytearray]) -> None:
            now = self._store.checkpoints.get(checkpoint)
            if now is None or now.attachment.engine_id != attachment.engine_id:
                done(_ATTACHED_ANEW)
                return
            made = answer_of(result, buffers, attachment.task)
            done(made.failure or made)

        self._ask(found, sources, answered, done)


def answer_of(result: dict[str, Any], buffers: list[bytearray], task: str) -> Prediction:
    """Return what a process answered: a prediction, or one that failed since the answer does not hold together."""
    try:
        return prediction_from(result, buffers, task)
    except AnswerError as error:
        return Prediction(phase="failed", failure=Failure(error.message, error.hint, type(error).__name__))
