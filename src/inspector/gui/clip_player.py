"""Plays a clip's frames: a button, a place in the clip, and a timer."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from inspector.gui import icons
from inspector.gui.tree_delegate import tabular
from inspector.session import words
from inspector.session.state import Thumbnail

#: Milliseconds that a frame is seen: clips are looked at evenly, whatever their own times.
INTERVAL = 100


class ClipPlayer(QWidget):
    """Hidden for what is no clip.

    Signals
    -------
    frame_changed
        The frame to show, a `Thumbnail`.
    """

    frame_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frames: tuple[Thumbnail, ...] = ()
        self.button = QToolButton(autoRaise=True)
        self.button.setIconSize(QSize(16, 16))
        self.button.clicked.connect(self.toggle)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Frame")
        self.slider.setToolTip("Which frame of the clip is shown")
        self.slider.valueChanged.connect(self._show)
        self.count = QLabel()
        self.count.setProperty("muted", True)
        self.count.setFont(tabular(self.count.font()))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.button)
        row.addWidget(self.slider, 1)
        row.addWidget(self.count)
        self._timer = QTimer(self, interval=INTERVAL)
        self._timer.timeout.connect(self._step)
        self.hide()

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._timer.isActive()

    def show_frames(self, frames: Sequence[Thumbnail]) -> None:
        """Take the frames of another clip, and pause; one frame is none."""
        self._timer.stop()
        self._frames = tuple(frames) if len(frames) > 1 else ()
        self.setVisible(bool(self._frames))
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, len(self._frames) - 1))
            self.slider.setValue(0)
        self._tell()

    def toggle(self) -> None:
        """Play, or pause."""
        (self._timer.stop if self.playing else self._timer.start)()
        self._tell()

    def _step(self) -> None:
        self.slider.setValue((self.slider.value() + 1) % max(1, len(self._frames)))

    def _show(self, place: int) -> None:
        self._tell()
        if place < len(self._frames):
            self.frame_changed.emit(self._frames[place])

    def _tell(self) -> None:
        self.count.setText(f"{words.number(self.slider.value() + 1)} / {words.number(len(self._frames))}")
        name = "Pause" if self.playing else "Play"
        self.button.setAccessibleName(name)
        self.button.setToolTip(f"{name} the clip")
        self.button.setIcon(icons.icon("pause" if self.playing else "play"))

    def hideEvent(self, event: QHideEvent) -> None:
        """Pause where nobody looks."""
        self._timer.stop()
        self._tell()
        super().hideEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_timer"):
            self._tell()
        super().changeEvent(event)
