"""A clip as a person looks at it: a bounded number of small frames of one size."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from inspector.frame_places import evenly_spaced
from inspector.pictures.decode import decode_image
from inspector.pictures.frames import decode_clip, decode_first
from inspector.pictures.video_files import is_video

#: Bytes of all frames: what a window keeps of a clip that is looked at.
_MOST_BYTES = 48 << 20


@dataclass(frozen=True, slots=True)
class ClipView:
    """Frames of one size.

    Attributes
    ----------
    frames
        ``3 * width * height`` bytes of RGB each, at most as many as were asked for, evenly spaced.
    total
        How many frames the clip has.
    """

    width: int
    height: int
    frames: tuple[bytes, ...]
    total: int


def clip_view(paths: Sequence[Path], read: Callable[[Path], bytes], *, most: int, width: int, height: int) -> ClipView:
    """Return the frames of a clip: those in one file, or one in each of several.

    Parameters
    ----------
    most
        Frames at the most.
    width, height
        The box that they fit into, in pixels.

    Raises
    ------
    ImageError
        A file can't be decoded.
    """
    if len(paths) > 1:
        chosen = [paths[place] for place in sorted(set(evenly_spaced(len(paths), most)))]
        first = _fitting(decode_image(read(chosen[0]), name=chosen[0].name).size, width, height, len(chosen))
        frames = tuple(_small(decode_image(read(path), name=path.name), first) for path in chosen)
        return ClipView(*first, frames, len(paths))
    clip = decode_clip(read(paths[0]), name=paths[0].name, wanted=most)
    size = _fitting(clip.frames[0].size, width, height, len(clip.frames))
    return ClipView(*size, tuple(_small(frame, size) for frame in clip.frames), clip.total)


def first_frame(data: bytes, *, name: str) -> bytes:
    """Return the first frame of a video as an image file; any other file as it is.

    Raises
    ------
    ImageError
        It can't be decoded, or there is no decoder of videos.
    """
    if not is_video(data):
        return data
    out = io.BytesIO()
    decode_first(data, name=name).save(out, "BMP")
    return out.getvalue()


def _fitting(size: tuple[int, int], width: int, height: int, count: int) -> tuple[int, int]:
    scale = min(1.0, width / size[0], height / size[1])
    scale = min(scale, (_MOST_BYTES / (3 * count * size[0] * size[1])) ** 0.5)
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def _small(image: Image.Image, size: tuple[int, int]) -> bytes:
    rgb = image.convert("RGB")
    return (rgb if rgb.size == size else rgb.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)).tobytes()
