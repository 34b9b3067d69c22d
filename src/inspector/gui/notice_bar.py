"""One line that tells the person something, where it is seen and out of the way."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from inspector.gui import icons, theme
from inspector.session.store import Notice

#: Milliseconds that a notice stays; errors, and what a person may do something about, until they are closed or
#: replaced. A warning is soon about something that is over, or about another tab.
_STAYS = {"info": 6_000, "warning": 20_000}


class NoticeBar(QFrame):
    """The latest notice, with a button to close it, and one for what can be done about it.

    Signals
    -------
    use_cpu_requested
        The person agrees to compute on the CPU from now on.
    restart_requested
        The person wants a fresh engine.
    compare_requested
        The person wants these two open checkpoints compared.
    """

    use_cpu_requested = Signal()
    restart_requested = Signal()
    compare_requested = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._level = "info"
        self._pair = (-1, -1)
        self._icon = QLabel()
        self.text = QLabel(wordWrap=True)
        self.text.setTextFormat(self.text.textFormat().PlainText)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.use_cpu = QPushButton("Use the CPU")
        self.use_cpu.setToolTip("Compute on the CPU from now on; it is slower")
        self.use_cpu.clicked.connect(self.use_cpu_requested)
        self.use_cpu.clicked.connect(self.hide)
        self.restart = QPushButton("Restart the engine")
        self.restart.setToolTip("Start a fresh torch process and attach again")
        self.restart.clicked.connect(self.restart_requested)
        self.restart.clicked.connect(self.hide)
        self.compare = QPushButton()
        self.compare.setToolTip("See which tensors differ, and by how much")
        self.compare.clicked.connect(lambda: self.compare_requested.emit(*self._pair))
        self.compare.clicked.connect(self.hide)
        self._close = QToolButton(autoRaise=True)
        self._close.setAccessibleName("Close the message")
        self._close.setToolTip("Close the message")
        self._close.clicked.connect(self.hide)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 7, 10, 7)
        layout.setSpacing(10)
        layout.addWidget(self._icon)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.use_cpu)
        layout.addWidget(self.restart)
        layout.addWidget(self.compare)
        layout.addWidget(self._close)
        self.hide()

    def show_notice(self, notice: Notice) -> None:
        """Show a notice in place of the last one."""
        self._level = notice.level
        self.text.setText(notice.text)
        self.setAccessibleName(notice.text)
        self.use_cpu.setVisible(notice.action == "use_cpu")
        self.restart.setVisible(notice.action == "restart_engine")
        self.compare.setVisible(notice.action == "compare")
        self.compare.setText(notice.offer.replace("&", "&&"))
        self._pair = notice.pair
        self._dress()
        self.show()
        self._timer.stop()
        if notice.level in _STAYS and not notice.action:
            self._timer.start(_STAYS[notice.level])

    def withdraw_offer(self, pair: Collection[int]) -> None:
        """Take back the offer to compare two checkpoints in either order: it was followed in another way."""
        if self.compare.isVisibleTo(self) and set(pair) == set(self._pair):
            self.hide()

    def keep_offer_for(self, checkpoints: Collection[int]) -> None:
        """Take back the offer to compare where one of the two is no longer open."""
        if self.compare.isVisibleTo(self) and not set(self._pair) <= set(checkpoints):
            self.hide()

    def _dress(self) -> None:
        c = theme.colors()
        back, front, icon = {
            "info": (c.accent_soft, c.text, "check"),
            "warning": (c.warning_soft, c.warning, "warning"),
            "error": (c.danger_soft, c.danger, "error"),
        }[self._level]
        sheet = f"#notice {{ background: {back}; border-bottom: 1px solid {c.border}; }} QLabel {{ color: {front}; }}"
        theme.dress(self, sheet)
        self._icon.setPixmap(icons.icon(icon, front).pixmap(16, 16))
        self._close.setIcon(icons.icon("close", front))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)
