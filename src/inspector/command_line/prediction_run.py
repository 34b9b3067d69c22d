"""Drives a session through one run: attach, predict, save; the same commands as a person's in the window."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from inspector.command_line.attaching import Attaching
from inspector.command_line.output import Update, tell
from inspector.command_line.prediction_request import Outcome, Request
from inspector.command_line.prediction_words import as_given, changes, pace
from inspector.command_line.problems import CommandError
from inspector.command_line.saving import Saving
from inspector.command_line.waiting import Waiting, parts
from inspector.export.predictions import ImageResult
from inspector.session import QueueLoop, Session, words
from inspector.session.failure import Failure
from inspector.session.image_results import accuracy_counts, image_result, results_of, true_classes
from inspector.session.prediction_state import Prediction
from inspector.session.results import row_of
from inspector.session.state import Attachment, ImageItem

_NOT_ITS_TURN = "The engine stopped before its turn."


class PredictionRun:
    """One run of ``inspector predict``.

    Parameters
    ----------
    update
        Takes the progress.
    """

    def __init__(self, request: Request, update: Update) -> None:
        self._request = request
        self._update = update
        self._loop = QueueLoop()
        self._session = Session(
            self._loop, engine_python=request.python, device=request.device, top=request.top, thumbnails=False
        )
        self._store = self._session.store
        self._waiting = Waiting(self._loop, self._store)
        self._attaching = Attaching(request, self._session, self._waiting, update)
        self._images = _expanded(request.images)
        self._given = {os.path.abspath(path): path for path in self._images}
        self._saving = (
            Saving(self._session, self._loop, request.save, request.threshold) if request.save is not None else None
        )
        self._attachment = Attachment()  # the last one that worked: what was predicted is its
        self._store.checkpoint_changed.connect(self._keep_attachment)

    def _keep_attachment(self, number: int) -> None:
        found = self._store.checkpoints.get(number)
        if found is not None and found.attachment.phase == "ready":
            self._attachment = found.attachment

    def run(self) -> Outcome:
        """Do it all.

        Raises
        ------
        CommandError
            The file can't be read, or not be used as asked.
        EngineFailedError
            The engine can't run, and nothing was predicted.
        """
        try:
            number = self._attaching.run()
            self._predict(number)
            outcome = self._outcome(number, self._finish_saving())
        finally:
            self._session.close_processes()
        if outcome.stopped is None and outcome.unsaved is None:  # an error is one line
            for warning in self._waiting.warnings:
                tell(warning)
        return outcome

    def _predict(self, number: int) -> None:
        finished: set[int] = set()
        listed: list[bool] = []
        started = monotonic()
        self._store.images_changed.connect(lambda: listed.append(True))

        def changed(checkpoint: int, image: int) -> None:
            found = self._store.predictions.get((checkpoint, image))
            if found is not None and found.phase in ("ready", "failed"):
                finished.add(image)
                total = len(self._store.images)
                self._update(len(finished) / total, pace(len(finished), total, monotonic() - started))

        self._store.prediction_changed.connect(changed)
        self._session.add_images([Path(path) for path in self._images])
        self._waiting.until(lambda: bool(listed))
        if not self._store.images:
            raise CommandError(f"There is no image in {', '.join(self._request.images)}.", "Name another folder.")
        self._waiting.quietly(lambda: self._is_done() or self._store.engine.phase == "failed")
        if not any(found.phase == "ready" for found in self._store.predictions.values()):
            self._waiting.for_engine(self._is_done)  # nothing to keep: the engine's failure is all there is to say
            if any((number, image) not in self._store.predictions for image in self._store.images):
                self._attaching.require_attached(number)

    def _is_done(self) -> bool:
        return self._session.unfinished_predictions == 0

    # -- what came of it ---------------------------------------------------------------------------------------

    def _outcome(self, number: int, unsaved: Failure | None) -> Outcome:
        attachment = self._attachment
        found = results_of(self._store, number, list(self._store.images))
        stopped = self._why_stopped(number, [prediction for _, prediction in found])
        classes = true_classes(attachment)
        return Outcome(
            attachment.architecture,
            attachment.task,
            attachment.device,
            attachment.device_description,
            attachment.eval_sentence,
            attachment.labels_from,
            attachment.trusted,
            attachment.preprocessing.get("source") == "assumed",
            changes(self._request.options),
            [self._result(item, prediction) for item, prediction in found],
            accuracy_counts((row_of(item, prediction, classes) for item, prediction in found), classes),
            parts(unsaved) if unsaved is not None else None,
            parts(stopped) if stopped is not None else None,
        )

    def _why_stopped(self, number: int, found: list[Prediction | None]) -> Failure | None:
        """Return why the engine could not go on; None where it did: it may die of one image, and predict others."""
        if any(map(_unfinished, found)):
            now = self._store.checkpoints[number].attachment
            return self._store.engine.failure or now.failure or Failure("The engine can't run.")
        deaths = [made.failure for made in found if made is not None and made.failure is not None]
        deaths = [failure for failure in deaths if failure.kind == "ProcessDied"]
        ready = any(made is not None and made.phase == "ready" for made in found)
        return deaths[0] if deaths and not ready else None

    def _result(self, item: ImageItem, made: Prediction | None) -> ImageResult:
        path = item.path.parent if item.frames else item.path
        name = as_given(path, self._given)
        return image_result(item, made, threshold=self._request.threshold, name=name, missing=_NOT_ITS_TURN)

    def _finish_saving(self) -> Failure | None:
        """Wait until the pictures of what was predicted are saved; return the first failure."""
        saving = self._saving
        if saving is None:
            return None

        def is_done() -> bool:
            total = saving.total
            self._update(saving.saved / max(1, total), f"Saving {saving.saved:,} of {words.plural(total, 'picture')}")
            return saving.is_done

        self._loop.run_until(is_done)
        return saving.failures[0] if saving.failures else None


def _expanded(given: Sequence[str]) -> list[str]:
    """Return images with their globs expanded, as Windows' shells leave them; a name that exists is none."""
    found = []
    for path in given:
        matches = sorted(glob.glob(path, recursive=True)) if not os.path.exists(path) else []
        found += matches or [path]
    return found


def _unfinished(prediction: Prediction | None) -> bool:
    return prediction is None or prediction.phase in ("waiting", "running")
