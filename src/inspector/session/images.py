"""The images in the strip: listed by the worker, added a slice at a time, the selected one shown larger."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inspector.checkpoint.folders import what_instead
from inspector.checkpoint.text import clean_name
from inspector.session.clients import Worker
from inspector.session.drawing import THRESHOLD, drawing_message
from inspector.session.failure import Failure
from inspector.session.loop import Loop
from inspector.session.prediction_state import Prediction
from inspector.session.sources import items_of
from inspector.session.state import ImageItem, Thumbnail
from inspector.session.store import Store
from inspector.session.thumbnails import thumbnail_from

#: Images added in one turn of the loop.
_SLICE = 250

#: Twice the size it is shown at, for sharp pictures on dense screens.
PREVIEW = (720, 640)
LARGE = (1600, 1200)

Fetch = Callable[[int, int, Callable[[Prediction | Failure], None]], None]


class Images:
    """Commands about the strip of images.

    Attributes
    ----------
    unlisted
        Images of folders that are about to be added.

    Parameters
    ----------
    fetch
        Predicts an image again whose masks were let go.
    """

    def __init__(self, store: Store, loop: Loop, worker: Worker, fetch: Fetch) -> None:
        self._store = store
        self._fetch = fetch
        self._loop = loop
        self._worker = worker
        self._known: dict[tuple[Path, ...], int] = {}  # by file, or frames; some may be removed again
        self._cleared = 0
        self.unlisted = 0
        self._previews: set[tuple[int, tuple[int, int]]] = set()  # asked for, of the image that is looked at

    def add(self, paths: Sequence[Path], added: Callable[[list[int]], None], *, clips: bool = False) -> None:
        """Add image files and the images in folders; ``added`` gets the ids of all of them, known ones too.

        Parameters
        ----------
        clips
            Whether a folder of pictures is one clip, whose frames they are.
        """
        folders = [path for path in paths if clips and path.is_dir()]
        cleared = self._cleared

        def done(result: dict[str, Any], _: list[bytearray]) -> None:
            if cleared != self._cleared:
                return  # the strip was emptied while the folder was listed
            if result["left_out"]:
                self._store.notice(f"Only the first {len(result['images']):,} images were taken.", "warning")
            if not result["images"]:
                self._store.notice(_no_image_in(paths), "warning")
            left = deque(items_of([Path(path) for path in result["images"]], clips=clips, folders=folders))
            self.unlisted += len(left)
            self._add_slice(left, added, cleared)

        self._worker.request("list_images", {"paths": [str(path) for path in paths]}, [], done, self._tell)

    def _add_slice(self, left: deque[tuple[Path, ...]], added: Callable[[list[int]], None], cleared: int) -> None:
        """Add the next images, and the rest in turns to come: ten thousand at once would stop the window."""
        if cleared != self._cleared:
            self.unlisted -= len(left)
            return
        numbers = []
        for _ in range(min(_SLICE, len(left))):
            files = left.popleft()
            number = self._known.get(files)
            if number is None or number not in self._store.images:
                number = self._known[files] = self._store.next_id()
                self._store.images[number] = ImageItem(number, files[0], frames=files if len(files) > 1 else ())
            numbers.append(number)
        self.unlisted -= len(numbers)
        self._store.adding = bool(left)
        self._store.images_changed.emit()
        added(numbers)
        if left:
            self._loop.post_turn(lambda: self._add_slice(left, added, cleared))

    def save_picture(
        self,
        number: int,
        checkpoint: int,
        out: Path,
        done: Callable[[Failure | None], None],
        *,
        threshold: float = THRESHOLD,
    ) -> None:
        """Save a copy of an image with a checkpoint's prediction drawn on it, as PNG.

        Parameters
        ----------
        done
            Gets what went wrong, or None.
        threshold
            Objects with a smaller score are left out.
        """
        item, found = self._store.images.get(number), self._store.predictions.get((checkpoint, number))
        if item is None or found is None or found.phase != "ready":
            done(Failure("This image has no prediction to draw.", "Predict it first.", "NoPredictionError"))
            return
        if found.rasters_dropped:
            self._fetch(
                checkpoint,
                number,
                lambda told: done(told) if isinstance(told, Failure) else self._draw(item, told, out, done, threshold),
            )
        else:
            self._draw(item, found, out, done, threshold)

    def _draw(
        self, item: ImageItem, found: Prediction, out: Path, done: Callable[[Failure | None], None], threshold: float
    ) -> None:
        params, buffers = drawing_message(found, threshold)
        paths = {"path": str(item.path), "out": str(out)}
        self._worker.request("draw_prediction", params | paths, buffers, lambda *_: done(None), done)

    def clear(self) -> None:
        """Remove all images and what was predicted for them."""
        numbers = list(self._store.images)
        self._cleared += 1
        self._known.clear()
        self._store.adding = False
        self._store.images.clear()
        self._store.drop_predictions(images=numbers)
        self._store.images_changed.emit()

    def preview(self, number: int, *, large: bool = False) -> None:
        """Make a larger picture of one image (``large``: one that fills the window); those of others are let go."""
        box = LARGE if large else PREVIEW
        item = self._store.images.get(number)
        if item is None or (item.preview is not None and _is_as_large(item.preview, box)):
            return
        if (number, box) in self._previews:
            return
        others = [image.id for image in self._store.images.values() if image.preview is not None and image.id != number]
        for other in others:
            self._store.change_image(other, preview=None)
        self._previews = {(number, box)}
        params = {"path": str(item.path), "width": box[0], "height": box[1]}
        self._worker.request(
            "thumbnail",
            params,
            [],
            lambda result, buffers: self._previewed(number, box, thumbnail_from(result, buffers)),
            lambda _: self._previews.discard((number, box)),  # the thumbnail's own failure says why
        )

    def preview_again(self, images: Sequence[int]) -> None:
        """Make the larger picture of an image anew, where there is one."""
        for item in [self._store.images[image] for image in images if image in self._store.images]:
            if item.preview is not None:
                self._store.change_image(item.id, preview=None)
                self.preview(item.id, large=_is_as_large(item.preview, LARGE))

    def _previewed(self, number: int, box: tuple[int, int], made: Thumbnail | None) -> None:
        if (number, box) in self._previews:  # else another image is looked at by now
            self._previews.discard((number, box))
            self._store.change_image(number, preview=made)

    def remove(self, number: int) -> None:
        """Remove one image."""
        if self._store.images.pop(number, None) is not None:
            self._store.drop_predictions(images=[number])
            self._store.images_changed.emit()

    def _tell(self, failure: Failure) -> None:
        self._store.notice(failure.sentence, "error")


def _no_image_in(paths: Sequence[Path]) -> str:
    if len(paths) > 1:
        return "There is neither an image nor a checkpoint in these folders."
    name = clean_name(paths[0].name or str(paths[0]))
    return f"There is neither an image nor a checkpoint in {name}. {what_instead(paths[0])}"


def _is_as_large(made: Thumbnail, box: tuple[int, int]) -> bool:
    """Whether a picture is as large as one made for a box would be: nothing is enlarged."""
    scale = min(1.0, box[0] / made.original_width, box[1] / made.original_height)
    return made.width >= int(made.original_width * scale) and made.height >= int(made.original_height * scale)
