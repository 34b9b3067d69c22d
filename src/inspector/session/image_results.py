"""What came of images, as it is exported: one way for the window and for ``inspector predict``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.export.predictions import ImageResult
from inspector.session.accuracy import accuracy
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import shown_rows
from inspector.session.results import CLASSIFYING, ResultRow
from inspector.session.sources import FLOW, NO_NEXT_IMAGE
from inspector.session.state import Attachment, ImageItem
from inspector.session.store import Store
from inspector.session.true_classes import TrueClasses

Pair = tuple[ImageItem, Prediction | None]


def results_of(store: Store, checkpoint: int, images: Sequence[int]) -> list[Pair]:
    """Return images with their predictions as they are now: of optical flow all but the last, which moves to none."""
    found = store.checkpoints.get(checkpoint)
    last = next(reversed(store.images), None)
    is_flow = found is not None and found.attachment.task == FLOW and len(store.images) > 1
    pairs: list[Pair] = []
    for item in [store.images[image] for image in images if image in store.images]:
        made = store.predictions.get((checkpoint, item.id))
        # A clip has a motion of its own, even as the last.
        alone = made is None or (made.failure is not None and made.failure.kind == NO_NEXT_IMAGE)
        if not (is_flow and item.id == last and alone):
            pairs.append((item, made))
    return pairs


def image_result(
    item: ImageItem, found: Prediction | None, *, threshold: float, name: str = "", missing: str
) -> ImageResult:
    """Return what came of an image.

    Parameters
    ----------
    threshold
        Objects with a smaller score are left out.
    name
        What the image is called; by default its path, of a clip that of its folder.
    missing
        Why there is no prediction, where nothing else tells.
    """
    name = name or str(item.path.parent if item.frames else item.path)
    if found is None or found.phase != "ready":
        failure = (found.failure if found is not None else None) or item.failure
        return ImageResult(name, error=failure.sentence if failure is not None else missing)
    return ImageResult(
        name,
        tuple(found.classes[row] for row in shown_rows(found, threshold)),
        None,
        found.milliseconds,
        found.width,
        found.height,
        found.note,
        found.motion._asdict() if found.motion is not None else None,
    )


def true_classes(attachment: Attachment) -> TrueClasses | None:
    """Return what finds the true class of an image by its path; None where the task has no one class per image."""
    known = attachment.task in CLASSIFYING and bool(attachment.labels)
    return TrueClasses(attachment.labels) if known else None


def accuracy_counts(rows: Iterable[ResultRow], classes: TrueClasses | None) -> dict[str, int] | None:
    """Return how often the classes are right, of images whose folder or name tells theirs; None where none does."""
    counted = accuracy(rows, classes.labels) if classes is not None else None
    if counted is None or not counted.known:
        return None
    return {"known": counted.known, "right": counted.right, "among": counted.among, "top": counted.k}
