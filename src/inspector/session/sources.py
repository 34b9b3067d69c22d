"""Which files an item of the strip is predicted from: one image, a clip's, or an image and the one after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from inspector.frame_places import evenly_spaced
from inspector.processes.image_files import CLIP_SUFFIXES, MAYBE_CLIPS, VIDEO_SUFFIXES
from inspector.session.failure import Failure
from inspector.session.state import Attachment
from inspector.session.store import Store

#: As the catalogue of architectures calls them.
FLOW, VIDEO = "optical_flow", "video_classification"

#: The kind of the failure of an image that has none after it; of the engine's error too, where its content decides.
NO_NEXT_IMAGE = "NoNextImageError"


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that are sent of an item.

    Attributes
    ----------
    paths
        An image's file, a pair's, a clip's, or those of its frames that the model takes.
    total
        How many frames a clip has that is a folder; 0 for all else.
    """

    paths: tuple[Path, ...]
    total: int = 0

    @property
    def words(self) -> dict[str, Any]:
        """What is told of them in a request whose buffers they are."""
        return {"names": [path.name for path in self.paths], "total": self.total}


def sources_of(store: Store, image: int, attachment: Attachment) -> Sources | Failure:
    """Return the files that an image, or clip, is predicted from.

    Parameters
    ----------
    attachment
        What looks at it. Optical flow takes an image and the next one of the strip, or two frames of a clip; whether
        a file is one, the engine tells by its content. Video classification takes a clip; all else takes the image
        itself, or a clip's first frame.

    Returns
    -------
    Sources or Failure
        Why there is nothing to predict: the image is gone, or it is the last one and motion needs the next.
    """
    item = store.images.get(image)
    if item is None:
        return Failure("The image was removed.", "Drop it again.")
    if attachment.task == VIDEO and item.frames:
        return Sources(_taken(item.frames, attachment.preprocessing.get("frames")), len(item.frames))
    if attachment.task == FLOW:
        if len(item.frames) > 1:
            return Sources(item.frames[:2])
        suffix = item.path.suffix.lower()
        if suffix in VIDEO_SUFFIXES:
            return Sources((item.path,))  # its own first two frames
        after = next_image(store, image)
        if after is None and suffix in MAYBE_CLIPS:
            return Sources((item.path,))
        if after is None:
            sentence = f"{item.name} is the last image: there is none after it that it could move to."
            return Failure(sentence, "Add the next image.", NO_NEXT_IMAGE)
        return Sources((item.path, store.images[after].path))
    return Sources((item.path,))


def _taken(frames: tuple[Path, ...], wanted: object) -> tuple[Path, ...]:
    """Return the frames that a model takes of a clip, as the engine would choose them: the others are not read."""
    if not isinstance(wanted, int) or not 1 <= wanted < len(frames):
        return frames
    return tuple(frames[place] for place in evenly_spaced(len(frames), wanted))


def next_image(store: Store, image: int) -> int | None:
    """Return the id of the image after one in the strip, None after the last."""
    return store.order.after(store.images, image)


def previous_image(store: Store, image: int) -> int | None:
    """Return the id of the image before one in the strip, None before the first."""
    return store.order.before(store.images, image)


def items_of(paths: Sequence[Path], *, clips: bool, folders: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Return which of the listed files make an item together.

    Parameters
    ----------
    paths
        Image files in their order.
    clips
        Whether the pictures of a folder are the frames of one clip.
    folders
        What was dropped as a folder: a file that was dropped by itself is an item of its own.
    """
    if not clips:
        return [(path,) for path in paths]
    items: list[tuple[Path, ...]] = []
    for parent, group in groupby(paths, lambda path: path.parent):
        files = list(group)
        whole = any(parent == folder or folder in parent.parents for folder in folders)
        moving = any(path.suffix.lower() in CLIP_SUFFIXES for path in files)
        items += [tuple(files)] if whole and not moving and len(files) > 1 else [(path,) for path in files]
    return items
