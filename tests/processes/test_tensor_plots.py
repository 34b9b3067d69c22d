"""What the worker tells of tensors for plots equals numpy, for real files and every dtype."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles import tensor_plots

DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
    torch.float32, torch.float64, torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2,
]  # fmt: skip
if hasattr(ml_dtypes, "complex32"):  # since 0.5.4
    DTYPES.append(torch.complex32)

pytestmark = pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")


def summary_of(content: object, path: Path) -> CheckpointSummary:
    torch.save(content, path)
    with open_checkpoint(path) as checkpoint:
        header, columns = encode(checkpoint)
    return CheckpointSummary(json.loads(json.dumps(header)), columns)


def ask(
    method: str, summary: CheckpointSummary, names: list[str], **params: Any
) -> tuple[dict[str, Any], list[npt.NDArray[Any]], list[bytes]]:
    """Ask as the window does, through JSON; return the result and the buffers as float64."""
    places = [summary.place(summary.names.index(name)).to_json() for name in names]
    asked = {**params, "files": [file.to_json() for file in summary.files], "places": places}
    result, buffers = getattr(tensor_plots, method)(json.loads(json.dumps(asked)), [], lambda *_: None)
    raw = [bytes(part) for part in buffers]
    return json.loads(json.dumps(result)), [np.frombuffer(part) for part in raw if len(part) % 8 == 0], raw


def plain(tensor: torch.Tensor) -> npt.NDArray[np.float64]:
    """Return a tensor's values as float64, complex ones as magnitudes, by torch alone."""
    real = tensor.to(torch.complex128).abs() if tensor.is_complex() else tensor.to(torch.float64)
    found: npt.NDArray[np.float64] = real.numpy()
    return found


def sample(dtype: torch.dtype) -> torch.Tensor:
    values = torch.randn(7, 5, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
    if dtype.is_floating_point and "e4m3fn" not in str(dtype):
        values[1, 2, 3], values[2, 0, 1] = float("nan"), float("inf")
    return torch.complex(values, values).to(dtype) if dtype.is_complex else values.to(dtype)


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, torch.Tensor], CheckpointSummary]:
    """A tensor of every dtype, plain, turned, sliced, empty and of no dimension."""
    content: dict[str, torch.Tensor] = {}
    for dtype in DTYPES:
        name, tensor = str(dtype).partition(".")[2], sample(dtype)
        content[name] = tensor
        content[f"{name}.turned"] = tensor.permute(2, 0, 1)
        content[f"{name}.sliced"] = tensor[1::2, :, 3:]
        content[f"{name}.one"] = tensor[3, 3, 3]
        content[f"{name}.none"] = tensor[:, :0]
    return content, summary_of(content, tmp_path_factory.mktemp("plots") / "every.pth")


def test_distributions_and_percentiles(every: tuple[dict[str, torch.Tensor], CheckpointSummary]) -> None:
    content, summary = every
    for name, tensor in content.items():
        values = plain(tensor)
        finite = values[np.isfinite(values)]
        result, _, raw = ask("tensor_histogram", summary, [name], bins=16, figures=True)
        edges, counts = np.frombuffer(raw[0]), np.frombuffer(raw[1], np.int64)
        bins = 16
        if result["single"]:
            assert not tensor.is_floating_point()
            assert not tensor.is_complex()
            np.testing.assert_array_equal(edges, np.arange(finite.min(), finite.max() + 2) - 0.5)
            np.testing.assert_array_equal(counts, [np.count_nonzero(values == edge + 0.5) for edge in edges[:-1]])
            bins = int(np.ptp(finite)) + 1
        assert (edges.size, counts.sum(), result["statistics"]["numel"]) == (bins + 1, finite.size, values.size), name
        told = ask("tensor_percentiles", summary, [name])[0]
        if not finite.size:
            assert told["values"] == []
            continue
        np.testing.assert_allclose(told["values"], np.percentile(finite, told["percents"]), rtol=1e-13, err_msg=name)
        low, high = np.percentile(finite, [20, 70])
        _, _, raw = ask("tensor_histogram", summary, [name], bins=32, range=[low, high])
        if high > low:
            inside = finite[(finite >= low) & (finite <= high)]
            assert np.frombuffer(raw[1], np.int64).sum() == inside.size, name


def test_lines_along_every_dimension(every: tuple[dict[str, torch.Tensor], CheckpointSummary]) -> None:
    content, summary = every
    for name, tensor in content.items():
        values = plain(tensor)
        for axis in range(max(1, tensor.ndim)):
            if tensor.numel() == 0:
                continue
            at = [size // 2 for size in tensor.shape]
            expected = values.reshape(-1) if not at else np.moveaxis(values, axis, 0)[:, *np.delete(at, axis)]
            expected = np.where(np.isfinite(expected), expected, np.nan)
            place = {"axis": axis, "at": at, "start": 0, "stop": expected.size}
            result, (_, low, high, _), raw = ask("tensor_line", summary, [name], **place, groups=100)
            assert result["size"] == expected.size
            rounding = 1e-15 if tensor.is_complex() else 0.0  # torch's magnitudes differ in the last digit
            np.testing.assert_allclose(low, expected, rtol=rounding, err_msg=name)
            np.testing.assert_array_equal(np.frombuffer(raw[0], np.int64), np.arange(expected.size + 1))
            _, (_, low, high, _), _ = ask("tensor_line", summary, [name], **place, groups=1)
            if np.isfinite(expected).any():
                ends = [np.nanmin(expected), np.nanmax(expected)]
                np.testing.assert_allclose([low[0], high[0]], ends, rtol=rounding)
            _, (_, low, _, _), _ = ask("tensor_line", summary, [name], **place, groups=100, ordered=True)
            np.testing.assert_allclose(low, np.sort(expected), rtol=rounding, err_msg=name)


@settings(max_examples=40, deadline=None)
@given(st.integers(-3, 14), st.integers(-3, 14), st.integers(1, 14), st.sampled_from(["", ".turned", ".sliced"]))
def test_a_part_of_a_line(
    every: tuple[dict[str, torch.Tensor], CheckpointSummary], start: int, stop: int, groups: int, form: str
) -> None:
    content, summary = every
    name = f"float64{form}"
    axis = int(np.argmax(content[name].shape))
    at = [0] * 3
    expected = np.moveaxis(plain(content[name]), axis, 0)[:, 0, 0]
    place = {"axis": axis, "at": at, "start": start, "stop": stop, "groups": groups}
    for ordered in (False, True):
        values = np.sort(expected) if ordered else expected
        result, (_, low, high, _), raw = ask("tensor_line", summary, [name], **place, ordered=ordered)
        starts = np.frombuffer(raw[0], np.int64)
        assert result["size"] == expected.size
        inside = values[max(0, start) : max(0, stop)]
        assert starts[-1] - starts[0] == inside.size
        parts = [values[a:b] for a, b in pairwise(starts)]
        np.testing.assert_array_equal(low, [part.min() for part in parts])
        np.testing.assert_array_equal(high, [part.max() for part in parts])


def test_one_row_is_read_alone(every: tuple[dict[str, torch.Tensor], CheckpointSummary]) -> None:
    content, summary = every
    place = summary.place(summary.names.index("float32.turned"))
    alone = tensor_plots._line_place(place, 1, (2, 0, 4))
    assert alone is not None
    assert (alone.shape, alone.stride) == ((7,), (content["float32.turned"].stride(1),))


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**31), st.booleans(), st.sampled_from([1e-5, 1e-3]))
def test_batch_norms(channels: int, seed: int, affine: bool, eps: float) -> None:
    import tempfile

    torch.manual_seed(seed)
    layer = torch.nn.BatchNorm2d(channels, eps=eps, affine=affine).eval()
    layer.running_mean, layer.running_var = torch.randn(channels), torch.rand(channels)
    if affine:
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
    with tempfile.TemporaryDirectory() as folder:
        summary = summary_of({f"bn.{k}": v for k, v in layer.state_dict().items()}, Path(folder) / "bn.pth")
        parts = [part for part in tensor_plots.BATCH_NORM_PARTS if f"bn.{part}" in summary.names]
        result, _, raw = ask("batch_norm", summary, [f"bn.{part}" for part in parts], parts=parts, eps=eps)
    found = dict(zip(result["parts"], raw, strict=True))
    inputs = torch.randn(3, channels, 2, 2)
    scale, shift = (torch.from_numpy(np.frombuffer(found[part]).copy()) for part in ("scale", "shift"))
    ours = inputs.double() * scale[:, None, None] + shift[:, None, None]
    torch.testing.assert_close(ours, layer(inputs).double(), rtol=1e-4, atol=1e-5)
    assert len(found.get("near_zero", b"")) == (channels if affine else 0)


def test_parts_of_different_sizes_are_no_batch_norm(tmp_path: Path) -> None:
    summary = summary_of({"weight": torch.ones(3), "running_var": torch.ones(4)}, tmp_path / "odd.pth")
    with pytest.raises(tensor_plots.PlotError, match="different numbers"):
        ask("batch_norm", summary, ["weight", "running_var"], parts=["weight", "running_var"], eps=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.complex64])
def test_what_an_optimizer_keeps(tmp_path: Path, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(20, 30, generator=generator, dtype=torch.float64).to(dtype)
    second = torch.rand(20, 30, generator=generator, dtype=torch.float64).to(dtype)
    second[3] = 0
    content = {"p": torch.randn(20, 30), "exp_avg": first, "exp_avg_sq": second, "step": torch.tensor(7.0)}
    summary = summary_of(content, tmp_path / "state.pth")
    names = list(content)
    result, _, raw = ask("optimizer_state", summary, names, parts=names)
    assert [part["name"] for part in result["parts"]] == [*names, "ratio"]
    assert len(raw) == 3 * 5
    assert result["parts"][3]["statistics"]["max"] == 7
    with np.errstate(divide="ignore"):
        expected = np.abs(plain(first)) / np.sqrt(second.to(torch.complex128).numpy().real)
    known = expected[np.isfinite(expected)]
    ratio = result["parts"][4]["statistics"]
    assert ratio["nan"] == 30
    assert ratio["mean"] == pytest.approx(known.mean(), rel=1e-6)
    assert ratio["max"] == pytest.approx(known.max(), rel=1e-6)
    pixels = result["parts"][4]["picture"]
    assert len(raw[14]) == 4 * pixels["width"] * pixels["height"]
