"""How far a clean copy is, or pictures that are saved, with a way to give it up."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from inspector.checkpoint.text import clean_name
from inspector.gui import icons
from inspector.session import words
from inspector.session.state import CopyState, PicturesState


class CopyProgress(QWidget):
    """``Writing out.pth``, a bar and a button to cancel; shown while something is written.

    Parameters
    ----------
    what
        What is written, for those who do not see it: ``Clean copy``.

    Signals
    -------
    cancel_requested
        The button.
    """

    cancel_requested = Signal()

    def __init__(self, what: str = "Clean copy", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel()
        self.text.setTextFormat(self.text.textFormat().PlainText)
        self.bar = QProgressBar(textVisible=False, maximum=1000)
        self.bar.setFixedWidth(120)
        self.bar.setAccessibleName(what)
        self.button = QToolButton(autoRaise=True)
        self.button.setToolTip("Cancel (Esc)")
        self.button.setAccessibleName(f"Cancel: {what.lower()}")
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
        if copy is None:
            self.hide()
        else:
            self._show(f"Writing {clean_name(copy.path.name)}", copy.share)

    def show_pictures(self, pictures: PicturesState | None) -> None:
        """Show how many pictures are saved; hide where none are being saved."""
        if pictures is None:
            self.hide()
        else:
            done, total = words.number(pictures.done), words.plural(pictures.total, "picture")
            self._show(f"Saving {done} of {total} in {clean_name(pictures.folder)}", pictures.done / pictures.total)

    def _show(self, text: str, share: float) -> None:
        self.text.setText(text)
        self.bar.setValue(round(share * 1000))
        self.button.setIcon(icons.icon("cancel"))
        self.show()
