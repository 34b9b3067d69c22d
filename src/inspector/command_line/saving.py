"""Saves pictures while others are still predicted: what is drawn on them is not kept for very many images."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from inspector.session import Loop, Session
from inspector.session.failure import Failure
from inspector.session.free_names import FreeNames
from inspector.session.store import Store

#: Pictures that are drawn at once, or wait for that.
_IN_FLIGHT = 2


class Saving:
    """The pictures of one run; their names are given in the images' order, in whichever they are predicted.

    Attributes
    ----------
    saved
        How many are there.
    failures
        What went wrong with the others.
    """

    def __init__(self, session: Session, loop: Loop, folder: Path, threshold: float) -> None:
        self._loop = loop
        self._session, self._store, self._threshold = session, session.store, threshold
        self._names = FreeNames(folder, "-predicted")
        self._paths: dict[int, Path] = {}
        self._left: deque[tuple[int, int]] = deque()
        self._taken: set[int] = set()
        self._asked = 0
        self.saved = 0
        self.failures: list[Failure] = []
        _name(self._store, self._names, self._paths)
        self._store.images_changed.connect(lambda: _name(self._store, self._names, self._paths))
        self._store.prediction_changed.connect(self._take)

    @property
    def is_done(self) -> bool:
        """Whether no picture is left of what is predicted by now."""
        return not self._left and not self._asked

    @property
    def total(self) -> int:
        """How many pictures there are to save, of what is predicted by now."""
        return len(self._taken)

    def _take(self, checkpoint: int, image: int) -> None:
        found = self._store.predictions.get((checkpoint, image))
        if found is not None and found.phase == "ready" and image not in self._taken:
            self._taken.add(image)
            self._left.append((checkpoint, image))
            self._go_on()

    def _go_on(self) -> None:
        while self._left and self._asked < _IN_FLIGHT:
            checkpoint, image = self._left.popleft()
            self._asked += 1
            self._session.save_picture(image, checkpoint, self._paths[image], self._finished, threshold=self._threshold)

    def _finished(self, failure: Failure | None) -> None:
        self._asked -= 1
        if failure is None:
            self.saved += 1
        else:
            self.failures.append(failure)
        self._loop.post_turn(self._go_on)  # what fails at once must not go deeper and deeper


def _name(store: Store, names: FreeNames, paths: dict[int, Path]) -> None:
    """Name the copies of the images that were added."""
    for image, item in store.images.items():
        if image not in paths:
            paths[image] = names.take(item.stem)
