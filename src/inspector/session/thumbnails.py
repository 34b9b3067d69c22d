"""Small pictures of the images that are in view: made by the worker, a few at a time, and a bounded number kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from inspector.session.clients import Worker
from inspector.session.failure import Failure
from inspector.session.state import ImageItem, Thumbnail
from inspector.session.store import Store

#: Thumbnails asked for at once: more would make a selected tensor wait behind them.
_IN_FLIGHT = 2

#: Twice the size they are shown at, for sharp pictures on dense screens.
THUMBNAIL = (184, 138)

#: Bytes of pixels that are kept; what is in view is kept in any case.
KEPT_BYTES = 64_000_000


class Thumbnails:
    """Makes the small pictures that are wanted, the newest wish first; forgets those that were not seen for long.

    Parameters
    ----------
    enabled
        Whether any are made at all.
    kept_bytes
        How much is kept.
    """

    def __init__(self, store: Store, worker: Worker, *, enabled: bool = True, kept_bytes: int = KEPT_BYTES) -> None:
        self._store = store
        self._worker = worker
        self._enabled = enabled
        self._kept_bytes = kept_bytes
        self._wanted: dict[str, tuple[int, ...]] = {}  # by who wants them, the latest last
        self._kept: OrderedDict[int, int] = OrderedDict()  # bytes by image, what was wanted longest ago first
        self._asked: set[int] = set()

    def want(self, viewer: str, images: Sequence[int]) -> None:
        """Say which images a viewer shows now, the most important first. What it wanted before is not made any more."""
        if not self._enabled:
            return
        self._wanted.pop(viewer, None)
        self._wanted[viewer] = tuple(images)
        for image in reversed(images):
            if image in self._kept:
                self._kept.move_to_end(image)
        self._ask()

    @property
    def kept_bytes(self) -> int:
        """Bytes of pixels that are kept now."""
        return sum(self._kept.values())

    def forget_removed(self) -> None:
        """Forget the images that are not in the store any more."""
        for image in [image for image in self._kept if image not in self._store.images]:
            del self._kept[image]

    def make_again(self, images: Iterable[int]) -> None:
        """Look at image files anew: what was wrong with them may be mended, or they show something else by now."""
        for image in images:
            item = self._store.images.get(image)
            if item is not None and (item.failure is not None or item.thumbnail is not None):
                self._kept.pop(image, None)
                self._store.change_image(image, failure=None, thumbnail=None)
        self._ask()

    def _missing(self) -> Iterator[ImageItem]:
        """Yield the images that are wanted and have neither a picture nor a reason for none."""
        for images in reversed(self._wanted.values()):
            for image in images:
                item = self._store.images.get(image)
                if item is not None and item.thumbnail is None and item.failure is None and image not in self._asked:
                    yield item

    def _ask(self) -> None:
        missing = self._missing()
        while len(self._asked) < _IN_FLIGHT and (item := next(missing, None)) is not None:
            self._asked.add(item.id)
            params = {"path": str(item.path), "width": THUMBNAIL[0], "height": THUMBNAIL[1]}
            self._worker.request("thumbnail", params, [], self._made(item.id), self._not_made(item.id))

    def _made(self, number: int) -> Callable[[dict[str, Any], list[bytearray]], None]:
        def done(result: dict[str, Any], buffers: list[bytearray]) -> None:
            self._asked.discard(number)
            made = thumbnail_from(result, buffers)
            if number in self._store.images:
                if made is None:
                    failure = Failure("The worker's picture does not fit its size.", "", "AnswerError")
                    self._store.change_image(number, failure=failure)
                else:
                    self._kept[number] = len(made.rgb)
                    self._store.change_image(number, thumbnail=made)
                    self._let_go()
            self._ask()

        return done

    def _not_made(self, number: int) -> Callable[[Failure], None]:
        def failed(failure: Failure) -> None:
            self._asked.discard(number)
            self._store.change_image(number, failure=failure)
            self._ask()

        return failed

    def _let_go(self) -> None:
        """Forget what was not seen for the longest time, until few enough are kept."""
        total = self.kept_bytes
        if total <= self._kept_bytes:
            return
        seen = {image for images in self._wanted.values() for image in images}
        for image, size in list(self._kept.items()):
            if total <= self._kept_bytes:
                break
            if image not in seen:
                del self._kept[image]
                total -= size
                self._store.change_image(image, thumbnail=None)


def thumbnail_from(result: dict[str, Any], buffers: list[bytearray]) -> Thumbnail | None:
    """Return the picture of the worker's answer; None where its bytes don't fit its size."""
    width, height, rgb = int(result["width"]), int(result["height"]), bytes(buffers[0])
    if len(rgb) != 3 * width * height:
        return None
    return Thumbnail(width, height, rgb, int(result["original_width"]), int(result["original_height"]))
