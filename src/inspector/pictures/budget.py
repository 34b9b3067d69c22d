"""How many pixels are decoded at a time: threads that decode side by side must not fill the memory together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from PIL import Image

from inspector.pictures.decode import MAX_PIXELS, ImageError, open_image
from inspector.pictures.frames import MOST_FRAME_PIXELS, MOST_KEPT_PIXELS, canvas_of
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


#: What decoding takes at its peak for each pixel: the picture as decoded, and as it is converted or turned, 4 each.
USUAL_BYTES = 8

#: Where the decoder keeps more. Measured as peak memory on pictures of 25 million pixels (Pillow 13): WebP 16.0 to
#: 16.5, JPEG 2000 19.4, AVIF 9.2, GIF 11.7 (a clip), progressive JPEG 10.0, greyscale of 32 bits 12.0, of floats 13.2.
#: All others took 4.0 to 8.5: transparent or not, with a palette, grey of 8 or 16 bits, CMYK, turned or not.
BYTES_PER_PIXEL = {"WEBP": 17, "JPEG2000": 20, "AVIF": 10, "GIF": 12}
_PROGRESSIVE_BYTES, _DEEP_BYTES = 10, 14

#: Of this process: as many as the largest picture has, which is 2 GB at `USUAL_BYTES`. Others count as more pixels; a
#: picture that counts as more than all of it is decoded alone, and takes 5 GB at the most.
BUDGET = PixelBudget(MAX_PIXELS)


def pixels_of(name: str, data: bytes, frames: int = 1) -> int:
    """Return as how many pixels of `USUAL_BYTES` a file counts while it is decoded, by its header.

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
        image = open_image(data, name=name)
    except ImageError:
        return 0
    shown = image.width * image.height
    there, pixels = canvas_of(image, data) if frames > 1 else (1, shown)
    counted = pixels * _bytes_per_pixel(image) // USUAL_BYTES
    # of a clip one more is being decoded, and what is kept is made smaller
    return counted + (min(min(frames, there) * shown, MOST_KEPT_PIXELS) if there > 1 else 0)


def _bytes_per_pixel(image: Image.Image) -> int:
    if image.info.get("progressive"):
        return _PROGRESSIVE_BYTES
    deep = image.mode.startswith(("I", "F"))
    return BYTES_PER_PIXEL.get(image.format or "", _DEEP_BYTES if deep else USUAL_BYTES)


def pixels_of_all(names: Sequence[str], files: Sequence[bytes], frames: int) -> int:
    """Return as how many pixels an item's files count while they are decoded, ``frames`` of them at most.

    The frames of a folder are decoded one by one, and kept as those of a clip.
    """
    if len(files) < 3:
        return sum(pixels_of(name, data, frames) for name, data in zip(names, files, strict=True))
    largest = max(pixels_of(name, data) for name, data in zip(names, files, strict=True))
    return largest + min(frames * largest, MOST_KEPT_PIXELS)
