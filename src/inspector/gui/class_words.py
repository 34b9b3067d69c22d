"""Predictions in words, the same in the strip, in the panel and in the clipboard."""

from __future__ import annotations

from inspector.session import words
from inspector.session.prediction_state import ClassScore, Prediction
from inspector.session.state import ImageItem


def class_text(score: ClassScore) -> str:
    """Return a class's label; ``class 17`` where the label is but the class's number."""
    return f"class {score.index}" if score.label.strip() in ("", str(score.index)) else score.label


def score_sentence(score: ClassScore) -> str:
    """Return a class and its probability as a screen reader says them: ``Samoyed, 81.4 %``."""
    return f"{class_text(score)}, {words.percent(score.score)}"


def timing(prediction: Prediction | None) -> str:
    """Return how long a prediction took and where, empty until it is made: `` · 38 ms · CPU``."""
    if prediction is None or prediction.phase != "ready":
        return ""
    parts = ("", words.duration(prediction.milliseconds), prediction.device.upper())
    return " · ".join(parts).removesuffix(" · ")


def plain_text(item: ImageItem, prediction: Prediction) -> str:
    """Return a prediction for the clipboard: the file's name, then a line of label, tab, percent for every class."""
    lines = [f"{class_text(score)}\t{words.percent(score.score)}" for score in prediction.classes]
    return "\n".join([item.name, *lines]).replace(words.THIN, " ")
