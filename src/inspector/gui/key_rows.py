"""The rows that stand for a prediction: a legend of classes, or a list of objects."""

from __future__ import annotations

from PySide6.QtGui import QColor

from inspector.gui.key_list import KeyRow
from inspector.gui.overlays.detection import object_color
from inspector.gui.overlays.palette import class_color
from inspector.gui.view_options import ViewOptions
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import (
    LISTED,
    OBJECTS,
    class_text,
    is_background,
    shown_rows,
    value_text,
)


def key_rows(prediction: Prediction, options: ViewOptions) -> list[KeyRow]:
    """Return the rows of a prediction as it is looked at; none for tasks that have none."""
    if prediction.task not in LISTED:
        return []
    rows = []
    for row in shown_rows(prediction, options.threshold):
        score = prediction.classes[row]
        objects = prediction.task in OBJECTS
        color = object_color(prediction, row) if objects else QColor(class_color(score.index, score.label))
        if not objects and is_background(score):
            color = QColor(0, 0, 0, 0)
        share = None if objects else score.area
        hidden = row in options.hidden
        rows.append(KeyRow(row, class_text(score), value_text(prediction, score), color, share, hidden))
    return rows
