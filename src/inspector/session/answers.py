"""The engine's answer to `predict`, read and bounded: what does not hold together is an error, not a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, get_args

from inspector.answer_parts import (
    CELL_BYTES,
    WRONG,
    AnswerError,
    box,
    grid_size,
    inflated,
    keypoints,
    number,
    rows,
    text,
    whole,
)
from inspector.session.prediction_state import ClassScore, Motion, Prediction, Raster, RasterKind

__all__ = ["AnswerError", "cells", "prediction_from"]


def prediction_from(result: dict[str, Any], buffers: Sequence[bytes | bytearray], task: str) -> Prediction:
    """Return the state that an answer describes.

    Raises
    ------
    AnswerError
        Numbers are missing, not finite or of the wrong kind, or a raster does not fit its size.
    """
    try:
        classes = tuple(_class_score(row) for row in rows(result["predictions"]))
        rasters = tuple(
            _raster(row, bytes(data), len(classes)) for row, data in zip(rows(result["rasters"]), buffers, strict=True)
        )
        return Prediction(
            phase="ready",
            classes=classes,
            milliseconds=number(result["milliseconds"], 0),
            device=text(result["device"]),
            task=task,
            width=whole(result["width"], 1),
            height=whole(result["height"], 1),
            rasters=rasters,
            note=text(result["note"]),
            own_frames=result.get("own_frames") is True,
            motion=_motion(result.get("motion")),
        )
    except WRONG as error:
        raise AnswerError("The engine's answer does not hold together.", "Predict the image again.") from error


def cells(raster: Raster) -> bytes:
    """Return a raster's values, ``width * height`` cells of `CELL_BYTES` each, row by row from the top.

    Raises
    ------
    AnswerError
        The data are damaged, or are not as many as the grid has cells.
    """
    return inflated(raster.data, raster.width * raster.height * CELL_BYTES[raster.kind])


def _motion(told: Any) -> Motion | None:
    if told is None:
        return None
    mean, largest, right, down = told
    return Motion(number(mean, 0), number(largest, 0), number(right), number(down))


def _class_score(row: dict[str, Any]) -> ClassScore:
    place, area = row.get("box"), row.get("area")
    return ClassScore(
        label=text(row["label"]),
        index=whole(row["index"]),
        score=number(row["score"]),
        box=box(place) if place is not None else None,
        area=number(area, 0) if area is not None else None,
        keypoints=keypoints(row.get("keypoints")),
    )


def _raster(row: dict[str, Any], data: bytes, predictions: int) -> Raster:
    kind, width, height = grid_size(row)
    if kind not in get_args(RasterKind):
        raise ValueError("no raster of a prediction")
    owner = whole(row["prediction"], -1, predictions - 1)
    return Raster(cast(RasterKind, kind), width, height, box(row["place"]), data, owner)
