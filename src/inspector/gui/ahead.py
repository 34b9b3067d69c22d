"""Builds what a person will want next while nothing else is to do, in steps that no one notices."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module

from PySide6.QtCore import QObject, QTimer

#: Milliseconds before the first step, and between two: what the person does comes first.
_AFTER, _BETWEEN = 200, 5

#: What the strip and the results import, each after what it imports itself: a module a step.
_STRIP = ("icons", "image_strip_model", "thumbnails", "image_tile", "image_strip_view", "prediction_progress")
_RESULTS = ("results_model", "results_filter", "empty_page", "results_table", "results_table_page", "results_page")


def imports(names: Iterable[str]) -> list[Callable[[], object]]:
    """Return a step for each module of this room."""
    return [partial(import_module, f"inspector.gui.{name}") for name in names]


def strip_imports() -> list[Callable[[], object]]:
    """Return the steps that import the strip of images."""
    return imports((*_STRIP, "image_strip"))


def results_imports() -> list[Callable[[], object]]:
    """Return the steps that import the page of results."""
    return imports(_RESULTS)


class Ahead(QObject):
    """Takes steps, each in a turn of the event loop of its own.

    Attributes
    ----------
    is_done
        Whether all have been taken.
    """

    def __init__(self, steps: Iterable[Callable[[], object]], parent: QObject) -> None:
        super().__init__(parent)
        self._steps = deque(steps)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._take)

    @property
    def is_done(self) -> bool:
        """Whether all steps have been taken."""
        return not self._steps

    def begin(self) -> None:
        """Take the first step soon."""
        self._timer.start(_AFTER)

    def _take(self) -> None:
        self._steps.popleft()()
        if self._steps:
            self._timer.start(_BETWEEN)
