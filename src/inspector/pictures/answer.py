"""What a model says of a picture, as plain data to draw: read from a message, and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inspector.answer_parts import (
    CELL_BYTES,
    WRONG,
    AnswerError,
    Box,
    box,
    grid_size,
    inflated,
    keypoints,
    number,
    rows,
    text,
    whole,
)

__all__ = ["Answer", "AnswerError", "Box", "Bytes", "Floats", "Found", "Grid"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """A class, a region or an object: as `inspector.engine.answers.Prediction` describes it."""

    label: str
    index: int
    score: float
    box: Box | None = None
    area: float | None = None
    keypoints: tuple[tuple[float, float, float], ...] = ()

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Found:
        """Read what a message tells."""
        place, area = row.get("box"), row.get("area")
        return cls(
            text(row["label"]),
            whole(row["index"]),
            number(row["score"]),
            box(place) if place is not None else None,
            number(area, 0) if area is not None else None,
            keypoints(row.get("keypoints")),
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """Values over a place of the image: as `inspector.engine.answers.Raster`, its data not yet inflated.

    Attributes
    ----------
    kind
        ``classes``, ``mask``, ``picture`` or ``motion``.
    """

    kind: str
    width: int
    height: int
    place: Box
    data: bytes
    prediction: int = -1

    @classmethod
    def from_json(cls, row: dict[str, Any], data: bytes) -> Grid:
        """Read what a message tells."""
        return cls(*grid_size(row), box(row["place"]), data, whole(row["prediction"], -1))

    def cells(self) -> Bytes:
        """Return the values of shape ``(height, width)``, or ``(height, width, 3)`` of a ``picture``.

        Raises
        ------
        AnswerError
            The data are damaged, or are not as many as the grid has cells.
        """
        values = np.frombuffer(self._inflated(), np.uint8)
        return values.reshape((self.height, self.width, 3) if self.kind == "picture" else (self.height, self.width))

    def motion(self) -> Floats:
        """Return the motion of shape ``(height, width, 2)``: pixels to the right and down; 0 where it is not finite.

        Raises
        ------
        AnswerError
            As `cells`.
        """
        values = np.frombuffer(self._inflated(), "<f4").reshape(self.height, self.width, 2)
        return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)

    def _inflated(self) -> bytes:
        return inflated(self.data, self.width * self.height * CELL_BYTES[self.kind])


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is drawn on one picture.

    Attributes
    ----------
    task
        Of the model: ``classification``, ``semantic_segmentation``, ``detection`` ...
    width, height
        In pixels, of the image that boxes, keypoints and places refer to.
    found
        Best first.
    grids
        What covers the picture.
    note
        A sentence to write below it.
    """

    task: str
    width: int
    height: int
    found: tuple[Found, ...] = ()
    grids: tuple[Grid, ...] = ()
    note: str = ""

    @classmethod
    def from_message(cls, params: dict[str, Any], buffers: Sequence[bytes | bytearray]) -> Answer:
        """Read a message: the engine's answer and its ``task``.

        Raises
        ------
        AnswerError
            Something is missing, of the wrong kind, or not a number.
        """
        try:
            return cls(
                text(params["task"]),
                whole(params["width"], 1),
                whole(params["height"], 1),
                tuple(map(Found.from_json, rows(params["predictions"]))),
                tuple(Grid.from_json(row, bytes(b)) for row, b in zip(rows(params["rasters"]), buffers, strict=True)),
                text(params.get("note", "")),
            )
        except WRONG as error:
            message = "A prediction can't be drawn: it does not hold together."
            raise AnswerError(message, "Predict the image again.") from error
