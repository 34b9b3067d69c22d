"""Looking at one tensor: the worker reads its bytes and answers with figures, a histogram and a picture."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.errors import InspectorError
from inspector.session.clients import Worker
from inspector.session.failure import Failure
from inspector.session.state import TensorView
from inspector.session.store import Store

#: From so many elements on, the picture is asked for alone, before the figures.
_LARGE = 1_000_000


class Viewing:
    """The selected tensor of each checkpoint. Stale answers are dropped."""

    def __init__(self, store: Store, worker: Worker) -> None:
        self._store = store
        self._worker = worker

    def select(self, number: int, tensor: int | None) -> None:
        """Select a tensor of an open checkpoint, or none."""
        found = self._store.checkpoints.get(number)
        if found is None or found.summary is None or found.tensor == tensor:
            return
        view = first_view(found.summary, tensor) if tensor is not None else None
        self._store.change_checkpoint(number, tensor=tensor, tensor_view=view)
        self.read(number)

    def read(self, number: int) -> None:
        """Read the selected tensor, where it waits for that."""
        found = self._store.checkpoints.get(number)
        view = found.tensor_view if found is not None else None
        if found is None or found.summary is None or view is None or view.phase != "running":
            return
        summary, tensor = found.summary, view.tensor
        params = {
            "files": [file.to_json() for file in summary.files],
            "place": summary.place(tensor).to_json(),
        }

        def seen() -> TensorView | None:
            """Return what is shown of the tensor; None where another one is looked at by now."""
            now = self._store.checkpoints.get(number)
            return now.tensor_view if now is not None and now.tensor == tensor and now.summary is summary else None

        def show(view: TensorView) -> None:
            if seen() is not None:
                self._store.change_checkpoint(number, tensor_view=view)

        def draw(result: dict[str, Any], buffers: list[bytearray]) -> None:
            if (view := seen()) is not None and view.phase == "running":
                show(_drawn(view, result["picture"], buffers[0]))

        if summary.numel(tensor) >= _LARGE:
            # why it can't be drawn is told by the answer to the other question, too
            self._worker.request("draw_tensor", params, [], draw, lambda _: None)
        self._worker.request(
            "describe_tensor",
            params,
            [],
            lambda result, buffers: show(view_of_answer(tensor, result, buffers, seen())),
            lambda failure: show(TensorView(tensor, phase="failed", failure=failure)),
        )


def first_view(summary: CheckpointSummary, tensor: int) -> TensorView:
    """Return what is known of a tensor before its bytes are read: that it waits, or why it can't be read."""
    try:
        summary.place(tensor)
    except InspectorError as error:
        return TensorView(tensor, phase="failed", failure=Failure(error.message, error.hint, type(error).__name__))
    return TensorView(tensor)


def view_of_answer(
    tensor: int, result: dict[str, Any], buffers: list[bytearray], before: TensorView | None = None
) -> TensorView:
    """Return what the worker told of a tensor: buffer 0 is the edges of its bins, 1 their counts, 2 its picture.

    Without a picture it is the one ``before``.
    """
    edges, counts = array("d"), array("q")
    edges.frombytes(buffers[0])
    counts.frombytes(buffers[1])
    view = before if before is not None and before.tensor == tensor else TensorView(tensor)
    if result["picture"] is not None:
        view = _drawn(view, result["picture"], buffers[2])
    return replace(view, phase="ready", statistics=result["statistics"], edges=tuple(edges), counts=tuple(counts))


def picture_view(picture: dict[str, Any], raw: bytearray, tensor: int = -1) -> TensorView:
    """Return the picture that the worker drew, as part of a view."""
    return replace(_drawn(TensorView(tensor), picture, raw), phase="ready")


def _drawn(view: TensorView, picture: dict[str, Any], rgba: bytearray) -> TensorView:
    """Return a view with a picture."""
    width, height, pixels = int(picture["width"]), int(picture["height"]), bytes(rgba)
    if len(pixels) != 4 * width * height:
        width, height, pixels = 0, 0, b""
    return replace(
        view,
        width=width,
        height=height,
        rgba=pixels,
        mode=picture["mode"],
        caption=picture["caption"],
        scale=picture["scale"],
        columns=picture["columns"],
        cell=picture["cell"],
        note=picture["note"],
    )
