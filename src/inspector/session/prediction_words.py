"""What a prediction says in a few words, for every task: the same in the strip, in the panel and beside the image."""

from __future__ import annotations

from inspector import palette
from inspector.session import words
from inspector.session.drawing import THRESHOLD
from inspector.session.prediction_state import ClassScore, Motion, Prediction
from inspector.session.sources import FLOW

OBJECTS = ("detection", "instance_segmentation", "keypoint_detection")
SEGMENTATION = "semantic_segmentation"

#: Tasks whose predictions are listed with the colours that they have in the image.
LISTED = (*OBJECTS, SEGMENTATION)


def is_background(score: ClassScore) -> bool:
    """Tell whether a segmented class is what is left over."""
    return palette.is_background(score.label)


def class_text(score: ClassScore) -> str:
    """Return a class's label; ``class 17`` where the label is but the class's number."""
    if is_background(score):
        return "background"
    return f"class {score.index}" if score.label.strip() in ("", str(score.index)) else score.label


def shown_rows(prediction: Prediction, threshold: float = THRESHOLD) -> tuple[int, ...]:
    """Return which of the predictions are shown: all but objects below the threshold."""
    objects = prediction.task in OBJECTS
    return tuple(row for row, score in enumerate(prediction.classes) if not objects or score.score >= threshold)


def value_text(prediction: Prediction, score: ClassScore) -> str:
    """Return the figure that stands beside a class: the area of a segmented one, else the score."""
    if prediction.task == SEGMENTATION and score.area is not None:
        return words.percent(score.area)
    return whole_percent(score.score) if prediction.task in OBJECTS else words.percent(score.score)


def whole_percent(share: float) -> str:
    """Return a share in whole percent, ``98 %``; never 100 where something is missing."""
    shown = 100 if share >= 1 else min(99, round(100 * share))
    return f"{shown}{words.THIN}%"


def shown_count(prediction: Prediction, threshold: float) -> str:
    """Return how many objects are shown: ``3 of 12 shown``."""
    shown = len(shown_rows(prediction, threshold))
    return f"{words.number(shown)} of {words.number(len(prediction.classes))} shown"


def headline(prediction: Prediction, threshold: float = THRESHOLD) -> tuple[str, str]:
    """Return what a tile says of a finished prediction, and a detail: ``("3 objects", "person 98 %")``."""
    classes = prediction.classes
    if prediction.task in OBJECTS:
        shown = shown_rows(prediction, threshold)
        if not shown:
            return "no objects", f"none above {whole_percent(threshold)}" if classes else ""
        best = classes[shown[0]]
        return words.plural(len(shown), "object"), f"{class_text(best)} {whole_percent(best.score)}"
    if prediction.task == SEGMENTATION:
        found = [score for score in classes if not is_background(score)]
        if not found:
            return "background only" if classes else "nothing found", ""
        return class_text(found[0]), words.percent(found[0].area or 0.0)
    if prediction.task == FLOW:
        return motion_headline(prediction.motion)
    if classes:
        return class_text(classes[0]), words.percent(classes[0].score)
    return "nothing found", ""


def motion_headline(motion: Motion | None) -> tuple[str, str]:
    """Return how a picture moves, and a detail: ``("moves 2.1 px", "at most 14 px")``."""
    if motion is None:
        return "nothing found", ""
    if motion.largest < 0.5:
        return "still", ""
    return f"moves {_pixels(motion.mean)}", f"at most {_pixels(motion.largest)}"


def _pixels(length: float) -> str:
    shown = f"{length:.1f}" if length < 9.95 else words.number(round(length))
    return f"{shown}{words.THIN}px"


def nothing_text(prediction: Prediction, threshold: float) -> str:
    """Return why nothing is shown of a finished prediction; empty where something is."""
    if prediction.task == FLOW:
        return ""
    if not prediction.classes:
        return "Nothing found in this image."
    if not shown_rows(prediction, threshold):
        best = prediction.classes[0]
        least = f"The surest is {class_text(best)} with {whole_percent(best.score)}."
        return f"No object above {whole_percent(threshold)}. {least}"
    if prediction.task == SEGMENTATION and all(map(is_background, prediction.classes)):
        return "Nothing found in this image but background."
    return ""


def motion_text(dx: float, dy: float) -> str:
    """Return a motion as its two parts: ``12 px → 3 px ↓``; ``still`` below half a pixel."""
    if not (abs(dx) < float("inf") and abs(dy) < float("inf")):
        return ""
    parts = []
    for amount, forth, back in ((dx, "→", "←"), (dy, "↓", "↑")):
        if abs(amount) >= 0.5:
            parts.append(f"{round(abs(amount))}{words.THIN}px {forth if amount > 0 else back}")
    return " ".join(parts) or "still"
