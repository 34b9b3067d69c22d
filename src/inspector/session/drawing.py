"""What the worker is told, so that it draws a prediction on a copy of its image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspector.session.prediction_state import Prediction

#: Objects with a smaller score are neither drawn nor listed, where nobody chose.
THRESHOLD = 0.5


def drawing_message(prediction: Prediction, threshold: float) -> tuple[dict[str, Any], list[bytes]]:
    """Return a prediction as the worker's ``draw_prediction`` takes it: its parameters and its buffers."""
    rows = [
        {
            "label": row.label,
            "index": row.index,
            "score": row.score,
            "box": row.box,
            "area": row.area,
            "keypoints": row.keypoints,
        }
        for row in prediction.classes
    ]
    rasters = [
        {"kind": r.kind, "width": r.width, "height": r.height, "place": r.place, "prediction": r.prediction}
        for r in prediction.rasters
    ]
    params = {
        "task": prediction.task,
        "width": prediction.width,
        "height": prediction.height,
        "predictions": rows,
        "rasters": rasters,
        "note": prediction.note,
        "threshold": threshold,
    }
    return params, [raster.data for raster in prediction.rasters]
