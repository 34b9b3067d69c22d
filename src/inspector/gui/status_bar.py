"""The status bar: the engine, the images, a copy that is written, and that no network is used."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QLabel, QMainWindow, QStatusBar

from inspector.gui import theme
from inspector.gui.copy_progress import CopyProgress
from inspector.gui.tooltips import tooltip
from inspector.session import words
from inspector.session.state import EngineState


class StatusBar(QStatusBar):
    """Quiet facts at the bottom of the window."""

    def __init__(self, parent: QMainWindow) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.engine, self.images, self.network = QLabel(), QLabel(), QLabel("No network used")
        self.network.setToolTip("Inspector opens no connection to any other computer")
        self.engine.setContentsMargins(10, 0, 14, 0)
        self.network.setContentsMargins(0, 0, 10, 0)
        self.addWidget(self.engine)
        self.addWidget(self.images)
        self.copy, self.pictures = CopyProgress(), CopyProgress("Pictures")
        self.addPermanentWidget(self.copy)
        self.addPermanentWidget(self.pictures)
        self.addPermanentWidget(self.network)
        self._last_engine: EngineState | None = None
        self._started: tuple[float, int] | None = None
        self._rate = ""
        self._unfinished = 0

    def show_engine(self, engine: EngineState) -> None:
        """Show the engine's state."""
        c = theme.colors()
        color, text = {
            "none": (c.muted, "Engine: not started"),
            "waiting": (c.muted, "Engine: not started"),
            "running": (c.warning, "Engine: starting torch…"),
            "ready": (
                c.positive,
                f"Engine: torch {_release(engine.torch)}, torchvision {_release(engine.torchvision)}",
            ),
            "failed": (c.danger, f"Engine: {engine.failure.sentence if engine.failure else 'failed'}"),
        }[engine.phase]
        versions = f"torch {engine.torch}, torchvision {engine.torchvision}" if engine.torch else ""
        self.engine.setToolTip(tooltip(versions))
        self.engine.setText(f'<span style="color:{color}">●</span>&nbsp; {_escaped(text)}')

    def show_images(self, count: int, unfinished: int) -> None:
        """Show how many images there are, and how fast they are predicted while they are."""
        if unfinished > self._unfinished:
            self._started = None  # new work: what was measured before says nothing about it
        elif unfinished < self._unfinished and self._started is None:
            self._started = (time.monotonic(), unfinished)  # from the first answer: torch may have to start first
        self._unfinished = unfinished
        if self._started is not None:
            begun, total = self._started
            done, seconds = total - unfinished, time.monotonic() - begun
            if done >= 3 and seconds > 0.05:
                rate = done / seconds
                self._rate = f" · {rate:.0f} per second" if rate >= 2 else f" · {rate:.1f} per second"
            if not unfinished:
                self._started = None
        if not count:
            self._rate = ""
        left = f", {words.number(unfinished)} to go" if unfinished else ""
        self.images.setText(f"{words.plural(count, 'image')}{left}{self._rate}" if count else "")


def _release(version: str) -> str:
    """Return a version without its build: ``2.15.0`` for ``2.15.0+cu132``."""
    return version.partition("+")[0]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
