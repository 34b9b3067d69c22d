"""Reading an image file's bytes, bounded, for whoever decodes them: the worker and the engine's client."""

from __future__ import annotations

from pathlib import Path

from inspector.errors import InspectorError

#: Names of files that are taken for images.
IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .bmp .gif .tif .tiff .ppm .pgm .pbm .pnm .avif .ico .apng .mpo".split()
)

#: Names of videos, which are decoded where PyAV is installed, and of files that may hold several frames.
VIDEO_SUFFIXES = frozenset(".mp4 .m4v .webm .mov .mkv .avi".split())
CLIP_SUFFIXES = VIDEO_SUFFIXES | {".gif", ".apng"}

#: A file larger than this is no photograph; it is not read into memory.
MAX_IMAGE_BYTES = 512 << 20


class ImageFileError(InspectorError):
    """An image file can't be read."""


def read_image(path: Path) -> bytes:
    """Return an image file's bytes.

    Raises
    ------
    ImageFileError
        It is gone, is no file, can't be read, or is too large.
    """
    try:
        if not path.is_file():
            raise ImageFileError(f"There is no image {path.name}.", "It may have been moved or deleted.")
        if path.stat().st_size > MAX_IMAGE_BYTES:
            raise ImageFileError(f"{path.name} is too large for an image.")
        return path.read_bytes()
    except OSError as error:
        raise ImageFileError(f"{path.name} can't be read: {error.strerror}.") from None
