"""How far a clean copy is, with a way to give it up."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from inspector.checkpoint.text import clean_name
from inspector.gui import icons
from inspector.session.state import CopyState


class CopyProgress(QWidget):
    """``Writing out.pth``, a bar and a button to cancel; shown while a copy is written.

    Signals
    -------
    cancel_requested
        The button.
    """

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel()
        self.text.setTextFormat(self.text.textFormat().PlainText)
        self.bar = QProgressBar(textVisible=False, maximum=1000)
        self.bar.setFixedWidth(120)
        self.bar.setAccessibleName("Clean copy")
        self.button = QToolButton(autoRaise=True)
        self.button.setToolTip("Give the copy up (Esc)")
        self.button.setAccessibleName("Give the copy up")
        self.button.clicked.connect(self.cancel_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 0)
        for widget in (self.text, self.bar, self.button):
            row.addWidget(widget)
        # The status bar makes room for what is hidden too, and the classes above need every pixel.
        self.setFixedHeight(self.fontMetrics().height())
        self.button.setFixedHeight(self.fontMetrics().height())
        self.hide()

    def show_copy(self, copy: CopyState | None) -> None:
        """Show how far a copy is; hide where none is written."""
        if copy is not None:
            self.text.setText(f"Writing {clean_name(copy.path.name)}")
            self.bar.setValue(round(copy.share * 1000))
            self.button.setIcon(icons.icon("cancel"))
        self.setVisible(copy is not None)
