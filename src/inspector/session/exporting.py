"""Results for other programs: all predictions of a checkpoint as a table, as JSON, or drawn on copies of the images.

A table of ten thousand images takes half a second, so it is written in turns; pictures are made by the worker, a few at
a time. A file is put in place whole, or not at all.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from inspector.export.predictions import ImageResult, document, table
from inspector.session import words
from inspector.session.failure import Failure
from inspector.session.loop import Loop
from inspector.session.prediction_state import Prediction
from inspector.session.state import ImageItem, OpenCheckpoint, PicturesState
from inspector.session.store import Store

#: Images written in one turn of the loop.
_SLICE = 150
#: Pictures asked for at once.
_IN_FLIGHT = 2

Kind = Literal["csv", "json"]
Save = Callable[[int, int, Path, Callable[[Failure | None], None]], None]


@dataclass(slots=True)
class _Pictures:
    """Pictures that are being saved."""

    checkpoint: int
    folder: Path
    left: list[tuple[int, Path]]
    total: int
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

    # -- tables ------------------------------------------------------------------------------------------------

    def save_table(self, checkpoint: int, images: Sequence[int], out: Path, kind: Kind) -> None:
        """Write the predictions of images as CSV or JSON, in place of a file that is there."""
        found = self._store.checkpoints.get(checkpoint)
        if found is None:
            return
        part = out.with_name(f".{out.name}.{os.getpid()}.part")
        try:
            file = part.open("x", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            self._tell_unwritable(out, error)
            return
        pieces = self._csv(checkpoint, images) if kind == "csv" else self._json(found, images)
        self._write(file, part, out, pieces, len(images))

    def _write(self, file: TextIO, part: Path, out: Path, pieces: Iterator[str], count: int) -> None:
        """Write the next piece, and the rest in turns to come."""
        try:
            piece = next(pieces, None)
            if piece is not None:
                file.write(piece)
                self._loop.post_turn(lambda: self._write(file, part, out, pieces, count))
                return
            file.close()
            os.replace(part, out)
        except OSError as error:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                part.unlink()
            self._tell_unwritable(out, error)
            return
        self._store.notice(f"The results of {words.plural(count, 'image')} are in {out.name}.")

    def _tell_unwritable(self, out: Path, error: OSError) -> None:
        self._store.notice(f"{out.name} can't be written: {error.strerror}. Choose another folder.", "error")

    def _slices(self, checkpoint: int, images: Sequence[int]) -> Iterator[list[ImageResult]]:
        for start in range(0, len(images), _SLICE):
            items = [self._store.images.get(image) for image in images[start : start + _SLICE]]
            yield [
                result_of(item, self._store.predictions.get((checkpoint, item.id)))
                for item in items
                if item is not None
            ]

    def _csv(self, checkpoint: int, images: Sequence[int]) -> Iterator[str]:
        yield table([])  # the columns' names
        for results in self._slices(checkpoint, images):
            yield table(results).split("\n", 1)[1]

    def _json(self, found: OpenCheckpoint, images: Sequence[int]) -> Iterator[str]:
        attachment = found.attachment
        head = (attachment.architecture, attachment.task, attachment.device)
        begin, end = json.dumps(document(*head, []), ensure_ascii=False).rsplit("[]", 1)
        yield f"{begin}["
        comma = "\n"
        for results in self._slices(found.id, images):
            rows = [
                json.dumps(_without_nan(row), ensure_ascii=False, allow_nan=False)
                for row in document(*head, results)["results"]
            ]
            if rows:
                yield comma + ",\n".join(rows)
                comma = ",\n"
        yield f"\n]{end}\n"

    # -- pictures ----------------------------------------------------------------------------------------------

    def save_pictures(self, checkpoint: int, images: Sequence[int], folder: Path) -> None:
        """Save copies of the images that have a prediction with it drawn on them, as PNG; none replaces a file."""
        if self._pictures is not None:
            self._store.notice("Pictures are being saved already. Cancel that, or wait until it is done.", "warning")
            return
        items = [self._store.images[image] for image in images if self._is_predicted(checkpoint, image)]
        if not items:
            self._store.notice("No image has a prediction yet, so there is nothing to draw.", "warning")
            return
        names = free_names(items, folder)
        left = [(item.id, folder / name) for item, name in zip(items, names, strict=True)]
        self._pictures = _Pictures(checkpoint, folder, left[::-1], len(left))
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
        self._save_picture(image, pictures.checkpoint, out, lambda failure: self._saved(pictures, failure))

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


def result_of(item: ImageItem, found: Prediction | None) -> ImageResult:
    """Return what came of an image, as it is exported."""
    path = str(item.path)
    if found is None or found.phase != "ready":
        failure = (found.failure if found is not None else None) or item.failure
        return ImageResult(path, error=failure.sentence if failure is not None else "It has not been predicted.")
    return ImageResult(
        path, found.classes, None, found.milliseconds, width=found.width, height=found.height, note=found.note
    )


def free_names(items: Sequence[ImageItem], folder: Path) -> list[str]:
    """Return a name for the copy of each image that is neither in the folder nor another copy's."""
    taken = {name.casefold() for name in os.listdir(folder)} if folder.is_dir() else set()
    names = []
    for item in items:
        name, number = f"{item.stem}.png", 1
        while name.casefold() in taken:
            number += 1
            name = f"{item.stem}-{number}.png"
        taken.add(name.casefold())
        names.append(name)
    return names


def _without_nan(value: Any) -> Any:
    """Return a value for JSON, which has no NaN and no infinity: they are null."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
