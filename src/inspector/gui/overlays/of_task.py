"""Which overlay shows a prediction."""

from __future__ import annotations

from inspector.gui.overlays.detection import DetectionOverlay
from inspector.gui.overlays.flow import FlowOverlay
from inspector.gui.overlays.overlay import TaskOverlay
from inspector.gui.overlays.segmentation import SegmentationOverlay
from inspector.gui.view_options import ViewOptions
from inspector.session.answers import AnswerError
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import OBJECTS, SEGMENTATION
from inspector.session.sources import FLOW


def overlay_for(prediction: Prediction | None, options: ViewOptions, *, small: bool = False) -> TaskOverlay | None:
    """Return what lies over the image of a prediction; None where there is nothing to draw.

    Parameters
    ----------
    small
        Whether the image is shown small, where labels would hide it.
    """
    if prediction is None or prediction.phase != "ready":
        return None
    try:
        if prediction.task in OBJECTS:
            return DetectionOverlay(prediction, options, labels=not small)
        if prediction.task == SEGMENTATION:
            return SegmentationOverlay(prediction, options)
        if prediction.task == FLOW:
            return FlowOverlay(prediction, options)
    except AnswerError:
        return None  # the answer was bounded when it came; a raster that does not inflate shows nothing
    return None
