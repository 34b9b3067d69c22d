"""Frames of video files (MP4, WebM and the like), through PyAV where it is installed."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from inspector.pictures.decode import ImageError

if TYPE_CHECKING:
    from inspector.pictures.frames import Clip

#: Bytes at the beginning of a file, and where they stand: MP4 and QuickTime, Matroska and WebM, AVI, MPEG, Ogg, FLV.
_MAGIC = ((4, b"ftyp"), (4, b"moov"), (0, b"\x1aE\xdf\xa3"), (8, b"AVI "), (0, b"\x00\x00\x01\xba"), (0, b"OggS"))
#: Video decoders are some times faster than Pillow; see `inspector.pictures.frames.MOST_DECODED_PIXELS`.
_MOST_DECODED_PIXELS = 2_400_000_000
_PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")


def is_video(data: bytes) -> bool:
    """Tell whether a file is a video, by its first bytes."""
    if data[4:8] == b"ftyp" and data[8:12] in _PICTURE_BRANDS:
        return False
    return any(data[at : at + len(magic)] == magic for at, magic in _MAGIC)


def can_read_videos() -> bool:
    """Tell whether PyAV is installed in this Python."""
    return importlib.util.find_spec("av") is not None


def decode_video(data: bytes, *, name: str, wanted: int, places: Callable[[int, int], Sequence[int]]) -> Clip:
    """Decode frames of a video; as :func:`inspector.pictures.frames.decode_clip`.

    Raises
    ------
    ImageError
        PyAV is not installed, or it can't read the file.
    """
    if not can_read_videos():
        raise ImageError(
            f"{name} is a video, and PyAV, which reads videos, is not installed in the engine's Python.",
            "Install it there (pip install av), or use an animated GIF, WebP or PNG, or a folder of frames.",
        )
    import av

    try:
        return _decoded(av, data, name, wanted, places)
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise ImageError(
            f"{name} can't be read as a video: it is damaged, or of a kind that PyAV does not know.",
            "Save it as MP4 (H.264).",
        ) from error


def _decoded(av: Any, data: bytes, name: str, wanted: int, places: Callable[[int, int], Sequence[int]]) -> Clip:
    from inspector.pictures.frames import MOST_FRAME_PIXELS, MOST_FRAMES, Clip, Shrinker, notes, too_large

    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        pixels = stream.codec_context.width * stream.codec_context.height
        there = sum(1 for packet in container.demux(stream) if packet.size)
    if pixels > MOST_FRAME_PIXELS:
        raise too_large(name)
    if not there or not pixels:
        raise ImageError(f"{name} has no frames that can be read.", "Save it as MP4 (H.264).")
    readable = min(there, MOST_FRAMES, max(1, _MOST_DECODED_PIXELS // pixels))
    chosen = sorted(set(places(readable, wanted)))
    frames: dict[int, Image.Image] = {}
    with av.open(io.BytesIO(data)) as container:
        shrink: Shrinker | None = None
        size = (0, 0)
        for place, picture in enumerate(_pictures(container, chosen)):
            if shrink is None:
                shrink, size = Shrinker(picture.size, len(chosen)), picture.size
            # a stream may change its size, and is then shown scaled to its first
            frames[place] = shrink(picture if picture.size == size else picture.resize(size))
    if not frames or shrink is None:
        raise ImageError(f"{name} has no frames that can be read.", "Save it as MP4 (H.264).")
    return Clip(tuple(frames.values()), there, notes(there, readable, shrink))


def _pictures(container: Any, chosen: Sequence[int]) -> Iterator[Image.Image]:
    """Yield the chosen frames, upright."""
    from inspector.pictures.frames import MOST_FRAME_PIXELS

    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    # each frame may have a size of its own, whatever the header says: the decoder refuses before it takes memory
    stream.codec_context.options = {"max_pixels": str(MOST_FRAME_PIXELS)}
    wanted = set(chosen)
    for place, frame in enumerate(container.decode(stream)):
        if place in wanted:
            turned: int = round(getattr(frame, "rotation", 0) / 90) % 4  # quarters, against the clock
            picture: Image.Image = frame.to_image()
            yield picture.rotate(90 * turned, expand=True) if turned else picture
        if place >= chosen[-1]:
            return
