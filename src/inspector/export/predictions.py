"""Predictions for other programs: as JSON, the same from the window and from ``inspector predict``, and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inspector.export.tables import csv_text

#: The columns of the table: a row per prediction, and one for each image that has none.
HEADER = (
    "image", "rank", "label", "index", "score", "left", "top", "right", "bottom", "area", "milliseconds", "error",
    "motion_mean", "motion_largest", "note",
)  # fmt: skip


class Predicted(Protocol):
    """A class or an object that was predicted, as `inspector.session.prediction_state.ClassScore` describes it."""

    @property
    def label(self) -> str:
        """The name of the class."""

    @property
    def index(self) -> int:
        """The number of the class."""

    @property
    def score(self) -> float:
        """Its probability, 0 to 1."""

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """Left, top, right, bottom in pixels of the upright image."""

    @property
    def area(self) -> float | None:
        """The share of the image that it covers, 0 to 1."""

    @property
    def keypoints(self) -> Sequence[tuple[float, float, float]]:
        """x, y and confidence of each point."""


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What came of one image: its predictions, best first, or why there are none.

    Attributes
    ----------
    image
        As it is to be called: the path as it was given.
    width, height
        Of the upright image in pixels, which boxes and keypoints refer to; 0 where that is not known.
    note
        What else should be known, as a sentence.
    motion
        Of optical flow: ``mean`` and ``largest`` length, and the mean motion to the ``right`` and ``down``.
    """

    image: str
    predictions: Sequence[Predicted] = ()
    error: str | None = None
    milliseconds: float | None = None
    width: int = 0
    height: int = 0
    note: str = ""
    motion: Mapping[str, float] | None = None


def document(
    architecture: str,
    task: str,
    device: str,
    results: Iterable[ImageResult],
    accuracy: Mapping[str, int] | None = None,
    *,
    autocast: str = "",
    compiled: bool = False,
) -> dict[str, Any]:
    """Return a run as one JSON document, whose keys ``docs/json.md`` explains.

    Parameters
    ----------
    autocast
        The precision that convolutions and matrix products were computed in; empty for the model's own.
    compiled
        Whether the model was compiled.
    """
    return {
        "architecture": architecture,
        "task": task,
        "device": device,
        "eval_mode": True,  # the engine verifies it before every forward pass
        "autocast": autocast or None,
        "compile": compiled,
        "accuracy": dict(accuracy) if accuracy is not None else None,
        "results": [
            {
                "image": result.image,
                "error": result.error,
                "milliseconds": result.milliseconds,
                "width": result.width or None,
                "height": result.height or None,
                "note": result.note,
                "predictions": [prediction(row) for row in result.predictions],
                "motion": dict(result.motion) if result.motion is not None else None,
            }
            for result in results
        ],
    }


def prediction(row: Predicted) -> dict[str, Any]:
    """Return one prediction for JSON: every key is there for every task, null or empty where it says nothing."""
    return {
        "label": row.label,
        "index": row.index,
        "score": row.score,
        "box": list(row.box) if row.box is not None else None,
        "area": row.area,
        "keypoints": [list(point) for point in row.keypoints],
    }


def table(results: Iterable[ImageResult]) -> str:
    """Return the predictions as CSV, a row each, with `HEADER`; an image without any has one row of its own.

    Keypoints have no columns: only JSON holds them.
    """
    return csv_text(HEADER, (row for result in results for row in _rows(result)))


def _rows(result: ImageResult) -> Iterable[Sequence[object]]:
    time = "" if result.milliseconds is None else result.milliseconds
    motion = (result.motion["mean"], result.motion["largest"]) if result.motion is not None else ("", "")
    rest = (time, result.error or "", *motion, result.note)
    if not result.predictions:
        yield (result.image, *[""] * 9, *rest)
    for rank, row in enumerate(result.predictions, 1):
        box = row.box if row.box is not None else ("",) * 4
        area = "" if row.area is None else row.area
        yield (result.image, rank, row.label, row.index, row.score, *box, area, *rest)
