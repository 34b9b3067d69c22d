"""Reading an image file's bytes, bounded, for whoever decodes them: the worker and the engine's client."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspector.errors import InspectorError

#: Names of files that are taken for images.
IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .bmp .gif .tif .tiff .ppm .pgm .pbm .pnm .avif .ico .apng .mpo".split()
)

#: Names of videos, which are decoded where PyAV is installed; of files that are most likely clips; and of all that may
#: have several frames, which their content tells whoever decodes them.
VIDEO_SUFFIXES = frozenset(".mp4 .m4v .webm .mov .mkv .avi".split())
CLIP_SUFFIXES = VIDEO_SUFFIXES | {".gif", ".apng"}
MAYBE_CLIPS = CLIP_SUFFIXES | {".webp", ".png", ".avif"}

#: A file larger than this is no photograph; it is not read into memory.
MAX_IMAGE_BYTES = 512 << 20


#: Files, and bytes of them together, that one item (a clip's frames) may have: they are sent in one message.
MAX_ITEM_FILES = 4_000
MAX_ITEM_BYTES = 768 << 20


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


def read_item(paths: Sequence[Path]) -> list[bytes]:
    """Return the bytes of an item's files: an image, a pair, a clip's frames.

    Raises
    ------
    ImageFileError
        As for `read_image`; or they are too many, or too large together.
    """
    if len(paths) > MAX_ITEM_FILES:
        raise ImageFileError(
            f"{paths[0].parent.name} has {len(paths):,} frames: one clip can have {MAX_ITEM_FILES:,}.",
            "Put fewer of them into a folder of their own.",
        )
    files, total = [], 0
    for path in paths:
        files.append(read_image(path))
        total += len(files[-1])
        if total > MAX_ITEM_BYTES:
            raise ImageFileError(
                f"The frames in {path.parent.name} are too large together ({MAX_ITEM_BYTES >> 20} MB is the most).",
                "Save them smaller, or put fewer of them into a folder of their own.",
            )
    return files
