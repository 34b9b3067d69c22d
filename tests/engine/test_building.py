"""While one thread builds a model without memory, what other threads make is their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models.detection import _utils as detection_utils
from torchvision.models.detection.ssd import SSD

from inspector.engine import building
from inspector.engine.folding import folded_copy

TIMEOUT = 60


@contextmanager
def a_builder_at_work(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let another thread stand in the middle of building a model."""
    inside, go_on = threading.Event(), threading.Event()

    def build(weights: object = None) -> nn.Module:
        inside.set()
        assert go_on.wait(TIMEOUT)
        return nn.Linear(2, 2)

    monkeypatch.setattr(building, "_builder", lambda _: build)
    with ThreadPoolExecutor(1) as pool:
        built = pool.submit(building._construct, "any", {})
        try:
            assert inside.wait(TIMEOUT)
            yield
        finally:
            go_on.set()
        model, places = built.result(TIMEOUT)
        assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
        assert places == {"weight": 0, "bias": 1}


class Traced(nn.Module):
    """Does something else while it is traced."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self.convolution, self.norm, self.meanwhile = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), meanwhile

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.meanwhile()
        result: torch.Tensor = self.norm(self.convolution(images))
        return result


def test_a_detector_is_built_while_a_copy_is_folded() -> None:
    """Its builder calls a backbone, and torch.fx traces every module that is called."""
    with ThreadPoolExecutor(1) as pool:
        futures: list[Future[Any]] = []

        def build() -> None:
            futures.append(pool.submit(building._construct, "ssdlite320_mobilenet_v3_large", {}))
            wait(futures, timeout=1)  # it is done only after the tracing

        copied = folded_copy(Traced(build).eval())
        assert copied is not None
        assert {parameter.device.type for parameter in copied.parameters()} == {"cpu"}
        built, _ = futures[0].result(TIMEOUT)
    assert isinstance(built, SSD)


def test_what_another_thread_makes_has_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_builder_at_work(monkeypatch):
        assert nn.Linear(1, 1).weight.device.type == "cpu"


def test_a_backbone_is_measured_with_numbers_while_another_model_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    class Backbone(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(images.device.type)
            return images

    seen: list[str] = []
    backbone = Backbone()
    backbone.register_parameter("one", nn.Parameter(torch.ones(1)))
    with a_builder_at_work(monkeypatch):
        assert detection_utils.retrieve_out_channels(backbone, (4, 4)) == [3]
    assert seen == ["cpu"]
