"""How many pixels are decoded at a time: threads that decode side by side must not fill the memory together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from inspector.pictures.decode import MAX_PIXELS, ImageError, open_image
from inspector.pictures.frames import MOST_FRAME_PIXELS, MOST_KEPT_PIXELS
from inspector.pictures.video_files import is_video


class PixelBudget:
    """Lets threads go on, first come, first served, as long as what they hold together stays below a number of pixels.

    Parameters
    ----------
    most
        Pixels. Whoever wants more than that waits until it is alone.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @property
    def held(self) -> int:
        """Pixels that are held now."""
        return self._held

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until there is room, and hold it while the block runs."""
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            # in their order, so that a large picture is not overtaken by small ones for ever
            self._changed.wait_for(lambda: self._waiting[0] is turn and self._fits(pixels))
            self._waiting.popleft()
            self._held += pixels
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._held -= pixels
                self._changed.notify_all()

    def _fits(self, pixels: int) -> bool:
        return not self._held or self._held + pixels <= self._most


#: Of this process: as many as the largest picture has, which takes 1 GB (2 GB for a moment where it is turned).
BUDGET = PixelBudget(MAX_PIXELS)


def pixels_of(name: str, data: bytes, frames: int = 1) -> int:
    """Return how many pixels a file takes while it is decoded, by its header.

    Parameters
    ----------
    frames
        How many of a clip's frames are kept, at most.

    Returns
    -------
    int
        0 for what can't be read: decoding it says why.
    """
    if is_video(data):
        return MOST_KEPT_PIXELS + MOST_FRAME_PIXELS
    try:
        width, height = open_image(data, name=name).size
    except ImageError:
        return 0
    # of a clip one more is being decoded, and what is kept is made smaller
    return width * height + (min(frames * width * height, MOST_KEPT_PIXELS) if frames > 1 else 0)


def pixels_of_all(names: Sequence[str], files: Sequence[bytes], frames: int) -> int:
    """Return how many pixels an item's files take while they are decoded, ``frames`` of them at most.

    The frames of a folder are decoded one by one, and kept as those of a clip.
    """
    if len(files) < 3:
        return sum(pixels_of(name, data, frames) for name, data in zip(names, files, strict=True))
    largest = max(pixels_of(name, data) for name, data in zip(names, files, strict=True))
    return largest + min(frames * largest, MOST_KEPT_PIXELS)
