"""No answer about a tensor is made of a file that was written to while it was read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.errors import FileChangedError
from inspector.checkpoint.source import Source
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles import differing, tensor_forms, tensor_plots, tensor_tiles, worker

PLANE = [0, 1, [0] * 4]
ASKED: list[tuple[Any, dict[str, Any]]] = [
    (worker.draw_tensor, {}),
    (worker.describe_tensor, {}),
    (differing.describe_difference, {}),
    (tensor_tiles.tensor_tile, {"plane": PLANE, "level": [0, 0], "tile": [0, 0], "scale": [-1, 1, False]}),
    (tensor_tiles.plane_range, {"plane": PLANE, "level": [0, 0]}),
    (tensor_tiles.tensor_cells, {"plane": PLANE, "rows": [0, 2], "columns": [0, 2]}),
    (tensor_tiles.cells_text, {"plane": PLANE, "rows": [0, 2], "columns": [0, 2]}),
    (tensor_plots.tensor_histogram, {"bins": 8}),
    (tensor_plots.tensor_percentiles, {}),
    (tensor_plots.tensor_line, {"axis": 1, "at": [0] * 4, "start": 0, "stop": 9, "groups": 9}),
    (tensor_plots.batch_norm, {"parts": ["weight"], "eps": 1e-5}),
    (tensor_plots.optimizer_state, {"parts": ["parameter"]}),
    (tensor_forms.tensor_filters, {"order": "norm", "shown": "mean", "log": False}),
    (tensor_forms.tensor_spectrum, {}),
    (tensor_forms.tensor_projection, {}),
]


@pytest.mark.parametrize(("method", "params"), ASKED, ids=[method.__name__ for method, _ in ASKED])
def test_it_is_refused(method: Any, params: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.pth"
    torch.save({"weight": torch.randn(6, 5, 3, 3)}, path)
    with open_checkpoint(path) as checkpoint:
        summary = CheckpointSummary(*encode(checkpoint))
    place, files = summary.place(0).to_json(), [file.to_json() for file in summary.files]
    side = {"files": files, "place": place}
    asked = json.loads(json.dumps({**params, **side, "places": [place], "a": side, "b": side}))
    method(asked, [], lambda told: None)
    worker._drawn.clear()
    tensor_tiles._kept.tensor = ""
    read = Source.read_into

    def written_to_meanwhile(source: Source, offset: int, room: memoryview) -> None:
        read(source, offset, room)
        os.utime(path, ns=(1, 1))

    monkeypatch.setattr(Source, "read_into", written_to_meanwhile)
    with pytest.raises(FileChangedError):
        method(asked, [], lambda told: None)
