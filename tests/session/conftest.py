"""A session driven by its own loop, on small models whose answers torchvision itself is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import squeezenet1_1

from inspector.session import QueueLoop, Session
from inspector.session.prediction_state import Prediction
from inspector.session.state import OpenCheckpoint
from inspector.session.store import Notice

SECONDS = 60.0


class Driven:
    """A session with its loop, and the notices it gave."""

    def __init__(self, **options: Any) -> None:
        self.loop = QueueLoop()
        self.session = Session(self.loop, **options)
        self.store = self.session.store
        self.notices: list[Notice] = []
        self.store.noticed.connect(self.notices.append)

    def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        self.loop.run_until(condition, seconds)

    def checkpoint(self, number: int) -> OpenCheckpoint:
        return self.store.checkpoints[number]

    def open(self, path: Path) -> int:
        """Open a file and wait until it is read and compared with its best architecture."""
        number = self.session.open(path)
        self.until(lambda: self.checkpoint(number).phase != "running")
        if self.checkpoint(number).state_dict is not None:
            self.until(lambda: self.checkpoint(number).identification is not None)
            identification = self.checkpoint(number).identification
            if identification is not None and identification.candidates:
                self.until(lambda: self.checkpoint(number).match_report is not None)
        return number

    def attached(self, path: Path) -> int:
        number = self.open(path)
        self.session.attach(number)
        self.until(lambda: self.checkpoint(number).attachment.phase in ("ready", "failed"))
        return number

    def predict(self, number: int, *images: Path) -> list[Prediction]:
        """Add images and wait for what the checkpoint says of each."""
        self.session.add_images(images)
        self.until(lambda: {item.path for item in self.store.images.values()} >= set(images))
        ids = [next(item.id for item in self.store.images.values() if item.path == image) for image in images]
        self.until(lambda: all(self._is_finished(number, image) for image in ids))
        return [self.store.predictions[number, image] for image in ids]

    def _is_finished(self, number: int, image: int) -> bool:
        found = self.store.predictions.get((number, image))
        return found is not None and found.phase in ("ready", "failed")

    def texts(self) -> str:
        return "\n".join(notice.text for notice in self.notices)


@pytest.fixture
def driven() -> Iterator[Driven]:
    """A session of the test's own."""
    made = Driven()
    yield made
    made.session.close_processes()


@pytest.fixture(scope="module")
def shared_session() -> Iterator[Driven]:
    """One session for the tests of a module that leave its engine alone: importing torch takes seconds."""
    made = Driven()
    yield made
    made.session.close_processes()


def model(classes: int = 5) -> torch.nn.Module:
    """A small network whose scores differ from image to image."""
    torch.manual_seed(classes)
    made: torch.nn.Module = squeezenet1_1(num_classes=classes)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(1.3)
    return made.eval()


def saved(path: Path, classes: int = 5, **beside: Any) -> Path:
    """Save a model's state_dict, within a training checkpoint where there is something beside it."""
    state_dict = model(classes).state_dict()
    torch.save({"state_dict": state_dict, **beside} if beside else state_dict, path)
    return path


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (320, 240)) -> Path:
    """Save a picture with edges, gradients and noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    waves = 128 + 60 * np.sin(x / (11 + seed)) + 60 * np.cos(y / 17)
    pixels = np.stack([waves, x * 255 / size[0], y * 255 / size[1]], axis=-1) + random.normal(0, 20, (*x.shape, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return path
