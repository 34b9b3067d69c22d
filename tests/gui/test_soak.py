"""A long session in one window: what a person does over and over again leaves nothing behind, in no process."""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from inspector.gui.main_window import MainWindow

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"

#: After the first rounds every page is built, and every cache and pool as full as it gets.
_WARM, _ROUNDS = 40, 240
_VIEWS = ("tensor", "image", "layer", "results")


@dataclass(frozen=True)
class Held:
    """What the window and its processes hold; memory in megabytes, by process: the window's first."""

    objects: int
    wrappers: int
    threads: int
    native_threads: int
    descriptors: int
    megabytes: dict[int, float]


def _children() -> list[int]:
    tasks = Path("/proc/self/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def _megabytes(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1e3


def held(window: MainWindow) -> Held:
    """Count what is held once everything that was let go is gone."""
    for _ in range(2):
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
        gc.collect()
    return Held(
        len(window.findChildren(QObject)),
        sum(isinstance(thing, QObject) for thing in gc.get_objects()),
        threading.active_count(),
        len(os.listdir("/proc/self/task")),
        len(os.listdir("/proc/self/fd")),
        {process: _megabytes(process) for process in (os.getpid(), *_children())},
    )


class Person:
    """Does in every round what people do with images, in another order and to another end each time."""

    def __init__(self, window: MainWindow, qtbot: Any, drop_on: Callable[..., bool]) -> None:
        self._window, self._qtbot, self._drop_on = window, qtbot, drop_on
        self._chance = random.Random(7)
        self._samples = sorted((DEMO / "samples").iterdir())
        self.predicted = self.cancelled = 0

    def wait(self, condition: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(condition, timeout=60_000)

    def _is_calm(self) -> bool:
        store = self._window.store
        phases = {found.phase for found in store.predictions.values()}
        return not (self._window.session.unfinished_predictions or phases & {"waiting", "running"} or store.adding)

    def _is_shown(self) -> bool:
        found = self._window.session.current
        view = found.tensor_view if found is not None else None
        return view is None or view.phase == "ready"  # none of a module

    def rest(self) -> None:
        """End where every long session is compared: with the same tensor shown."""
        self._window.centre.turn_to("tensor")
        self._window.tree.view.selectRow(self._window.tree.model.rowCount() - 1)
        self.wait(lambda: self._is_shown() and not self._window.store.images)

    def play(self, number: int) -> None:
        """Drop images, look around, give some up, and clear them away."""
        window, session, chance = self._window, self._window.session, self._chance
        some = chance.sample(self._samples, chance.randint(1, len(self._samples)))
        assert self._drop_on(window, some)
        self.wait(lambda: len(window.store.images) == len(some))
        if number % 3 == 1:
            session.cancel_predictions()
        elif number % 3 == 2:
            self.wait(lambda: any(found.phase == "ready" for found in window.store.predictions.values()))
        for view in chance.sample(_VIEWS, len(_VIEWS)):
            window.centre.turn_to(view)
            window.select_image(chance.choice(list(window.store.images)))
            QApplication.processEvents()
        window.tree.view.selectRow(chance.randrange(window.tree.model.rowCount()))
        self.wait(self._is_shown)
        if number % 3 != 2:  # else they are cleared away under the engine's hands
            self.wait(self._is_calm)
        if number % 3 == 1:
            self.cancelled += session.missing_predictions
            session.predict_missing()
            self.wait(self._is_calm)
        self.predicted += sum(found.phase == "ready" for found in window.store.predictions.values())
        session.remove_image(next(iter(window.store.images)))
        session.clear_images()
        self.wait(lambda: not window.store.images and self._is_calm())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts what is held by /proc")
def test_a_long_session_leaves_nothing_behind(window: MainWindow, qtbot: Any, drop_on: Callable[..., bool]) -> None:
    person = Person(window, qtbot, drop_on)
    assert drop_on(window, [DEMO / "digits.pth"])
    person.wait(lambda: bool(window.store.checkpoints))
    (opened,) = window.store.checkpoints
    person.wait(lambda: window.store.checkpoints[opened].attachable)
    window.session.attach(opened)
    person.wait(lambda: window.store.checkpoints[opened].attachment.phase == "ready" and window.ahead.is_done)
    window.tree.expand_all()
    person.wait(lambda: not window.tree.is_busy)
    for number in range(_WARM):
        person.play(number)
    person.rest()
    before = held(window)
    for number in range(_WARM, _ROUNDS):
        person.play(number)
    person.rest()
    after = held(window)
    assert person.predicted > 3 * _ROUNDS
    assert person.cancelled > 0
    assert not window.store.predictions
    # Rows of classes that were shown last may be held; what every round leaves behind is more.
    few = (_ROUNDS - _WARM) // 10
    assert after.objects - before.objects <= few
    assert after.wrappers - before.wrappers <= few
    assert after.threads <= before.threads
    assert after.native_threads <= before.native_threads
    assert after.descriptors <= before.descriptors
    assert after.megabytes.keys() == before.megabytes.keys(), "no process died, and none was left"
    grown = {process: after.megabytes[process] - before.megabytes[process] for process in after.megabytes}
    assert max(grown.values()) < 24, grown
