"""A survey of files: what torch says of the same tensors, in bounded memory, and what can't be read told one by one."""

from __future__ import annotations

import math
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.checkpoint import open_checkpoint, room
from inspector.checkpoint.columns import encode
from inspector.checkpoint.errors import FileChangedError, TensorReadError
from inspector.checkpoint.source import Source
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import TensorPlace
from inspector.checkpoint.zip_index import inflate
from inspector.weights.figures import TensorFigures
from inspector.weights.stream import PIECE
from inspector.weights.survey import Measured, survey

DTYPES = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.complex128,
)  # fmt: skip


def summary_of(path: Path) -> CheckpointSummary:
    with open_checkpoint(path) as checkpoint:
        return CheckpointSummary(*encode(checkpoint))


def surveyed(path: Path) -> dict[str, Measured]:
    summary = summary_of(path)
    places = [summary.place(tensor) for tensor in range(len(summary))]
    found = list(survey(summary.files, places))
    assert [index for index, _ in found] == list(range(len(summary)))
    return {summary.names[index]: figures for index, figures in found}


def check(found: Measured, tensor: torch.Tensor) -> None:
    """Compare figures with torch's in float64."""
    assert isinstance(found, TensorFigures)
    ours = found.statistics
    plain = tensor.abs().double() if tensor.is_complex() else tensor.double()
    finite = plain[plain.isfinite()]
    assert ours.numel == plain.numel()
    assert (ours.nan, ours.inf) == (int(plain.isnan().sum()), int(plain.isinf().sum()))
    assert ours.zeros == int((plain == 0).sum())
    assert sum(found.counts) == finite.numel()
    if not finite.numel():
        assert ours.mean is None
        return
    assert ours.min is not None
    assert ours.max is not None
    assert ours.min == pytest.approx(finite.min().item(), rel=1e-7)  # complex magnitudes: torch's are float32
    assert ours.max == pytest.approx(finite.max().item(), rel=1e-7)
    scale = finite.abs().max().item()
    tolerance = 1e-6 if tensor.dtype is torch.complex64 else 1e-12
    assert ours.mean == pytest.approx(finite.mean().item(), rel=tolerance, abs=tolerance * scale)
    assert ours.std == pytest.approx(finite.std(correction=0).item(), rel=max(1e-9, tolerance), abs=tolerance * scale)
    assert ours.norm == pytest.approx(finite.norm().item(), rel=tolerance)
    if plain.dim() > 1:
        rows = plain.reshape(plain.shape[0], -1)
        assert found.dead == (int((rows == 0).all(1).sum()) if rows.numel() else 0)


def drawn(dtype: torch.dtype, shape: tuple[int, ...], how: str, seed: int) -> torch.Tensor:
    made = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 20
    if dtype.is_floating_point and made.numel() > 4:
        made.view(-1)[::5] = math.nan
        made.view(-1)[1::7] = 0
    tensor = made.to(dtype)
    if how == "transposed":
        return tensor.mT if tensor.dim() > 1 else tensor
    if how == "stepped":
        return tensor[..., ::2] if tensor.dim() else tensor
    if how == "expanded":
        return tensor.unsqueeze(0).expand(3, *shape)
    if how == "inside":
        return tensor[1:] if tensor.dim() and shape[0] > 1 else tensor
    return tensor


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_tensor_has_the_figures_that_torch_reckons(tmp_path: Path, data: st.DataObject) -> None:
    state = {}
    for index in range(data.draw(st.integers(1, 6))):
        shape = tuple(data.draw(st.lists(st.integers(0, 7), max_size=4)))
        how = data.draw(st.sampled_from(["plain", "transposed", "stepped", "expanded", "inside"]))
        state[f"t{index}"] = drawn(data.draw(st.sampled_from(DTYPES)), shape, how, index)
    torch.save(state, tmp_path / "any.pth")
    found = surveyed(tmp_path / "any.pth")
    for name, tensor in state.items():
        check(found[name], tensor)


def test_large_and_small_tensors_in_their_order(tmp_path: Path) -> None:
    torch.manual_seed(1)
    state = {f"small{index}": torch.randn(index % 7, 3) for index in range(300)}
    state |= {
        "large": torch.randn(41, 120_007),
        "half": torch.randn(4_300_000).half(),
        "brain": torch.randn(9, 700, 700).bfloat16(),
        "transposed": torch.randn(900, 700).mT,
        "double": torch.full((5, PIECE + 1), 1e200, dtype=torch.float64),
    }
    state["large"][7] = 0
    state["large"][9] = state["large"][3]
    torch.save(state, tmp_path / "many.pth")
    found = surveyed(tmp_path / "many.pth")
    assert list(found) == list(state)
    for name, tensor in state.items():
        if name != "double":
            check(found[name], tensor)
    large, double = found["large"], found["double"]
    assert isinstance(large, TensorFigures)
    assert isinstance(double, TensorFigures)
    assert (large.dead, large.duplicates) == (1, 1)
    assert (double.statistics.mean, double.statistics.std, double.duplicates) == (1e200, 0, 4)


def test_memory_does_not_follow_the_size_of_a_tensor(tmp_path: Path) -> None:
    torch.save({"large": torch.ones(30_000_000), "more": torch.ones(2_000, 10_000)}, tmp_path / "large.pth")
    summary = summary_of(tmp_path / "large.pth")
    tracemalloc.start()
    try:
        for _ in survey(summary.files, [summary.place(0), summary.place(1)]):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 45_000_000  # of 200 MB


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3), "b": torch.ones(5)}, tmp_path / "two.pth")
    summary = summary_of(tmp_path / "two.pth")
    places: list[TensorPlace | TensorReadError] = [TensorReadError("It has no bytes."), summary.place(1)]
    found = dict(survey(summary.files, places))
    assert isinstance(found[0], TensorReadError)
    check(found[1], torch.ones(5))


def test_a_file_that_is_written_anew_meanwhile_fails(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "one.pth")
    summary = summary_of(tmp_path / "one.pth")
    places = [summary.place(0)]
    torch.save({"a": torch.ones(900)}, tmp_path / "one.pth")
    with pytest.raises(FileChangedError):
        list(survey(summary.files, places))


def test_how_much_of_a_large_tensor_is_done_is_told(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(10_000_000)}, tmp_path / "one.pth")
    summary = summary_of(tmp_path / "one.pth")
    told: list[tuple[int, float]] = []
    list(survey(summary.files, [summary.place(0)], lambda index, share: told.append((index, share))))
    shares = [share for _, share in told]
    assert len(shares) >= 4
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_one_that_is_given_up_closes_its_files_after_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({str(index): torch.ones(3_000_000) for index in range(12)}, tmp_path / "many.pth")
    summary = summary_of(tmp_path / "many.pth")
    late: list[str] = []
    read, close = Source.read_into, Source.close
    closed: set[int] = set()

    def reading(source: Source, offset: int, buffer: memoryview) -> None:
        if id(source) in closed:
            late.append(source.name)
        read(source, offset, buffer)

    def closing(source: Source) -> None:
        closed.add(id(source))
        close(source)

    monkeypatch.setattr(Source, "read_into", reading)
    monkeypatch.setattr(Source, "close", closing)
    running = survey(summary.files, [summary.place(index) for index in range(12)])
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert closed
    assert not late


def test_windows_that_overlap_are_refused_and_expanded_tensors_measured_once(tmp_path: Path) -> None:
    held = torch.randn(200_400)
    state = {
        "windows": torch.as_strided(held, (400, 200_000), (1, 1)),
        "expanded": held.expand(400, -1).T,
        "few": torch.as_strided(held, (2, 200_000), (1, 1)),
    }
    torch.save(state, tmp_path / "repeats.pth")
    tracemalloc.start()
    try:
        found = surveyed(tmp_path / "repeats.pth")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(found["windows"], TensorReadError)
    assert "80,000,000 elements are 200,399 that are repeated" in found["windows"].message
    assert isinstance(found["expanded"], TensorFigures)
    check(found["few"], state["few"])
    assert peak < 100e6


def test_a_column_of_bytes_takes_no_memory_for_each_of_them(tmp_path: Path) -> None:
    column = torch.zeros(8_000_000, 1, dtype=torch.uint8)
    column[::4] = 7
    torch.save({"packed": column}, tmp_path / "packed.pth")
    tracemalloc.start()
    try:
        found = surveyed(tmp_path / "packed.pth")["packed"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    check(found, column)
    assert peak < 60e6


def test_a_deflated_storage_that_many_tensors_share_is_inflated_once_by_each_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = torch.arange(40_000.0)
    state = {f"part{index}": held[1_000 * index : 1_000 * (index + 1)] for index in range(40)}
    torch.save(state, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    times: list[str] = []

    def inflating(*arguments: Any) -> bytes:
        times.append(arguments[2])
        return inflate(*arguments)

    monkeypatch.setattr("inspector.checkpoint.tensor_bytes.inflate", inflating)
    found = surveyed(tmp_path / "packed.pth")
    for name, tensor in state.items():
        check(found[name], tensor)
    assert len(times) <= 2, times


def test_numbers_that_take_slower_ways_are_refused_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"huge": torch.full((1_000,), 2**60), "good": torch.ones(1_000)}, tmp_path / "huge.pth")
    assert all(isinstance(found, TensorFigures) for found in surveyed(tmp_path / "huge.pth").values())
    (tmp_path / "meminfo").write_text("MemAvailable: 3 kB\n")
    monkeypatch.setattr(room, "_MEMINFO", str(tmp_path / "meminfo"))
    monkeypatch.setattr(room, "FREE_WHOLE_BYTES", 1_000)
    found = surveyed(tmp_path / "huge.pth")
    assert isinstance(found["good"], TensorFigures)
    assert isinstance(found["huge"], TensorReadError)
    assert "8,000 bytes of memory" in found["huge"].message
