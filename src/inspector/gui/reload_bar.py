"""Under the verdict: that the shown file has changed on disk, with the way to read it again."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from inspector.checkpoint.text import clean_name
from inspector.gui import icons, theme
from inspector.gui.reading_page import PATIENCE
from inspector.gui.theme import Tone
from inspector.session.state import Freshness, OpenCheckpoint


class ReloadBar(QFrame):
    """Shows the `Freshness` of a checkpoint that has changed, is read again, or couldn't be.

    Signals
    -------
    reload_requested, cancel_requested, dismiss_requested
        The buttons.
    """

    reload_requested = Signal()
    cancel_requested = Signal()
    dismiss_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reload")
        self._tone: Tone = "accent"
        self._icon = QLabel()
        self.text = QLabel(wordWrap=True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.button = QPushButton()
        self.button.clicked.connect(self._press)
        self.dismiss = QToolButton(autoRaise=True)
        self.dismiss.setAccessibleName("Not now")
        self.dismiss.setToolTip("Keep what is shown, and say so again at the next change")
        self.dismiss.clicked.connect(self.dismiss_requested)
        self._shown: tuple[int, Freshness] | None = None
        self._wait = QTimer(self, interval=PATIENCE, singleShot=True)
        self._wait.timeout.connect(self._offer_cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 6, 10, 6)
        layout.setSpacing(10)
        for widget in (self._icon, self.text, self.button, self.dismiss):
            layout.addWidget(widget)
        self.hide()

    def show_checkpoint(self, found: OpenCheckpoint | None) -> None:
        """Show what there is to say of a checkpoint's file, or nothing."""
        shown = (found.id, found.freshness) if found is not None else None
        if shown == self._shown:
            return
        before, self._shown = self._shown, shown
        self._wait.stop()
        if found is None or found.freshness.phase in ("same", "gone"):
            self.hide()
        elif found.freshness.phase == "reloading":
            self.button.setEnabled(False)
            self.setVisible(before is not None and before[0] == found.id and not self.isHidden())
            self._wait.start()  # most files are read sooner than anyone could cancel
        else:
            self._say(found)
            self.show()

    def _say(self, found: OpenCheckpoint) -> None:
        name, failure = clean_name(found.path.name), found.freshness.failure
        if failure is None:
            self._tone, text, action = "accent", f"{name} has changed on disk since it was read.", "Reload"
        else:
            text, action = f"{failure.sentence} What was read before is still shown.", "Try again"
            self._tone = "warning"
        self._tell(text, action, "Read the file again; what is selected and attached stays (Ctrl+R)")

    def _offer_cancel(self) -> None:
        self._tone = "accent"
        self._tell("Reading the file again…", "Cancel", "Stop reading; what was read before stays (Esc)")
        self.show()

    def _tell(self, text: str, action: str, tip: str) -> None:
        self.text.setText(text)
        self.setAccessibleName(text)
        self.button.setText(action)
        self.button.setAccessibleName(action)
        self.button.setToolTip(tip)
        self.button.setEnabled(True)
        self._dress()

    def _press(self) -> None:
        reloading = self._shown is not None and self._shown[1].phase == "reloading"
        (self.cancel_requested if reloading else self.reload_requested).emit()

    def _dress(self) -> None:
        back, front = theme.tone_colors(self._tone)
        c = theme.colors()
        text = c.text if self._tone == "accent" else front
        sheet = f"#reload {{ background: {back}; border-bottom: 1px solid {c.border}; }} QLabel {{ color: {text}; }}"
        theme.dress(self, sheet)
        icon = "reload" if self._tone == "accent" else "warning"
        self._icon.setPixmap(icons.icon(icon, front).pixmap(16, 16))
        self.dismiss.setIcon(icons.icon("close", front))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)
