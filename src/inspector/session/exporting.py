"""Results for other programs: all predictions of a checkpoint as a table, as JSON, or drawn on copies of the images.

A table of ten thousand images takes half a second, so it is written in turns; pictures are made by the worker, a few at
a time. A file is put in place whole, or not at all.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO

from inspector.export.predictions import ImageResult, document, table
from inspector.session import words
from inspector.session.drawing import THRESHOLD
from inspector.session.failure import Failure
from inspector.session.free_names import FreeNames
from inspector.session.image_results import Pair, accuracy_counts, image_result, results_of, true_classes
from inspector.session.loop import Loop
from inspector.session.results import ResultRow, row_of
from inspector.session.state import Attachment, EngineOptions, PicturesState
from inspector.session.store import Store

#: Images written in one turn of the loop.
_SLICE = 150
_NOT_PREDICTED = "It has not been predicted."
#: Pictures asked for at once.
_IN_FLIGHT = 2

Kind = Literal["csv", "json"]


class Save(Protocol):
    """Saves a copy of an image with a checkpoint's prediction drawn on it, and tells what went wrong."""

    def __call__(
        self, image: int, checkpoint: int, out: Path, done: Callable[[Failure | None], None], /, *, threshold: float
    ) -> None:
        """Begin to."""


@dataclass(slots=True)
class _Pictures:
    """Pictures that are being saved."""

    checkpoint: int
    folder: Path
    left: list[tuple[int, Path]]
    total: int
    threshold: float
    asked: int = 0
    saved: int = 0
    failures: int = 0
    first: Failure | None = None


class Exporting:
    """Writes the results of one checkpoint; what came of it is told as a notice.

    Parameters
    ----------
    save_picture
        Saves a copy of an image with a checkpoint's prediction drawn on it.
    """

    def __init__(self, store: Store, loop: Loop, save_picture: Save) -> None:
        self._store = store
        self._loop = loop
        self._save_picture = save_picture
        self._pictures: _Pictures | None = None
        self._parts: dict[Path, TextIO] = {}

    def close(self) -> None:
        """Write no more, and leave no half of a file."""
        for part in list(self._parts):
            self._give_up(part)

    def _give_up(self, part: Path) -> None:
        with contextlib.suppress(OSError):
            self._parts.pop(part).close()
        with contextlib.suppress(OSError):
            part.unlink()

    # -- tables ------------------------------------------------------------------------------------------------

    def save_table(
        self, checkpoint: int, images: Sequence[int], out: Path, kind: Kind, *, threshold: float = THRESHOLD
    ) -> None:
        """Write the predictions of images as they are now as CSV or JSON, in place of a file that is there.

        Parameters
        ----------
        threshold
            Objects with a smaller score are left out.
        """
        found = self._store.checkpoints.get(checkpoint)
        if found is None:
            return
        pairs = results_of(self._store, checkpoint, images)
        # The file's own model is run as it is.
        options = EngineOptions() if found.attachment.trusted else self._store.engine.options
        pieces = _csv(pairs, threshold) if kind == "csv" else _json(found.attachment, options, pairs, threshold)
        self.write(out, pieces, f"The results of {words.plural(len(pairs), 'image')} are in {out.name}.")

    def write(self, out: Path, pieces: Iterator[str], sentence: str) -> None:
        """Write a text, a piece in each turn, in place of a file that is there but for those that are open here.

        Parameters
        ----------
        sentence
            What the person is told at the end.
        """
        if self._is_open(out):
            self._store.notice(f"{out.name} is a file that is open here. Choose another name.", "error")
            return
        part = out.with_name(f".{out.name}.{os.getpid()}.part")
        try:
            self._parts[part] = part.open("x", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            self._tell_unwritable(out, error)
            return
        self._write(part, out, pieces, sentence)

    def _is_open(self, out: Path) -> bool:
        """Whether a path leads to a file of an open checkpoint, which is never written over."""
        try:
            status = out.stat()
        except OSError:
            return False
        held = (found.summary.files for found in self._store.checkpoints.values() if found.summary is not None)
        return any(
            (file.identity.device, file.identity.inode) == (status.st_dev, status.st_ino)
            for files in held
            for file in files
        )

    def _write(self, part: Path, out: Path, pieces: Iterator[str], sentence: str) -> None:
        """Write the next piece, and the rest in turns to come."""
        try:
            piece = next(pieces, None)
            if piece is not None:
                self._parts[part].write(piece)
                self._loop.post_turn(lambda: self._write(part, out, pieces, sentence))
                return
            self._parts[part].close()
            os.replace(part, out)
            del self._parts[part]
        except OSError as error:
            self._give_up(part)
            self._tell_unwritable(out, error)
            return
        self._store.notice(sentence)

    def _tell_unwritable(self, out: Path, error: OSError) -> None:
        self._store.notice(f"{out.name} can't be written: {error.strerror}. Choose another folder.", "error")

    # -- pictures ----------------------------------------------------------------------------------------------

    def save_pictures(
        self, checkpoint: int, images: Sequence[int], folder: Path, *, threshold: float = THRESHOLD
    ) -> None:
        """Save copies of the images that have a prediction with it drawn on them, as PNG; none replaces a file."""
        if self._pictures is not None:
            self._store.notice("Pictures are being saved already. Cancel that, or wait until it is done.", "warning")
            return
        items = [self._store.images[image] for image in images if self._is_predicted(checkpoint, image)]
        if not items:
            self._store.notice("No image has a prediction yet, so there is nothing to draw.", "warning")
            return
        names = FreeNames(folder)
        left = [(item.id, names.take(item.stem)) for item in items]
        self._pictures = _Pictures(checkpoint, folder, left[::-1], len(left), threshold)
        self._tell_progress()
        self._go_on()

    def _tell_progress(self) -> None:
        made = self._pictures
        state = PicturesState(made.folder.name, made.saved + made.failures, made.total) if made is not None else None
        self._store.set_pictures(state)

    def cancel(self) -> None:
        """Save no more pictures."""
        if self._pictures is not None:
            self._pictures.left.clear()
            if not self._pictures.asked:
                self._finish(self._pictures)

    @property
    def is_saving(self) -> bool:
        """Whether pictures are being saved."""
        return self._pictures is not None

    def _is_predicted(self, checkpoint: int, image: int) -> bool:
        found = self._store.predictions.get((checkpoint, image))
        return image in self._store.images and found is not None and found.phase == "ready"

    def _go_on(self) -> None:
        pictures = self._pictures
        if pictures is None:
            return
        while pictures.left and pictures.asked < _IN_FLIGHT:
            image, out = pictures.left.pop()
            pictures.asked += 1
            # In a turn to come: what fails at once must not go deeper and deeper.
            self._loop.post_turn(lambda image=image, out=out: self._save(pictures, image, out))  # type: ignore[misc]
        if not pictures.asked:
            self._finish(pictures)

    def _save(self, pictures: _Pictures, image: int, out: Path) -> None:
        self._save_picture(
            image,
            pictures.checkpoint,
            out,
            lambda failure: self._saved(pictures, failure),
            threshold=pictures.threshold,
        )

    def _saved(self, pictures: _Pictures, failure: Failure | None) -> None:
        pictures.asked -= 1
        pictures.saved += failure is None
        if failure is not None:
            pictures.failures += 1
            pictures.first = pictures.first or failure
        self._tell_progress()
        self._go_on()

    def _finish(self, pictures: _Pictures) -> None:
        self._pictures = None
        self._tell_progress()
        of = words.plural(pictures.total, "picture")
        done = f"{words.number(pictures.saved)} of {of} saved in {pictures.folder.name}."
        if pictures.first is not None:
            done += f" {words.number(pictures.failures)} could not be: {pictures.first.sentence}"
        self._store.notice(done, "warning" if pictures.first is not None else "info")


def _slices(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    for start in range(0, len(pairs), _SLICE):
        yield pairs[start : start + _SLICE]


def _results(pairs: Iterable[Pair], threshold: float) -> list[ImageResult]:
    return [image_result(item, found, threshold=threshold, missing=_NOT_PREDICTED) for item, found in pairs]


def _csv(pairs: Sequence[Pair], threshold: float) -> Iterator[str]:
    yield table([])  # the columns' names
    for some in _slices(pairs):
        yield table(_results(some, threshold)).split("\n", 1)[1]


def _json(attachment: Attachment, options: EngineOptions, pairs: Sequence[Pair], threshold: float) -> Iterator[str]:
    rows: list[ResultRow] = []
    classes = true_classes(attachment)
    for some in _slices(pairs) if classes is not None else ():
        rows += [row_of(item, found, classes) for item, found in some]
        yield ""  # nothing yet: the accuracy comes first
    head = (attachment.architecture, attachment.task, attachment.device)
    counts = accuracy_counts(rows, classes)
    whole = document(*head, [], counts, autocast=options.autocast, compiled=options.compile)
    begin, end = json.dumps(whole, ensure_ascii=False).rsplit("[]", 1)
    yield f"{begin}["
    comma = "\n"
    for some in _slices(pairs):
        made = document(*head, _results(some, threshold))["results"]
        yield comma + ",\n".join(json.dumps(_without_nan(row), ensure_ascii=False, allow_nan=False) for row in made)
        comma = ",\n"
    yield f"\n]{end}\n"


def _without_nan(value: Any) -> Any:
    """Return a value for JSON, which has no NaN and no infinity: they are null."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
