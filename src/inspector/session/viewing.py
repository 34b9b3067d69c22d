"""Looking at one tensor: the worker reads its bytes and answers with figures, a histogram and a picture."""

from __future__ import annotations

from array import array
from typing import Any

from inspector.errors import InspectorError
from inspector.session.clients import Worker
from inspector.session.state import Failure, TensorView
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
        if tensor is None:
            self._store.change_checkpoint(number, tensor=None, tensor_view=None)
            return
        try:
            place = found.summary.place(tensor)
        except InspectorError as error:
            failure = Failure(error.message, error.hint, type(error).__name__)
            view = TensorView(tensor, phase="failed", failure=failure)
            self._store.change_checkpoint(number, tensor=tensor, tensor_view=view)
            return
        self._store.change_checkpoint(number, tensor=tensor, tensor_view=TensorView(tensor))
        params = {
            "files": [file.to_json() for file in found.summary.files],
            "place": place.to_json(),
        }
        self._worker.request(
            "describe_tensor",
            params,
            [],
            lambda result, buffers: self._show(number, tensor, _view(tensor, result, buffers)),
            lambda failure: self._show(number, tensor, TensorView(tensor, phase="failed", failure=failure)),
        )

    def _show(self, number: int, tensor: int, view: TensorView) -> None:
        found = self._store.checkpoints.get(number)
        if found is not None and found.tensor == tensor:
            self._store.change_checkpoint(number, tensor_view=view)


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
