"""Pictures for who looks at one image: as the model sees it, and the frames of a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from inspector.answer_parts import WRONG, text, whole
from inspector.processes.image_files import read_item
from inspector.session.clients import Worker
from inspector.session.engine_link import EngineLink
from inspector.session.failure import Failure
from inspector.session.sources import sources_of
from inspector.session.state import Thumbnail
from inspector.session.store import Store
from inspector.session.trusting import Trusting

#: Frames of a clip that are looked at, and the box that they fit into.
MOST_FRAMES = 64
_FRAME_BOX = (720, 540)

#: A picture that a model sees is never larger: its preprocessing is bounded (16 frames of 4096 pixels, shrunk).
_MOST_PIXELS = 300_000_000


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The picture that the model sees, and what was done to the image in a sentence."""

    picture: Thumbnail
    caption: str


class Looking:
    """Asks for pictures; each answer goes to who asked, and nothing is kept."""

    def __init__(self, store: Store, worker: Worker, link: EngineLink, trusting: Trusting) -> None:
        self._store, self._worker, self._link, self._trusting = store, worker, link, trusting

    def model_input(
        self, checkpoint: int, image: int, done: Callable[[ModelInput], None], failed: Callable[[Failure], None]
    ) -> None:
        """Have an image prepared as for a prediction, and get it as a picture.

        Parameters
        ----------
        checkpoint
            Whose attachment prepares it.
        """
        found = self._store.checkpoints.get(checkpoint)
        if found is None or found.attachment.phase != "ready":
            failed(Failure("Nothing is attached that looks at this image.", "Attach an architecture."))
            return
        sources = sources_of(self._store, image, found.attachment)
        if isinstance(sources, Failure):
            failed(sources)
            return

        def read(result: dict[str, Any], buffers: list[bytearray]) -> None:
            made = _model_input(result, buffers)
            if made is None:
                failed(Failure("The engine's answer does not hold together.", "Try again."))
            else:
                done(made)

        own = found.attachment.trusted
        request = partial(self._trusting.request, checkpoint) if own else self._link.request
        params = {"attachment": found.attachment.engine_id, **sources.words}
        request("model_input", params, lambda: read_item(sources.paths), read, failed)

    def clip_frames(
        self, image: int, done: Callable[[list[Thumbnail]], None], failed: Callable[[Failure], None]
    ) -> None:
        """Get the frames of a clip, evenly spaced and small; one of a still picture."""
        item = self._store.images.get(image)
        if item is None:
            return

        def read(result: dict[str, Any], buffers: list[bytearray]) -> None:
            width, height = int(result["width"]), int(result["height"])
            frames = [bytes(data) for data in buffers[:MOST_FRAMES] if len(data) == 3 * width * height]
            done([Thumbnail(width, height, frame, width, height) for frame in frames])

        paths = [str(path) for path in item.frames or (item.path,)]
        params = {"paths": paths, "most": MOST_FRAMES, "width": _FRAME_BOX[0], "height": _FRAME_BOX[1]}
        self._worker.request("clip_frames", params, [], read, failed)


def _model_input(result: dict[str, Any], buffers: list[bytearray]) -> ModelInput | None:
    """Return an answer's picture; None where its bytes don't fit its size."""
    try:
        width, height = whole(result["width"], 1), whole(result["height"], 1)
        rgb, caption = bytes(buffers[0]), text(result["caption"])
    except WRONG:
        return None
    if width * height > _MOST_PIXELS or len(rgb) != 3 * width * height:
        return None
    return ModelInput(Thumbnail(width, height, rgb, width, height), caption)
