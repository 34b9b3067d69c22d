"""Looking at a large tensor: its picture comes first, then its figures; what is late for another tensor is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from inspector.session import QueueLoop, Session
from inspector.session.state import TensorView


class Looking:
    def __init__(self, path: Path) -> None:
        self.loop = QueueLoop()
        self.session = Session(self.loop)
        self.views: list[TensorView] = []
        self.number = self.session.open(path)
        self.loop.run_until(lambda: self.session.store.checkpoints[self.number].summary is not None, 60)
        self.session.store.checkpoint_changed.connect(lambda _: self._note())

    def _note(self) -> None:
        view = self.session.store.checkpoints[self.number].tensor_view
        if view is not None and (not self.views or view is not self.views[-1]):
            self.views.append(view)

    def select(self, name: str, until: str = "ready") -> TensorView:
        summary = self.session.store.checkpoints[self.number].summary
        assert summary is not None
        tensor = summary.names.index(name)
        self.session.select_tensor(self.number, tensor)
        self.loop.run_until(lambda: self.views[-1].tensor == tensor and self.views[-1].phase == until, 60)
        return self.views[-1]


@pytest.fixture
def looking(tmp_path: Path) -> Iterator[Looking]:
    path = tmp_path / "some.safetensors"
    values = np.random.default_rng(0).standard_normal((1_200, 1_000), np.float32)
    save_file({"large": values, "other": -values, "small": values[:20].copy()}, path)
    made = Looking(path)
    yield made
    made.session.close_processes()


def test_picture_of_a_large_tensor_comes_before_its_figures(looking: Looking) -> None:
    looking.select("large")
    first, drawn, ready = looking.views
    assert (first.phase, first.rgba) == ("running", b"")
    assert (drawn.phase, drawn.statistics, drawn.counts) == ("running", {}, ())
    assert len(drawn.rgba) == 4 * drawn.width * drawn.height > 0
    assert ready.statistics["numel"] == sum(ready.counts) == 1_200_000
    assert (ready.rgba, ready.caption, ready.mode) == (drawn.rgba, drawn.caption, drawn.mode)


def test_small_tensors_are_told_in_one_answer(looking: Looking) -> None:
    looking.select("small")
    assert [(view.phase, bool(view.rgba)) for view in looking.views] == [("running", False), ("ready", True)]


def test_what_comes_late_is_dropped(looking: Looking) -> None:
    summary = looking.session.store.checkpoints[looking.number].summary
    assert summary is not None
    for name in ("large", "other", "large"):
        looking.session.select_tensor(looking.number, summary.names.index(name))
    ready = looking.select("other")
    assert ready.statistics["numel"] == 1_200_000
    large = looking.select("large")
    assert large.statistics["mean"] == pytest.approx(-(ready.statistics["mean"] or 0.0))
    assert large.rgba != ready.rgba
