"""What the worker tells of a tensor's values: tiles, ranges, cells and text, equal to what torch saved."""

from __future__ import annotations

import json
import warnings
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.errors import FileChangedError, TensorReadError
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles import tensor_tiles, worker

Reply = tuple[dict[str, Any], list[bytes]]


class Saved:
    """Tensors in a file, and questions about them."""

    def __init__(self, path: Path, **tensors: torch.Tensor) -> None:
        torch.save(tensors, path)
        with open_checkpoint(path) as checkpoint:
            header, columns = encode(checkpoint)
        self.summary = CheckpointSummary(json.loads(json.dumps(header)), columns)

    def ask(self, method: Any, name: str, plane: tuple[int, int, list[int]], **params: Any) -> Reply:
        place = self.summary.place(self.summary.names.index(name)).to_json()
        files = [file.to_json() for file in self.summary.files]
        asked = json.loads(json.dumps({"files": files, "places": [place], "plane": plane, **params}))
        result, buffers = method(asked, [], lambda told: None)
        return json.loads(json.dumps(result)), [bytes(buffer) for buffer in buffers]


VALUES = torch.arange(2 * 30 * 40, dtype=torch.float32).reshape(2, 30, 40) / 7 - 100
TENSORS = {
    "plain": VALUES,
    "turned": VALUES.permute(2, 0, 1),
    "half": VALUES.bfloat16(),
    "int": torch.tensor([[2**62 + 1, -(2**62) - 1], [0, 7]]),
    "bool": torch.tensor([True, False]),
    "complex": torch.tensor([[3 + 4j, 0]], dtype=torch.complex64),
    "scalar": torch.tensor(2.5),
    "bad": torch.tensor([[1.0, float("nan")], [float("inf"), -1.0]]),
    "sparse": torch.eye(5).to_sparse(),
    "many": torch.arange(1_000_000, dtype=torch.int32),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    with warnings.catch_warnings():  # torch warns that quantized tensors will go; files keep them
        warnings.simplefilter("ignore", UserWarning)
        quantized = torch.quantize_per_tensor(torch.tensor([[0.5, -1.0]]), 0.5, 3, torch.qint8)
        return Saved(tmp_path_factory.mktemp("tiles") / "some.pth", quantized=quantized, **TENSORS)


def tile(saved: Saved, name: str, plane: tuple[int, int, list[int]], **more: Any) -> tuple[Any, Any]:
    asked = {"level": (0, 0), "tile": (0, 0), "scale": (-1, 1, False), **more}
    result, (rows, values) = saved.ask(tensor_tiles.tensor_tile, name, plane, **asked)
    shape = (result["rows"], result["columns"])
    return np.frombuffer(rows, np.uint8).reshape(shape), np.frombuffer(values, result["type"]).reshape(shape)


@pytest.mark.parametrize(
    ("name", "plane", "expected"),
    [
        ("plain", (1, 2, [1, 0, 0]), VALUES[1]),
        ("plain", (2, 0, [0, 5, 0]), VALUES[:, 5, :].T),
        ("turned", (0, 2, [0, 1, 0]), VALUES[1].T),
        ("half", (1, 2, [0, 0, 0]), VALUES[0].bfloat16().float()),
        ("complex", (0, 1, [0, 0]), torch.tensor([[5.0, 0.0]])),
        ("sparse", (0, 1, [0, 0]), torch.eye(5)),
        ("quantized", (0, 1, [0, 0]), torch.tensor([[0.5, -1.0]])),
        ("scalar", (-1, -1, []), torch.tensor([[2.5]])),
        ("bool", (-1, 0, [0]), torch.tensor([[1.0, 0.0]])),
    ],
)
def test_tiles_are_what_torch_saved(
    saved: Saved, name: str, plane: tuple[int, int, list[int]], expected: torch.Tensor
) -> None:
    _, values = tile(saved, name, plane)
    np.testing.assert_allclose(values, expected.numpy(), rtol=1e-6)


def test_colours_follow_the_scale_and_amber_is_what_is_not_finite(saved: Saved) -> None:
    rows, _ = tile(saved, "bad", (0, 1, [0, 0]))
    assert rows.tolist() == [[255, 0], [0, 1]]
    rows, _ = tile(saved, "bad", (0, 1, [0, 0]), scale=(-2, 2, False))
    assert rows.tolist() == [[192, 0], [0, 64]]


def test_a_coarse_tile_is_of_means(saved: Saved) -> None:
    _, values = tile(saved, "many", (-1, 0, [0]), level=(0, 10), tile=(0, 3))
    first = 3 * 256 * 1_024
    assert values.shape == (1, -(-(1_000_000 - first) // 1_024))
    assert values[0, 0] == first + 511.5


def test_ranges_and_colours(saved: Saved) -> None:
    result, tables = saved.ask(tensor_tiles.plane_range, "plain", (1, 2, [0, 0, 0]), level=(0, 0))
    magnitudes = VALUES[0].abs().numpy()
    assert result["scale"] == pytest.approx(np.quantile(magnitudes, 0.995), rel=1e-6)
    assert (result["shape"], result["is_sample"]) == ([30, 40], False)
    assert result["maps"][0] == "diverging"
    assert [len(table) for table in tables] == [1_024] * 4
    exact, _ = saved.ask(tensor_tiles.plane_range, "bad", (0, 1, [0, 0]), exact=True)
    assert (exact["low"], exact["high"], exact["scale"]) == (-1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("int", "integer", [2**62 + 1, -(2**62) - 1, 0, 7]),
        ("bad", "float", [1.0, float("nan"), float("inf"), -1.0]),
        ("complex", "complex", [3.0, 4.0, 0.0, 0.0]),
    ],
)
def test_cells_are_exact(saved: Saved, name: str, kind: str, expected: list[Any]) -> None:
    result, (values,) = saved.ask(tensor_tiles.tensor_cells, name, (0, 1, [0, 0]), rows=(0, 64), columns=(0, 32))
    found = array(result["type"])
    found.frombytes(values)
    assert result["kind"] == kind
    assert list(found) == pytest.approx(expected, nan_ok=True, abs=0, rel=0)


def text(saved: Saved, name: str, plane: tuple[int, int, list[int]], **params: Any) -> str:
    return saved.ask(tensor_tiles.cells_text, name, plane, **params)[1][0].decode()


def test_text_has_tabs_and_whole_precision(saved: Saved) -> None:
    whole = {"rows": (0, 9), "columns": (0, 9), "wrap": None}
    assert text(saved, "int", (0, 1, [0, 0]), **whole) == f"{2**62 + 1}\t{-(2**62) - 1}\n0\t7"
    assert text(saved, "bad", (0, 1, [0, 0]), **whole) == "1.0\tnan\ninf\t-1.0"
    assert text(saved, "bool", (-1, 0, [0]), **whole) == "True\tFalse"
    found = text(saved, "half", (1, 2, [0, 0, 0]), rows=(3, 4), columns=(1, 3), wrap=None)
    assert [float(part) for part in found.split("\t")] == VALUES.bfloat16()[0, 3, 1:3].tolist()


def test_one_row_is_copied_as_it_is_laid_out(saved: Saved) -> None:
    """Columns 2 to 4 of rows 1 to 3 of ten values each: the first value is 12, the last 34."""
    found = text(saved, "many", (-1, 0, [0]), rows=(0, 1), columns=(12, 35), wrap=3)
    assert found == "12\t13\t14\n22\t23\t24\n32\t33\t34"
    assert text(saved, "many", (-1, 0, [0]), rows=(0, 1), columns=(999_995, 1_000_010), wrap=5).count("\t") == 4


def test_too_much_at_once_is_refused(saved: Saved) -> None:
    with pytest.raises(ValueError, match="more than a block holds"):
        saved.ask(tensor_tiles.tensor_cells, "many", (-1, 0, [0]), rows=(0, 1), columns=(0, 100_000))


def test_a_file_that_changed_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "some.pth"
    saved = Saved(path, a=torch.ones(3, 3))
    torch.save({"a": torch.zeros(30, 3)}, path)
    with pytest.raises(FileChangedError):
        tile(saved, "a", (0, 1, [0, 0]))


def test_a_tensor_that_was_drawn_is_described_without_another_picture(saved: Saved) -> None:
    place = saved.summary.place(saved.summary.names.index("plain")).to_json()
    params = {"files": [file.to_json() for file in saved.summary.files], "place": place}
    drawn, (rgba,) = worker.draw_tensor(params, [], lambda told: None)
    described, buffers = worker.describe_tensor(params, [], lambda told: None)
    again, whole = worker.describe_tensor(params, [], lambda told: None)
    assert described["picture"] is None
    assert buffers[2] == b""
    assert (again["picture"], whole[2]) == (drawn["picture"], rgba)
    assert (described["statistics"], list(buffers[:2])) == (again["statistics"], list(whole[:2]))


def test_a_tensor_that_repeats_itself_too_often_is_refused_at_once(tmp_path: Path) -> None:
    saved = Saved(tmp_path / "expanded.pth", expanded=torch.randn(200_000).expand(400, -1))
    with pytest.raises(TensorReadError, match="80,000,000 elements are 200,000 that are repeated"):
        saved.ask(tensor_tiles.plane_range, "expanded", (0, 1, [0, 0]), exact=True)
