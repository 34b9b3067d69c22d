"""What the views that plot have in common: their bar, a line for messages, copying and saving."""

from __future__ import annotations

from array import array

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout

from inspector.gui import theme
from inspector.gui.views.plot_canvas import PlotCanvas
from inspector.gui.views.question import Question
from inspector.gui.views.registry import Subject, WeightView
from inspector.gui.views.saving import copy_drawing, save_drawing
from inspector.gui.views.view_bar import ViewBar
from inspector.session import Session
from inspector.session.failure import Failure

#: Milliseconds after which it is said that an answer is awaited, and without movement before a new part is asked for.
_PATIENCE = 300
SETTLED = 80


class PlotPage(WeightView):
    """A view with one or more plots below a bar of controls.

    Attributes
    ----------
    subject
        The tensor that is shown.
    column
        Where the view puts its widgets, below the message.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.subject: Subject | None = None
        self.bar = ViewBar()
        self.message = QLabel()
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setWordWrap(True)
        self.message.setVisible(False)
        self._failed = False
        self._awaited = ""
        self._waiting = QTimer(self, interval=_PATIENCE, singleShot=True)
        self._waiting.timeout.connect(lambda: self.say(self._awaited))
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(8)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.message, 0, Qt.AlignmentFlag.AlignTop)
        self.bar.copy_requested.connect(lambda: copy_drawing(self.drawing_size(), self.paint_drawing))
        self.bar.save_requested.connect(self._save)

    # -- messages ----------------------------------------------------------------------------------------------

    def question(self) -> Question:
        """Return a way to ask; what fails is said in the view."""
        return Question(self.session, self.show_failure)

    def wait_for(self, what: str) -> None:
        """Say what is awaited once that has taken a moment."""
        self._awaited = what
        self._waiting.start()

    def say(self, text: str, *, failed: bool = False) -> None:
        """Say something above the plot; nothing where it is empty."""
        self._waiting.stop()
        self._failed = failed
        self.message.setText(text)
        self.message.setAccessibleName(text)
        self.message.setVisible(bool(text))
        self._dress()

    def show_failure(self, failure: Failure) -> None:
        """Say why there is nothing to see."""
        self.say(failure.sentence, failed=True)

    def _dress(self) -> None:
        c = theme.colors()
        box = f"background: {c.danger_soft}; border-radius: 8px; padding: 8px 12px;" if self._failed else ""
        theme.dress(self.message, f"QLabel {{ color: {c.danger if self._failed else c.muted}; {box} }}")

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)

    # -- pictures ----------------------------------------------------------------------------------------------

    def canvases(self) -> list[PlotCanvas]:
        """Return the plots that are seen, from above."""
        raise NotImplementedError

    def drawing_size(self) -> QSize:
        """Return the size of the picture that is copied or saved."""
        shown = self.canvases()
        return QSize(max(canvas.width() for canvas in shown), sum(canvas.height() for canvas in shown))

    def paint_drawing(self, painter: QPainter, rect: QRectF) -> None:
        """Paint the plots that are seen, one below the other."""
        top = rect.top()
        for canvas in self.canvases():
            canvas.paint_drawing(painter, QRectF(rect.left(), top, rect.width(), canvas.height()))
            top += canvas.height()

    def _save(self) -> None:
        if self.subject is None:
            return
        path, failure = save_drawing(self, self.subject.name or "plot", self.drawing_size(), self.paint_drawing)
        if failure:
            self.session.store.notice(failure, "error")
        elif path is not None:
            self.session.store.notice(f"Saved {path.name}.")


def toggle(text: str, name: str, tip: str, *, checked: bool = False) -> QPushButton:
    """Return a slim button that stays down."""
    button = QPushButton(text)
    button.setCheckable(True)
    button.setChecked(checked)
    button.setAccessibleName(name)
    button.setToolTip(tip)
    return button


def doubles(raw: bytearray) -> array[float]:
    """Return float64 values of a buffer."""
    values = array("d")
    values.frombytes(raw)
    return values


def integers(raw: bytearray) -> array[int]:
    """Return int64 values of a buffer."""
    values = array("q")
    values.frombytes(raw)
    return values
