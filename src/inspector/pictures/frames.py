"""The frames of a clip: of an animated picture, or of a video where PyAV is installed. Bounded, for hostile files.

A clip is never kept whole: the places of the frames that are wanted are known first, and each of the others is let go
as soon as the next one is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from inspector.frame_places import evenly_spaced, first_frames
from inspector.pictures.decode import (
    PILLOW_ERRORS,
    ImageError,
    damaged,
    decode_image,
    open_image,
    orientation,
    to_rgb,
    upright,
)
from inspector.pictures.gif_frames import gif_frames

#: Of a longer clip only the beginning is looked at.
MOST_FRAMES = 2_000

#: Pixels decoded for one animated picture, frames that are let go included: what takes seconds, not minutes.
MOST_DECODED_PIXELS = 600_000_000

#: Of one frame of several: more than 8K video has.
MOST_FRAME_PIXELS = 40_000_000

#: Pixels of the frames that are kept, of which Pillow holds four bytes each; larger frames are made smaller.
MOST_KEPT_PIXELS = 100_000_000

_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames of a clip, as many as were wanted or as there are.

    Attributes
    ----------
    frames
        Upright RGB pictures of one size, in their order.
    total
        How many frames the file has, as far as it was looked at.
    note
        What else was done, as a sentence: a clip that was cut, frames that were made smaller.
    """

    frames: tuple[Image.Image, ...]
    total: int
    note: str = ""


def decode_clip(
    data: bytes, *, name: str, wanted: int, places: Callable[[int, int], Sequence[int]] = evenly_spaced
) -> Clip:
    """Decode frames of an animated picture (GIF, WebP, APNG) or, with PyAV, of a video.

    Parameters
    ----------
    data
        The whole file. A still picture is a clip of one frame.
    name
        What to call it in an error.
    wanted
        How many frames, at least 1.
    places
        Which ones, of how many there are and how many are wanted: `evenly_spaced` or `first_frames`.

    Raises
    ------
    ImageError
        It is neither, is damaged, too large, or a video where PyAV is not installed.
    """
    from inspector.pictures.video_files import decode_video, is_video

    if is_video(data):
        return decode_video(data, name=name, wanted=wanted, places=places)
    image = open_image(data, name=name)
    try:
        return _animated(image, data, name, wanted, places)
    except PILLOW_ERRORS as error:
        raise damaged(name) from error


def is_clip(data: bytes, *, name: str) -> bool:
    """Tell whether a file has several frames, by its content: its name says nothing. No pixel is decoded.

    Raises
    ------
    ImageError
        As for `decode_clip`, for what the header tells.
    """
    from inspector.pictures.video_files import is_video

    return is_video(data) or canvas_of(open_image(data, name=name), data)[0] > 1


def decode_first(data: bytes, *, name: str) -> Image.Image:
    """Decode a picture, or the first frame of a clip, as :func:`inspector.pictures.decode.decode_image`.

    Raises
    ------
    ImageError
        As for `decode_clip`.
    """
    from inspector.pictures.video_files import is_video

    if is_video(data):
        return decode_clip(data, name=name, wanted=1, places=first_frames).frames[0]
    return decode_image(data, name=name)


def _animated(
    image: Image.Image, data: bytes, name: str, wanted: int, places: Callable[[int, int], Sequence[int]]
) -> Clip:
    there, pixels = canvas_of(image, data)
    if there > 1 and pixels > MOST_FRAME_PIXELS:
        raise too_large(name)
    readable = min(there, MOST_FRAMES, max(1, MOST_DECODED_PIXELS // pixels))
    chosen = sorted(set(places(readable, wanted)))
    shrink = Shrinker(image.size, len(chosen))
    frames: dict[int, Image.Image] = {}
    turned, size = 1, image.size
    for place in range(chosen[-1] + 1):
        try:
            image.seek(place)
            if image.width * image.height > pixels:
                break  # Pillow found a frame that the blocks did not announce: the file is broken from here on
            image.load()
        except EOFError:  # the file said that it has more
            break
        if place == 0:  # not before: TIFF and AVIF turn themselves upright while they load
            turned, size = orientation(image), image.size
        if place in chosen:
            frames[place] = shrink(upright(_of_size(image, size), turned))
    if not frames:
        raise damaged(name)
    return Clip(tuple(frames.values()), there, notes(there, readable, shrink))


def _of_size(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the frame that is loaded as a copy in RGB; what a GIF shows outside its first frame's canvas is cut off.

    What is RGB already is the decoder's own, which the next frame is painted over.
    """
    if image.size != size:
        return to_rgb(image.crop((0, 0, *size)))
    picture = to_rgb(image)
    return image.copy() if picture is image else picture


def canvas_of(image: Image.Image, data: bytes) -> tuple[int, int]:
    """Return how many frames a picture has, and the pixels of the canvas that they are decoded on; none is decoded.

    The header tells, but for GIF: Pillow would decode all of it to count, and enlarges the canvas for frames that lie
    outside of it.
    """
    pixels = image.width * image.height
    if image.format not in _ANIMATED:
        return 1, pixels
    if image.format == "GIF":
        found = gif_frames(data)
        return found.count, max(pixels, found.width * found.height)
    return max(1, int(getattr(image, "n_frames", 1))), pixels


def too_large(name: str) -> ImageError:
    """Return the error of a clip whose every frame is too large."""
    return ImageError(
        f"{name} has frames of more pixels than can be read ({MOST_FRAME_PIXELS // 10**6} million).",
        "Save a smaller copy of it.",
    )


class Shrinker:
    """Makes the frames of a clip smaller where all of them together would be too much to keep."""

    def __init__(self, size: tuple[int, int], frames: int) -> None:
        share = (MOST_KEPT_PIXELS / (size[0] * size[1] * frames)) ** 0.5
        self.smaller = share < 1
        self._share = share
        self.size = size

    def __call__(self, frame: Image.Image) -> Image.Image:
        """Return the frame, smaller where need be."""
        if self.smaller:
            width, height = (max(1, int(side * self._share)) for side in frame.size)
            frame = frame.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
            self.size = frame.size
        return frame


def notes(there: int, readable: int, shrink: Shrinker) -> str:
    """Return what was done to a clip, as sentences; empty for nothing."""
    told = [f"Only its first {readable:,} frames were looked at."] if readable < there else []
    if shrink.smaller:
        told.append(f"Its frames were made smaller first, to {shrink.size[0]} × {shrink.size[1]} pixels.")
    return " ".join(told)
