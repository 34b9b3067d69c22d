"""The engine's answer to `predict`, read and bounded: what does not hold together is an error, not a picture."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, get_args

from inspector.errors import InspectorError
from inspector.session.prediction_state import Box, ClassScore, Prediction, Raster, RasterKind

#: Bytes of one cell of a raster.
CELL_BYTES = {"classes": 1, "mask": 1, "picture": 3, "motion": 8}

#: Cells on a side of a raster: no screen shows more.
MOST_CELLS = 4_096


class AnswerError(InspectorError):
    """The engine's answer does not hold together."""


def prediction_from(result: dict[str, Any], buffers: Sequence[bytes | bytearray], task: str) -> Prediction:
    """Return the state that an answer describes.

    Raises
    ------
    AnswerError
        Numbers are missing or of the wrong kind, or a raster does not fit its size.
    """
    try:
        classes = tuple(_class_score(row) for row in result["predictions"])
        rasters = tuple(
            _raster(row, bytes(data), len(classes)) for row, data in zip(result["rasters"], buffers, strict=True)
        )
        return Prediction(
            phase="ready",
            classes=classes,
            milliseconds=float(result["milliseconds"]),
            device=str(result["device"]),
            task=task,
            width=int(result["width"]),
            height=int(result["height"]),
            rasters=rasters,
            note=str(result["note"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AnswerError("The engine's answer does not hold together.", "Predict the image again.") from error


def cells(raster: Raster) -> bytes:
    """Return a raster's values, ``width * height`` cells of `CELL_BYTES` each, row by row from the top.

    Raises
    ------
    AnswerError
        The data are damaged, or are not as many as the grid has cells.
    """
    expected = raster.width * raster.height * CELL_BYTES[raster.kind]
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(raster.data, expected + 1)
    except zlib.error as error:
        raise AnswerError("A picture of the prediction is damaged.", "Predict the image again.") from error
    if len(data) != expected:
        raise AnswerError("A picture of the prediction does not fit its size.", "Predict the image again.")
    return data


def _class_score(row: dict[str, Any]) -> ClassScore:
    area = row.get("area")
    return ClassScore(
        label=str(row["label"]),
        index=int(row["index"]),
        score=float(row["score"]),
        box=_box(row["box"]) if row.get("box") is not None else None,
        area=float(area) if area is not None else None,
        keypoints=tuple((float(x), float(y), float(score)) for x, y, score in row.get("keypoints", ())),
    )


def _box(numbers: Sequence[Any]) -> Box:
    left, top, right, bottom = map(float, numbers)
    return left, top, right, bottom


def _raster(row: dict[str, Any], data: bytes, predictions: int) -> Raster:
    kind: RasterKind = row["kind"]
    width, height, prediction = int(row["width"]), int(row["height"]), int(row["prediction"])
    if kind not in get_args(RasterKind) or not (1 <= width <= MOST_CELLS and 1 <= height <= MOST_CELLS):
        raise ValueError(f"a raster of kind {kind} and {width} x {height} cells")
    if not -1 <= prediction < predictions:
        raise ValueError(f"a raster of prediction {prediction}")
    return Raster(kind, width, height, _box(row["place"]), data, prediction)
