"""The selected image and what the current checkpoint's model says of it."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFocusEvent, QGuiApplication, QKeySequence, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from inspector.gui import icons, theme
from inspector.gui.class_words import plain_text, timing
from inspector.gui.key_list import KeyList
from inspector.gui.key_rows import key_rows
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.overlays.of_task import overlay_for
from inspector.gui.overlays.overlay import Overlay
from inspector.gui.photo_view import LEAST, PhotoView
from inspector.gui.score_bars import ScoreBars, row_height
from inspector.gui.tooltips import tooltip
from inspector.gui.tree_delegate import tabular
from inspector.gui.view_options import ViewOptions
from inspector.gui.why_bar import WhyBar
from inspector.session.failure import Failure
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import LISTED, OBJECTS, SEGMENTATION, class_text, nothing_text, shown_count
from inspector.session.state import Attachment, ImageItem

#: Milliseconds before progress is shown: a flash tells nothing.
PATIENCE = 300

_ROWS = 5
_ICON = 16
_SPACING = 10
_BY_KEY = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)

Tone = Literal["quiet", "warning", "danger"]


class PredictionPanel(QWidget):
    """An image with what the model says of it over and below it; or the sentence that says why there is nothing yet.

    Parameters
    ----------
    options
        How predictions are looked at; its own where None.

    Signals
    -------
    opened
        The person wants to see the image large.
    again_requested
        Predict the image again.
    changed
        Something else is shown.
    """

    opened = Signal()
    again_requested = Signal()
    changed = Signal()

    def __init__(self, options: ViewOptions | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.options = options if options is not None else ViewOptions(self)
        self.options.changed.connect(self._show_options)
        self._focus_by_key = False
        self._done: Prediction | None = None
        self._room = LEAST
        self._shown: tuple[ImageItem | None, Prediction | None, Attachment] = (None, None, Attachment())
        self.setAccessibleName("Prediction")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.caption = OneLineLabel(Qt.TextElideMode.ElideMiddle)
        self.caption.setProperty("muted", True)
        self.caption.setFont(tabular(self.caption.font()))
        self.caption.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.picture = PhotoView()
        self.picture.clicked.connect(self.opened)
        self.picture.setCursor(Qt.CursorShape.PointingHandCursor)
        self.picture.setToolTip("Show it large (Ctrl+2)")
        self.bars = ScoreBars()
        self.why = WhyBar(self.options)
        self._over: Overlay | None = None
        self.keys = KeyList("Prediction")
        self.keys.pointed.connect(self.options.point_at)
        self.keys.pressed_row.connect(self._press)
        self.note = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.note.setProperty("muted", True)
        self.message = MessageCard()
        self.again = QPushButton("Predict again")
        self.again.setToolTip("Read the image again and predict it")
        self.again.clicked.connect(self.again_requested)
        self.progress = QProgressBar(textVisible=False, minimum=0, maximum=0)
        self.progress.setAccessibleName("Predicting")
        self.progress_text = QLabel()
        self.progress_text.setProperty("muted", True)
        self._timer = QTimer(self, singleShot=True, interval=PATIENCE)
        self._timer.timeout.connect(lambda: self._show_progress(True))
        self.copy_action = QAction("Copy the predictions", self)
        self.copy_action.setShortcut(QKeySequence.StandardKey.Copy)
        self.copy_action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.copy_action.triggered.connect(self.copy)
        self.addAction(self.copy_action)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        heading = QLabel("Prediction")
        heading.setProperty("section", True)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(heading)
        top.addWidget(self.why.button)
        top.addWidget(self.caption, 1)
        # The answers keep their room while they are awaited: nothing jumps from one image to the next.
        self._answers = QWidget()
        answers = QVBoxLayout(self._answers)
        answers.setContentsMargins(0, 0, 0, 0)
        answers.setSpacing(8)
        for widget in (self.bars, self.why, self.note, self.keys, self.progress, self.progress_text, self.message):
            answers.addWidget(widget)
        answers.addWidget(self.again, 0, Qt.AlignmentFlag.AlignLeft)
        answers.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(_SPACING)
        column.addLayout(top)
        column.addWidget(self.picture)
        column.addWidget(self._answers)

    # -- state -------------------------------------------------------------------------------------------------

    def show_image(self, item: ImageItem | None, prediction: Prediction | None, attachment: Attachment) -> None:
        """Show an image (None: none is selected) and what is predicted for it by what is attached."""
        if self._shown != (item, prediction, attachment):
            self._shown = (item, prediction, attachment)
            self._show()
            self.changed.emit()

    @property
    def shown(self) -> tuple[ImageItem | None, Prediction | None, Attachment]:
        """What is shown."""
        return self._shown

    def show_over(self, overlay: Overlay | None) -> None:
        """Show something else over the picture than what the task draws; None for what the task draws."""
        if overlay is not self._over:
            self._over = overlay
            self._show_overlay()

    def picture_height(self, width: int) -> int:
        """Return what the picture and the space below it take of the height, in a panel of that width."""
        return 0 if self.picture.isHidden() else self.picture.heightForWidth(width) + _SPACING

    def give_room(self, height: int) -> None:
        """Give the picture so much height; where that is too little it goes, for the classes must be seen."""
        self._room = height - _SPACING
        self.picture.set_tallest(self._room)
        self._show_picture()

    def _show_picture(self) -> None:
        item, _, _ = self._shown
        self.picture.setVisible(item is not None and item.failure is None and self._room >= LEAST)

    def top_label(self) -> str:
        """Return the label of the likeliest class that is shown; empty where none is."""
        return "" if self.bars.isHidden() or not self.bars.rows else class_text(self.bars.rows[0].score)

    def copy(self) -> None:
        """Put the shown predictions into the clipboard, as text."""
        item, prediction, _ = self._shown
        if item is not None and prediction is not None and prediction.phase == "ready":
            QGuiApplication.clipboard().setText(plain_text(item, prediction))

    def _show(self) -> None:
        item, prediction, attachment = self._shown
        broken = item is not None and item.failure is not None
        self.caption.set_text(item.name if item is not None else "", timing(prediction))
        self.caption.setToolTip(tooltip(self.caption.text(), str(item.path.parent) if item is not None else ""))
        self._show_picture()
        self.picture.show_thumbnail((item.preview or item.thumbnail) if item is not None else None)
        self.picture.setAccessibleName(item.name if item is not None else "")
        done = prediction if prediction is not None and prediction.phase == "ready" and not broken else None
        listed = done is not None and done.task in LISTED
        scores = done.classes if done is not None and not listed else ()
        self.bars.setVisible(bool(scores))
        self.bars.show_scores(scores)
        self.keys.setVisible(listed)
        self.copy_action.setEnabled(done is not None)
        awaited = "" if item is None or broken else _awaited(prediction, attachment)
        self.progress_text.setText(awaited)
        if not awaited:
            self._timer.stop()
            self._show_progress(False)
        elif self.progress.isHidden() and not self._timer.isActive():
            self._timer.start()
        if done is not None or awaited:
            self.message.hide()
        else:
            self.message.show_text(*_message(item, prediction, attachment))
        failed = prediction is not None and prediction.phase == "failed"
        self.again.setText("Predict again" if failed else "Predict")
        self.again.setVisible(failed or (item is not None and prediction is None and attachment.phase == "ready"))
        self._done = done
        self._show_overlay()
        self._show_options()
        self._keep_room()

    def _show_overlay(self) -> None:
        done = self._done
        overlay = self._over if self._over is not None else overlay_for(done, self.options, small=True)
        self.picture.show_overlay(overlay, QSize(done.width, done.height) if done is not None else QSize())

    def _show_options(self) -> None:
        """Follow how the prediction is looked at."""
        done, options = self._done, self.options
        note = ""
        if done is not None:
            count = shown_count(done, options.threshold) if done.task in OBJECTS and done.classes else ""
            self.keys.show_rows(key_rows(done, options))
            self.keys.mark(options.pointed, options.selected)
            self.keys.setVisible(bool(self.keys.keys.rows))
            rows = min(_ROWS, len(self.keys.keys.rows))
            self.keys.setFixedHeight(rows * self.keys.row_height() + 2)
            note = nothing_text(done, options.threshold) or " · ".join(filter(None, (count, done.note)))
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.picture.update()

    def _press(self, row: int) -> None:
        if self._done is not None and self._done.task == SEGMENTATION:
            self.options.toggle(row)
        else:
            self.options.select(-1 if row == self.options.selected else row)

    def _show_progress(self, shown: bool) -> None:
        self.progress.setVisible(shown)
        self.progress_text.setVisible(shown)

    def _keep_room(self) -> None:
        item, _, _ = self._shown
        room = _ROWS * (row_height(self) + 1)
        self._answers.setMinimumHeight(room if item is not None and item.failure is None else 0)

    # -- focus, theme ------------------------------------------------------------------------------------------

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Notice whether a key brought the focus: then it must be seen."""
        self._focus_by_key = event.reason() in _BY_KEY
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the focus mark away."""
        self.update()
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Underline the heading while the keys go here."""
        if self.hasFocus() and self._focus_by_key:
            painter = QPainter(self)
            painter.setPen(QPen(theme.qcolor(theme.colors().accent), 2))
            y = self.caption.geometry().bottom() + _SPACING // 2 + 1
            painter.drawLine(0, y, self.width(), y)

    def changeEvent(self, event: QEvent) -> None:
        """Follow another font."""
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and hasattr(self, "_answers"):
            self._keep_room()
        super().changeEvent(event)


class MessageCard(QFrame):
    """A sentence and what to do, with an icon, in the colours of its tone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message")
        self._tone: Tone = "quiet"
        self._icon = QLabel()
        self.title, self.hint = QLabel(wordWrap=True), QLabel(wordWrap=True)
        texts = QVBoxLayout()
        texts.setSpacing(3)
        for label in (self.title, self.hint):
            label.setTextFormat(Qt.TextFormat.PlainText)
            texts.addWidget(label)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 12, 10)
        row.setSpacing(10)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)

    def show_text(self, tone: Tone, title: str, hint: str) -> None:
        """Show a sentence and, where there is something to do, what."""
        self._tone = tone
        self.title.setText(title)
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self.setAccessibleName(f"{title} {hint}".strip())
        self._dress()
        self.show()

    def _dress(self) -> None:
        back, front = theme.tone_colors(self._tone)
        icon = {"warning": "warning", "danger": "error"}.get(self._tone, "image")
        frame = f"#message {{ background: {back}; border: none; border-radius: 8px; }}"
        sheet = f"{frame} #message QLabel {{ color: {front}; }}"
        theme.dress(self, sheet)
        self._icon.setPixmap(icons.pixmap(icon, front, _ICON, self.devicePixelRatioF()))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)


def _awaited(prediction: Prediction | None, attachment: Attachment) -> str:
    """Return what is waited for, empty where nothing is."""
    if prediction is None or prediction.phase not in ("waiting", "running"):
        return ""
    if prediction.phase == "running":
        return "Predicting…"
    if attachment.phase == "running":
        ready = "runs" if attachment.trusted else "is attached"
        return f"Waiting until {attachment.architecture or 'the architecture'} {ready}…"
    return "Waiting for its turn…" if attachment.phase == "ready" else ""


def _message(item: ImageItem | None, prediction: Prediction | None, attachment: Attachment) -> tuple[Tone, str, str]:
    """Return why no classes are shown: a tone, a sentence, and what to do."""
    if item is not None and item.failure is not None:
        return "danger", item.failure.message, item.failure.hint
    if prediction is not None and prediction.phase == "failed":
        failure = prediction.failure or Failure(f"{item.name if item else 'The image'} was not predicted.")
        return "warning", failure.message, failure.hint
    if item is None:
        attached = attachment.phase in ("running", "ready")
        hint = (
            "Drop a photograph to see what this model says" if attached else "Attach an architecture, then drop images"
        )
        return "quiet", hint, ""
    if attachment.phase == "ready":
        return "quiet", "This image is not predicted yet.", ""
    return "quiet", "Attach an architecture to see what it says of this image", ""
