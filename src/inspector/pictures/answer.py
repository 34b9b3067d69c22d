"""What a model says of a picture, as plain data to draw: read from a message, and bounded."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inspector.errors import InspectorError

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels of the image that was predicted."""
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

CELL_BYTES = {"classes": 1, "mask": 1, "heat": 1, "picture": 3, "motion": 8}
"""Bytes of one cell of a grid."""

_MOST_CELLS = 4_096  # on a side


class AnswerError(InspectorError):
    """What is to be drawn does not hold together."""


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
        """Read what a message tells; the numbers are checked to be finite where something is drawn at them."""
        box, area = row.get("box"), row.get("area")
        return cls(
            str(row["label"]),
            int(row["index"]),
            float(row["score"]),
            _box(box) if box is not None else None,
            float(area) if area is not None else None,
            tuple((float(x), float(y), float(score)) for x, y, score in row.get("keypoints") or ()),
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """Values over a place of the image: as `inspector.engine.answers.Raster`, its data not yet inflated.

    Attributes
    ----------
    kind
        ``classes``, ``mask``, ``picture``, ``motion``; or ``heat``: one byte, a value from 0 to 1 times 255.
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
        made = cls(
            str(row["kind"]), int(row["width"]), int(row["height"]), _box(row["place"]), data, int(row["prediction"])
        )
        if made.kind not in CELL_BYTES or not (1 <= made.width <= _MOST_CELLS and 1 <= made.height <= _MOST_CELLS):
            raise ValueError(f"a grid of kind {made.kind} and {made.width} x {made.height} cells")
        return made

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
        expected = self.width * self.height * CELL_BYTES[self.kind]
        try:
            data = zlib.decompressobj().decompress(self.data, expected + 1)
        except zlib.error as error:
            raise _wrong() from error
        if len(data) != expected:
            raise _wrong()
        return data


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
                str(params["task"]),
                max(1, int(params["width"])),
                max(1, int(params["height"])),
                tuple(map(Found.from_json, params["predictions"])),
                tuple(Grid.from_json(row, bytes(b)) for row, b in zip(params["rasters"], buffers, strict=True)),
                str(params.get("note", "")),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _wrong() from error


def _box(numbers: Sequence[Any]) -> Box:
    left, top, right, bottom = map(float, numbers)
    if not all(np.isfinite((left, top, right, bottom))):
        raise ValueError("a place that is nowhere")
    return left, top, right, bottom


def _wrong() -> AnswerError:
    return AnswerError("A prediction can't be drawn: it does not hold together.", "Predict the image again.")
