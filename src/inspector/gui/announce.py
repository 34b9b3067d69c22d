"""Tells a test or a benchmark in another process, on standard output, what has come onto the screen.

Only with ``INSPECTOR_ANNOUNCE=1`` in the environment. Lines are ``painted NAME``, ``matched ARCHITECTURE``,
``attached ARCHITECTURE``, ``predicted IMAGE: LABEL`` (read off the widget that shows it) and ``modules NAMES``: which
of the modules that the window must never import it holds after all of that.
"""

from __future__ import annotations

import os
import sys

from PySide6.QtCore import QObject, QTimer

from inspector.gui.main_window import MainWindow

#: What the window never imports: it computes nothing and interprets nothing that a stranger made.
_NEVER = frozenset("torch torchvision numpy PIL ml_dtypes inspector.engine inspector.checkpoint.machine".split())


class Announcer(QObject):
    """Watches a window and prints a line for each step, once."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._said: set[str] = set()
        window.first_paint.painted.connect(self._painted)
        window.store.checkpoint_changed.connect(lambda _: self._advanced())
        window.store.prediction_changed.connect(lambda *_: QTimer.singleShot(0, self, self._predicted))

    def _painted(self) -> None:
        found = self._window.session.current
        if found is not None:
            self._say(f"painted {found.name}")

    def _advanced(self) -> None:
        found = self._window.session.current
        if found is not None and found.attachable:
            self._say(f"matched {found.architecture}")
        if found is not None and found.attachment.phase == "ready":
            self._say(f"attached {found.attachment.architecture}")

    def _predicted(self) -> None:
        image, label = self._window.image, self._window.prediction.top_label()
        item = self._window.store.images.get(image) if image is not None else None
        if item is not None and label:
            self._say(f"predicted {item.name}: {label}")
            self._say(f"modules {' '.join(sorted(_NEVER & sys.modules.keys())) or 'none'}")

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            print(line, flush=True)  # noqa: T201 - this is what it is for


def announce(window: MainWindow) -> None:
    """Announce, if the environment asks for it."""
    if os.environ.get("INSPECTOR_ANNOUNCE") == "1":
        Announcer(window)
