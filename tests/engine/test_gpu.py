"""What is done on a GPU, on stand-ins for one: how many images go at once, and in which order they are copied.

There is no GPU where these tests run: nothing of it is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from inspector.engine.attach import Attachment, attach
from inspector.engine.gpu_memory import GpuMemory
from inspector.engine.pipeline import Job, Pipeline
from inspector.engine.problems import DeviceLostError
from inspector.engine.runner import Runner
from inspector.engine.tasks import Prepared
from inspector.engine.uploads import Uploads

GB = 1 << 30
INPUT = 3 * 224 * 224 * 4


class Card:
    """Stands in for ``torch.cuda``: each input takes a hundred times its bytes, and every pass a gigabyte more."""

    def __init__(self, free: int = 8 * GB, workspace: int = GB) -> None:
        self.free, self.workspace, self.peak = free, workspace, 0

    def reset_peak_memory_stats(self, device: str) -> None:
        self.peak = 2 * GB

    def memory_allocated(self, device: str) -> int:
        return 2 * GB

    def memory_reserved(self, device: str) -> int:
        return 3 * GB

    def max_memory_allocated(self, device: str) -> int:
        return self.peak

    def mem_get_info(self, device: str) -> tuple[int, int]:
        return self.free - GB, 24 * GB

    def passes(self, memory: GpuMemory, images: int) -> None:
        memory.begin()
        self.peak += self.workspace + images * INPUT * 100
        memory.end(images * INPUT)


def test_how_many_fit_is_told_by_what_a_pass_took() -> None:
    card = Card()
    memory = GpuMemory("cuda:0", card)
    assert memory.is_told
    assert not memory.is_known
    assert memory.fitting(INPUT) is None
    card.passes(memory, 1)
    first = memory.fitting(INPUT)
    assert first == int(8 * GB * 0.7 / (GB + INPUT * 100))
    card.passes(memory, 8)  # the workspace is shared by more: they are told better
    second = memory.fitting(INPUT)
    assert second == int(8 * GB * 0.7 / (GB / 8 + INPUT * 100))
    card.passes(memory, 2)
    assert memory.fitting(INPUT) == second > first
    assert memory.fitting(4 * INPUT) == int(8 * GB * 0.7 / (GB / 8 + INPUT * 100) / 4)
    card.free = 2 * GB  # somebody else uses the card
    card.passes(memory, 1)
    assert memory.fitting(INPUT) == int(2 * GB * 0.7 / (GB / 8 + INPUT * 100))
    assert memory.fitting(10_000 * INPUT) == 1


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_where_nothing_is_told_nothing_is_known(device: str) -> None:
    memory = GpuMemory(device)
    memory.begin()
    memory.end(INPUT)
    assert not memory.is_told
    assert memory.fitting(INPUT) is None


@pytest.mark.parametrize("missing", ["reset_peak_memory_stats", "mem_get_info"])
def test_a_driver_that_does_not_tell_costs_nothing_else(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Card, device: str) -> None:
        raise RuntimeError("CUDA error: this driver says nothing")

    monkeypatch.setattr(Card, missing, fail)
    card = Card()
    memory = GpuMemory("cuda:0", card)
    card.passes(memory, 1)
    assert not memory.is_told


class Streams:
    """Stands in for ``torch.cuda``: notes what is done, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def Stream(self, device: str) -> str:
        return "side"

    @contextmanager
    def stream(self, stream: str) -> Iterator[None]:
        self.done.append(f"on {stream}")
        yield
        self.done.append("off")

    def current_stream(self, device: str) -> Streams:
        return self

    def wait_stream(self, stream: str) -> None:
        self.done.append(f"wait for {stream}")


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> Streams:
    """Note what happens to tensors; those on the device are on torch's device of shapes without values."""
    streams, to = Streams(), torch.Tensor.to

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        streams.done.append("pin")
        return tensor

    def move(tensor: torch.Tensor, device: str, **options: Any) -> torch.Tensor:
        streams.done.append(f"copy to {device} {options}")
        return to(tensor, "meta")

    def record(tensor: torch.Tensor, stream: Streams) -> None:
        streams.done.append("keep")

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "to", move)
    monkeypatch.setattr(torch.Tensor, "record_stream", record)
    return streams


def test_inputs_are_copied_from_pinned_memory_on_a_stream_of_their_own(copied: Streams) -> None:
    uploads = Uploads("cuda:1", copied)
    pair = Prepared((torch.zeros(3, 8, 8), torch.ones(3, 8, 8)), 8, 8, 1.0)
    sent = uploads.send(pair)
    asynchronous = "copy to cuda:1 {'non_blocking': True}"
    assert copied.done == ["on side", "pin", asynchronous, "pin", asynchronous, "off"]
    assert [tensor.device.type for tensor in sent.inputs] == ["meta", "meta"]
    assert (sent.width, sent.milliseconds) == (8, 1.0)
    copied.done.clear()
    uploads.arrive([sent, pair])  # the second stayed on the CPU: it is copied by the forward pass
    assert copied.done == ["wait for side", "keep", "keep"]


def test_what_does_not_fit_on_the_device_stays(copied: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(tensor: torch.Tensor, device: str, **options: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch.Tensor, "to", full)
    prepared = Prepared((torch.zeros(3, 8, 8),), 8, 8, 1.0)
    assert Uploads("cuda:0", copied).send(prepared) is prepared


def test_other_devices_copy_nothing_ahead(copied: Streams) -> None:
    prepared = Prepared((torch.zeros(3, 8, 8),), 8, 8, 1.0)
    for device in ("cpu", "mps", "xpu:0"):
        uploads = Uploads(device, copied)
        assert uploads.send(prepared) is prepared
        uploads.arrive([prepared])
    assert copied.done == []


def test_the_first_image_goes_alone_then_as_many_as_fit(
    calibrated: Callable[..., nn.Module], photo: Image.Image
) -> None:
    state = calibrated("squeezenet1_0", num_classes=4).state_dict()
    runner, sizes = on_a_card(attach("squeezenet1_0", state, num_classes=4, device="cpu"), Card(free=2 * GB))
    pipeline = Pipeline(workers=2)
    prepared = runner.task.prepare(runner.attachment, [photo])
    jobs = [Job(runner, lambda: prepared, 4, lambda _: None) for _ in range(12)]
    for one in jobs:
        pipeline.put(one)
    assert all(one.answer.result(60).predictions for one in jobs)
    pipeline.close()
    assert sizes[0] == 1
    assert max(sizes) <= int(2 * GB * 0.7 / (INPUT * 100)) < 64
    assert runner.batch_size(prepared) == int(2 * GB * 0.7 / (INPUT * 100))
    runner.halve(6)
    assert runner.batch_size(prepared) == 3


def on_a_card(attachment: Attachment, card: Card) -> tuple[Runner, list[int]]:
    """Return a runner that believes to compute on the card, and the sizes of its batches."""
    sizes: list[int] = []

    def take(_: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        sizes.append(len(inputs[0]))
        card.peak += len(inputs[0]) * INPUT * 100

    attachment.model.register_forward_pre_hook(take)
    runner = Runner(attachment)
    runner._on_cpu, runner._most, runner._memory = False, 64, GpuMemory("cuda:0", card)
    return runner, sizes


def test_a_card_that_is_lost_while_a_model_moves_there_is_told(
    calibrated: Callable[..., nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(model: nn.Module, device: str) -> nn.Module:
        raise RuntimeError("CUDA error: the launch timed out")

    state = calibrated("squeezenet1_0", num_classes=4).state_dict()
    monkeypatch.setattr("inspector.engine.attach._device_for", lambda *_: "cuda:0")
    monkeypatch.setattr(nn.Module, "to", lost)
    with pytest.raises(DeviceLostError, match="cuda:0 stopped working"):
        attach("squeezenet1_0", state, num_classes=4)
