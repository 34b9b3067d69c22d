"""Video classification: the frames of a clip -> the likeliest classes."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from PIL import Image

from inspector.engine.inputs import ClipPreprocessing
from inspector.engine.problems import PredictionError, UnsupportedTaskError
from inspector.engine.tasks.classification import Classification
from inspector.engine.tasks.task import Prepared
from inspector.frame_places import evenly_spaced

if TYPE_CHECKING:
    from inspector.engine.attach import Attachment


class VideoClassification(Classification):
    """Classification of clips: what comes out is as for images."""

    name = "video classification"

    def prepare(self, attachment: Attachment, images: Sequence[Image.Image]) -> Prepared:
        """Prepare a clip: so many frames as the model takes, evenly spaced; of a shorter clip some come twice."""
        preprocessing = attachment.preprocessing
        if not isinstance(preprocessing, ClipPreprocessing):
            raise UnsupportedTaskError(f"No preprocessing is known for {attachment.architecture}.")
        if not images:
            raise PredictionError("The clip has no frames.")
        started = time.perf_counter()
        chosen = [images[place] for place in evenly_spaced(len(images), preprocessing.frames)]
        tensor = attachment.transform(chosen)
        took = (time.perf_counter() - started) * 1000
        return Prepared((tensor,), images[0].width, images[0].height, took, _told(len(images), preprocessing.frames))

    def batch_key(self, prepared: Prepared) -> Hashable:
        """Return the input's shape: each clip is computed by itself."""
        return prepared.inputs[0].shape


def _told(there: int, taken: int) -> str:
    """Return which frames went in, as a sentence."""
    if there == 1:
        return f"A single picture, shown to the model as {taken} equal frames."
    if there < taken:
        return f"Its {there} frames, some of them several times to make {taken}."
    if there == taken:
        return f"All {there} frames."
    return f"{taken} of {there:,} frames, evenly spaced."
