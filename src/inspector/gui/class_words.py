"""Predictions in words, the same in the strip, in the panel and in the clipboard."""

from __future__ import annotations

from inspector.session import words
from inspector.session.prediction_state import ClassScore, Prediction
from inspector.session.prediction_words import class_text, value_text
from inspector.session.state import ImageItem


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
    lines = [f"{class_text(score)}\t{value_text(prediction, score)}" for score in prediction.classes]
    return "\n".join([item.name, *filter(None, [prediction.note]), *lines]).replace(words.THIN, " ")
