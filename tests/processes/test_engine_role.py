"""What the engine holds: detaching during a forward pass answers everything, and frees the model."""

from __future__ import annotations

import gc
import io
import threading
import time
import weakref
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import squeezenet1_1

from inspector.engine.attach import Attachment, attach
from inspector.engine.problems import CancelledError
from inspector.processes.roles.engine import Engine, EngineRoleError
from inspector.processes.roles.serving import Reply


class Held(nn.Module):
    """A model whose forward pass begins and ends when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.begun.set()
        assert self.go_on.wait(30)
        return images.mean((2, 3))


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 90, 10)).save(file, "PNG")
    return file.getvalue()


def attached(model: nn.Module) -> Attachment:
    whole = attach("squeezenet1_1", squeezenet1_1(num_classes=3).state_dict(), num_classes=3, device="cpu")
    return replace(whole, model=model.eval())


def ask(engine: Engine, number: int) -> Future[Reply]:
    params: dict[str, Any] = {"attachment": number, "names": ["a.png"], "top": 3}
    return engine.predict(params, [bytearray(png())], lambda _: None)


def test_detaching_during_a_forward_pass_answers_all_and_frees_the_model() -> None:
    engine, model = Engine(), Held()
    begun, go_on, freed = model.begun, model.go_on, weakref.ref(model)
    number = engine.hold(attached(model), time.perf_counter())["attachment"]
    del model
    asked = [ask(engine, number) for _ in range(12)]
    assert begun.wait(30)
    engine.detach({"attachment": number}, [], lambda _: None)
    with pytest.raises(EngineRoleError, match="Nothing is attached"):
        ask(engine, number)
    go_on.set()
    errors = [answer.exception(30) for answer in asked]
    assert 1 <= errors.count(None) < 12
    assert all(isinstance(error, CancelledError) for error in errors if error is not None)
    del asked
    end = time.monotonic() + 30
    while freed() is not None:  # as soon as the threads have come to wait again
        gc.collect()
        assert time.monotonic() < end, "the model is still held"
