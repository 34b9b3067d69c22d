"""Looking at one tensor: the worker reads its bytes and answers with figures, a histogram and a picture."""

from __future__ import annotations

from array import array
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.errors import InspectorError
from inspector.session.clients import Worker
from inspector.session.failure import Failure
from inspector.session.state import TensorView
from inspector.session.store import Store


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

        def show(view: TensorView) -> None:
            now = self._store.checkpoints.get(number)
            if now is not None and now.tensor == tensor and now.summary is summary:
                self._store.change_checkpoint(number, tensor_view=view)

        self._worker.request(
            "describe_tensor",
            params,
            [],
            lambda result, buffers: show(_view(tensor, result, buffers)),
            lambda failure: show(TensorView(tensor, phase="failed", failure=failure)),
        )


def first_view(summary: CheckpointSummary, tensor: int) -> TensorView:
    """Return what is known of a tensor before its bytes are read: that it waits, or why it can't be read."""
    try:
        summary.place(tensor)
    except InspectorError as error:
        return TensorView(tensor, phase="failed", failure=Failure(error.message, error.hint, type(error).__name__))
    return TensorView(tensor)


def _view(tensor: int, result: dict[str, Any], buffers: list[bytearray]) -> TensorView:
    edges, counts = array("d"), array("q")
    edges.frombytes(buffers[0])
    counts.frombytes(buffers[1])
    picture = result["picture"]
    width, height, rgba = int(picture["width"]), int(picture["height"]), bytes(buffers[2])
    if len(rgba) != 4 * width * height:
        width, height, rgba = 0, 0, b""
    return TensorView(
        tensor,
        phase="ready",
        statistics=result["statistics"],
        edges=tuple(edges),
        counts=tuple(counts),
        width=width,
        height=height,
        rgba=rgba,
        mode=picture["mode"],
        caption=picture["caption"],
        scale=picture["scale"],
        columns=picture["columns"],
        cell=picture["cell"],
        note=picture["note"],
    )
