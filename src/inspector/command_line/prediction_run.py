"""Drives a session through one run: attach, predict, save; the same commands as a person's in the window."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from time import monotonic

from inspector.command_line.attaching import Attaching
from inspector.command_line.output import Update, tell
from inspector.command_line.prediction_request import Outcome, Request
from inspector.command_line.prediction_words import accuracy_counts, as_given, changes, free_name, pace
from inspector.command_line.problems import CommandError
from inspector.command_line.waiting import Waiting, parts
from inspector.export.predictions import ImageResult
from inspector.session import QueueLoop, Session, words
from inspector.session.failure import Failure
from inspector.session.prediction_state import ClassScore, Prediction
from inspector.session.sources import FLOW, NO_NEXT_IMAGE
from inspector.session.state import ImageItem

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
            outcome = self._outcome(number, self._save(number))
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
        self._session.add_images([Path(path) for path in self._arguments()])
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

    def _arguments(self) -> list[str]:
        """Return the images with their globs expanded, as Windows' shells leave them; a name that exists is none."""
        found = []
        for path in self._request.images:
            matches = sorted(glob.glob(path, recursive=True)) if not os.path.exists(path) else []
            found += matches or [path]
        return found

    # -- what came of it ---------------------------------------------------------------------------------------

    def _outcome(self, number: int, unsaved: Failure | None) -> Outcome:
        checkpoint = self._store.checkpoints[number]
        attachment = checkpoint.attachment
        found = {image.id: self._store.predictions.get((number, image.id)) for image in self._items(number)}
        stopped = any(_unfinished(prediction) for prediction in found.values())
        failure = self._store.engine.failure or attachment.failure
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
            [self._result(self._store.images[image], prediction) for image, prediction in found.items()],
            accuracy_counts(attachment, [(self._store.images[image], made) for image, made in found.items()]),
            parts(unsaved) if unsaved is not None else None,
            parts(failure) if stopped else None,
        )

    def _items(self, number: int) -> list[ImageItem]:
        """Return the images that have a result: of optical flow all but the last, after which there is none."""
        items = list(self._store.images.values())
        if self._store.checkpoints[number].attachment.task == FLOW and len(items) > 1:
            last = self._store.predictions.get((number, items[-1].id))
            failure = last.failure if last is not None else None
            # a clip has a motion of its own
            if last is None or (failure is not None and failure.kind == NO_NEXT_IMAGE):
                items.pop()
        return items

    def _result(self, item: ImageItem, made: Prediction | None) -> ImageResult:
        path = item.path.parent if item.frames else item.path
        name = as_given(path, {os.path.abspath(path): path for path in self._arguments()})
        if made is None or made.phase != "ready":
            failure = made.failure if made is not None else None
            return ImageResult(name, error=failure.sentence if failure is not None else _NOT_ITS_TURN)
        shown = tuple(row for row in made.classes if self._is_shown(row))
        return ImageResult(
            name,
            shown,
            None,
            made.milliseconds,
            made.width,
            made.height,
            made.note,
            made.motion._asdict() if made.motion is not None else None,
        )

    def _is_shown(self, row: ClassScore) -> bool:
        return row.box is None or row.score >= self._request.threshold

    def _save(self, number: int) -> Failure | None:
        """Save the pictures of what was predicted; return the first failure."""
        folder = self._request.save
        failures: list[Failure] = []
        if folder is None:
            return None
        taken: set[str] = set()
        for image in self._items(number):
            found = self._store.predictions.get((number, image.id))
            if found is None or found.phase != "ready":
                continue
            out = folder / free_name(Path(image.name).stem, taken)
            saved: list[Failure | None] = []
            total = words.plural(len(self._store.images), "picture")
            self._update(len(taken) / len(self._store.images), f"Saving {len(taken):,} of {total}")
            self._session.save_picture(image.id, number, out, saved.append, threshold=self._request.threshold)
            self._loop.run_until(lambda saved=saved: bool(saved))  # type: ignore[misc]
            failures += [failure for failure in saved if failure is not None]
        return failures[0] if failures else None


def _unfinished(prediction: Prediction | None) -> bool:
    return prediction is None or prediction.phase in ("waiting", "running")
