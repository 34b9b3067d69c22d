"""The images in the strip: listed, and shown small, by the worker; a few at a time, so that it stays responsive."""

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
from inspector.session.state import ImageItem, Thumbnail
from inspector.session.store import Store

#: Thumbnails asked for at once: more would make a selected tensor wait behind them.
_IN_FLIGHT = 2

#: Twice the sizes they are shown at, for sharp pictures on dense screens. Thumbnails are kept for every image.
THUMBNAIL = (184, 138)
PREVIEW = (720, 640)
LARGE = (1600, 1200)


class Images:
    """Commands about the strip of images.

    Parameters
    ----------
    thumbnails
        Whether small pictures are made of them.
    """

    def __init__(self, store: Store, worker: Worker, *, thumbnails: bool = True) -> None:
        self._store = store
        self._thumbnails = thumbnails
        self._worker = worker
        self._waiting: deque[int] = deque()
        self._asked = 0
        self._previews: set[tuple[int, tuple[int, int]]] = set()  # asked for, of the image that is looked at

    def add(self, paths: Sequence[Path], added: Callable[[list[int]], None]) -> None:
        """Add image files and the images in folders; ``added`` gets the ids of all of them, known ones too."""

        def done(result: dict[str, Any], _: list[bytearray]) -> None:
            if result["left_out"]:
                self._store.notice(f"Only the first {len(result['images']):,} images were taken.", "warning")
            if not result["images"]:
                self._store.notice(_no_image_in(paths), "warning")
            known = {item.path: item.id for item in self._store.images.values()}
            numbers = []
            for path in map(Path, result["images"]):
                number = known.get(path)
                if number is None:
                    number = known[path] = self._store.next_id()
                    self._store.images[number] = ImageItem(number, path)
                    if self._thumbnails:
                        self._waiting.append(number)
                numbers.append(number)
            self._store.images_changed.emit()
            self._ask()
            added(numbers)

        self._worker.request("list_images", {"paths": [str(path) for path in paths]}, [], done, self._tell)

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
        params, buffers = drawing_message(found, threshold)
        paths = {"path": str(item.path), "out": str(out)}
        self._worker.request("draw_prediction", params | paths, buffers, lambda *_: done(None), done)

    def clear(self) -> None:
        """Remove all images and what was predicted for them."""
        numbers = list(self._store.images)
        self._waiting.clear()
        self._store.images.clear()
        self._store.drop_predictions(images=numbers)
        self._store.images_changed.emit()

    def preview(self, number: int, box: tuple[int, int] = PREVIEW) -> None:
        """Make a larger picture of one image, that fits into a box of pixels; those of other images are let go."""
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
            lambda result, buffers: self._previewed(number, box, _thumbnail(result, buffers)),
            lambda _: self._previews.discard((number, box)),  # the thumbnail's own failure says why
        )

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

    def _ask(self) -> None:
        while self._waiting and self._asked < _IN_FLIGHT:
            item = self._store.images.get(self._waiting.popleft())
            if item is None:
                continue
            self._asked += 1
            params = {"path": str(item.path), "width": THUMBNAIL[0], "height": THUMBNAIL[1]}
            self._worker.request("thumbnail", params, [], self._made(item.id), self._not_made(item.id))

    def _made(self, number: int) -> Callable[[dict[str, Any], list[bytearray]], None]:
        def done(result: dict[str, Any], buffers: list[bytearray]) -> None:
            self._asked -= 1
            self._store.change_image(number, thumbnail=_thumbnail(result, buffers))
            self._ask()

        return done

    def _not_made(self, number: int) -> Callable[[Failure], None]:
        def failed(failure: Failure) -> None:
            self._asked -= 1
            self._store.change_image(number, failure=failure)
            self._ask()

        return failed


def _no_image_in(paths: Sequence[Path]) -> str:
    if len(paths) > 1:
        return "There is neither an image nor a checkpoint in these folders."
    name = clean_name(paths[0].name or str(paths[0]))
    return f"There is neither an image nor a checkpoint in {name}. {what_instead(paths[0])}"


def _is_as_large(made: Thumbnail, box: tuple[int, int]) -> bool:
    """Whether a picture is as large as one made for a box would be: nothing is enlarged."""
    scale = min(1.0, box[0] / made.original_width, box[1] / made.original_height)
    return made.width >= int(made.original_width * scale) and made.height >= int(made.original_height * scale)


def _thumbnail(result: dict[str, Any], buffers: list[bytearray]) -> Thumbnail | None:
    """Return the picture of an answer; None where its bytes don't fit its size."""
    width, height, rgb = int(result["width"]), int(result["height"]), bytes(buffers[0])
    if len(rgb) != 3 * width * height:
        return None
    return Thumbnail(width, height, rgb, int(result["original_width"]), int(result["original_height"]))
