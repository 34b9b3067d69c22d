"""The selected image, large, with what the current checkpoint's model says of it drawn over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from inspector.gui import icons, theme
from inspector.gui.clip_player import ClipPlayer
from inspector.gui.image_canvas import ImageCanvas
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.overlays.of_task import overlay_for
from inspector.gui.overlays.overlay import Overlay, TaskOverlay
from inspector.gui.task_side import TaskSide
from inspector.gui.tooltips import tooltip
from inspector.gui.tree_delegate import tabular
from inspector.gui.view_options import ViewOptions
from inspector.processes.image_files import MAYBE_CLIPS
from inspector.session import Session, words
from inspector.session.failure import Failure
from inspector.session.looking import ModelInput
from inspector.session.prediction_state import Prediction
from inspector.session.prediction_words import SEGMENTATION
from inspector.session.sources import FLOW, next_image
from inspector.session.state import ImageItem, OpenCheckpoint, Thumbnail

#: From this width on the legend stands beside the image, else below it; its width, and its share of the height.
_BESIDE_FROM = 720
_SIDE_WIDTH = 250
_BELOW_SHARE = 0.34

_STEP = 1.25


class ImagePage(QWidget):
    """An image with its overlays, the tools to look at it, and what the overlays mean.

    Parameters
    ----------
    session
        Whose images and predictions are shown.
    options
        How predictions are looked at.
    ask_where
        Asks for a file to save a picture in, given a name; None where the person does not want it.
    """

    def __init__(
        self,
        session: Session,
        options: ViewOptions,
        ask_where: Callable[[str], Path | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self.options, self._ask_where = session, options, ask_where
        self._shown: tuple[ImageItem | None, Prediction | None] = (None, None)
        self._checkpoint = -1
        self._asked = 0  # answers to older questions are stale
        self._looked: tuple[int, ...] | None = None  # what the shown input was asked for, see `_wanted_input`
        self._frame: Thumbnail | None = None
        self._input: ModelInput | None = None
        self._overlay: TaskOverlay | None = None
        self._extra: list[Overlay] = []
        self.title = OneLineLabel(Qt.TextElideMode.ElideMiddle)
        self.title.setFont(theme.scaled_font(1.15, bold=True))
        self.details = OneLineLabel(Qt.TextElideMode.ElideRight)
        self.details.setProperty("muted", True)
        self.details.setFont(tabular(self.details.font()))
        self.canvas, self.side, self.player = ImageCanvas(), TaskSide(options), ClipPlayer()
        self.reading = self.canvas.reading
        self.caption = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.caption.setProperty("muted", True)
        self.percent = QLabel()
        self.percent.setFont(tabular(self.percent.font()))
        self.percent.setProperty("muted", True)
        self.tools: dict[str, QToolButton] = {}
        self._icons: dict[str, str] = {}
        self._lay_out()
        self._connect()

    # -- building ----------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._tools = QHBoxLayout()
        self._tools.setSpacing(2)
        self._tools.addWidget(self.details, 1)
        canvas = self.canvas
        self._add_tool("zoom-out", "minus", "Zoom out (−)", lambda: canvas.zoom_by(1 / _STEP))
        self._tools.addWidget(self.percent)
        self._add_tool("zoom-in", "plus", "Zoom in (+)", lambda: canvas.zoom_by(_STEP))
        self._add_tool("fit", "fit", "Fit the whole image (0, double click)", canvas.fit)
        self._add_tool("pixels", "pixels", "Every pixel as one of the screen's (1)", canvas.show_pixels)
        eye = self._add_tool("input", "eye", "What the model sees: the image as it goes in", self._ask_input)
        eye.setCheckable(True)
        self._add_tool("copy", "copy", "Copy the picture with what is drawn on it (Ctrl+C)", self.copy)
        self._add_tool("save", "save", "Save the picture with what is drawn on it, as PNG…", self.save)
        picture = QVBoxLayout()
        picture.setSpacing(4)
        picture.addWidget(self.canvas, 1)
        picture.addWidget(self.player)
        self._both = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._both.setSpacing(10)
        self._both.addLayout(picture, 1)
        self._both.addWidget(self.side)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 12)
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addLayout(self._tools)
        column.addWidget(self.caption)
        column.addLayout(self._both, 1)
        self._dress()

    def _add_tool(self, name: str, icon: str, tip: str, call: Callable[[], object]) -> QToolButton:
        button = QToolButton(autoRaise=True)
        button.setIconSize(QSize(16, 16))
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition(" (")[0].removesuffix("…"))
        button.clicked.connect(lambda: call())
        self.tools[name], self._icons[name] = button, icon
        self._tools.addWidget(button)
        return button

    def _connect(self) -> None:
        self.canvas.hovered.connect(self._read)
        self.canvas.clicked.connect(self._click)
        self.canvas.zoomed.connect(self._show_zoom)
        self.options.changed.connect(self.canvas.update)
        self.player.frame_changed.connect(self._show_frame)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        copy.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        copy.activated.connect(self.copy)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_image(self, found: OpenCheckpoint | None, item: ImageItem | None) -> None:
        """Show an image, and what a checkpoint predicts for it."""
        both = found is not None and item is not None
        prediction = self._session.store.predictions.get((found.id, item.id)) if both else None  # type: ignore[union-attr]
        self._checkpoint = found.id if found is not None else -1
        if self._shown == (item, prediction) and self._looked == self._wanted_input(found, item):
            return
        before, self._shown = self._shown, (item, prediction)
        another = item is None or before[0] is None or before[0].id != item.id
        if another or before[1] is not prediction:
            self._overlay = overlay_for(prediction, self.options)
            self.side.show_prediction(prediction)
        if another:
            self._ask_for_frames(item)
        self._ask_input()

    def _ask_for_frames(self, item: ImageItem | None) -> None:
        """Ask for the frames of another image, where it may have several."""
        self._asked += 1
        self._frame = None
        self.player.show_frames(())
        if item is not None and (item.frames or item.path.suffix.lower() in MAYBE_CLIPS):
            asked = self._asked

            def take(frames: list[Thumbnail]) -> None:
                if asked == self._asked:
                    self.player.show_frames(frames)

            self._session.looking.clip_frames(item.id, take, lambda _: None)  # the thumbnail's failure says why

    def _ask_input(self) -> None:
        """Show the image as what is attached sees it, or the image again; while it is attached, the image."""
        item, _ = self._shown
        found = self._session.store.checkpoints.get(self._checkpoint)
        wanted = self._wanted_input(found, item)
        if wanted != self._looked:
            self._input, self._looked = None, wanted
            if wanted is not None and found is not None and found.attachment.phase != "running":
                self._ask_for_input(wanted)
        self._show_all()

    def _wanted_input(self, found: OpenCheckpoint | None, item: ImageItem | None) -> tuple[int, ...] | None:
        """Return what tells an input apart: whose it is, of which image, and of the next one where that matters."""
        if item is None or found is None or not self.tools["input"].isChecked():
            return None
        after = next_image(self._session.store, item.id) if found.attachment.task == FLOW else None
        return found.id, found.attachment.engine_id, item.id, -1 if after is None else after

    def _ask_for_input(self, wanted: tuple[int, ...]) -> None:
        def take(seen: ModelInput) -> None:
            if wanted == self._looked:
                self._input = seen
                self._show_all()

        def fail(failure: Failure) -> None:
            if wanted == self._looked:
                self._looked = None
                self.tools["input"].setChecked(False)
                self._session.store.notice(failure.sentence, "warning")

        self._session.looking.model_input(wanted[0], wanted[2], take, fail)

    def _show_frame(self, frame: Thumbnail) -> None:
        self._frame = frame
        self._show_all()

    def _show_all(self) -> None:
        """Show the image, a frame of it, or what the model sees of it."""
        item, prediction = self._shown
        if self._input is not None:
            self.canvas.show_picture(self._input.picture)
        else:
            size = QSize(prediction.width, prediction.height) if prediction is not None else QSize()
            picture = (self._frame or item.preview or item.thumbnail) if item is not None else None
            whole = item.thumbnail if item is not None else None
            if size.isEmpty() and whole is not None:
                size = QSize(whole.original_width, whole.original_height)
            self.canvas.show_picture(picture, size)
        self._show_overlays()
        self._show_words(item, prediction)

    def add_overlay(self, overlay: Overlay) -> None:
        """Draw something more over the image, above what the task draws."""
        self._extra.append(overlay)
        self._show_overlays()

    def remove_overlay(self, overlay: Overlay) -> None:
        """Draw it no longer."""
        if overlay in self._extra:
            self._extra.remove(overlay)
            self._show_overlays()

    def _show_overlays(self) -> None:
        if self._input is not None:  # its pixels are others than the image's
            self.canvas.set_overlays([])
            self.canvas.read_out("")
            return
        self.canvas.set_overlays([*([self._overlay] if self._overlay is not None else []), *self._extra])

    def _show_words(self, item: ImageItem | None, prediction: Prediction | None) -> None:
        name = item.name if item is not None else ""
        self.title.set_text(self._title(item, prediction) if item is not None else "")
        self.title.setToolTip(tooltip(str(item.path)) if item is not None else "")
        size = self.canvas.image_size
        parts = [f"{words.number(size.width())} × {words.number(size.height())}" if not size.isEmpty() else ""]
        if prediction is not None and prediction.phase == "ready":
            parts += [words.duration(prediction.milliseconds), prediction.device.upper()]
        failure = item.failure if item is not None else None
        if failure is None and prediction is not None and prediction.phase == "failed":
            failure = prediction.failure
        if self._input is not None:
            parts = ["What the model sees"]
        said = self._input.caption if self._input is not None else failure.sentence if failure is not None else ""
        self.caption.setText(said)
        self.caption.setVisible(bool(said))
        self.details.set_text(" · ".join(filter(None, parts)))
        self.canvas.setAccessibleDescription(name)
        for tool in ("copy", "save"):
            self.tools[tool].setEnabled(not size.isEmpty())
        self._show_zoom()

    def _title(self, item: ImageItem, prediction: Prediction | None) -> str:
        """Return the image's name; of a motion, from where to where it is, once the engine has told that."""
        if prediction is None or prediction.task != FLOW or prediction.phase != "ready":
            return item.name
        if prediction.own_frames or item.frames:
            return f"from the first to the second frame of {item.name}"
        after = next_image(self._session.store, item.id)
        return f"from {item.name} to {self._session.store.images[after].name}" if after is not None else item.name

    def _show_zoom(self) -> None:
        scale = self.canvas.scale * self.devicePixelRatioF()
        self.percent.setText("" if self.canvas.image_size.isEmpty() else f"{round(100 * scale)}{words.THIN}%")
        self.percent.setMinimumWidth(self.percent.fontMetrics().horizontalAdvance(f"3200{words.THIN}%"))
        self.percent.setAlignment(Qt.AlignmentFlag.AlignCenter)

    # -- the mouse on the image --------------------------------------------------------------------------------

    def _read(self, point: QPointF | None) -> None:
        overlay = self._overlay
        if point is None or overlay is None or self._input is not None:
            self.canvas.read_out("")
            self.options.point_at(-1)
            return
        self.canvas.read_out(overlay.reading(point))
        _, prediction = self._shown
        # A class that fills the picture would dim all else wherever the mouse goes: only the list lets it stand out.
        if prediction is None or prediction.task != SEGMENTATION:
            self.options.point_at(overlay.row_at(point))

    def _click(self, point: QPointF) -> None:
        _, prediction = self._shown
        if self._overlay is not None and prediction is not None and prediction.task != SEGMENTATION:
            self.options.select(self._overlay.row_at(point))

    # -- copies ------------------------------------------------------------------------------------------------

    def copy(self) -> None:
        """Put the image with what is drawn over it into the clipboard."""
        drawn = self.canvas.drawn()
        if not drawn.isNull():
            QGuiApplication.clipboard().setImage(drawn)
            self._session.store.notice("Copied the picture.")

    def save(self) -> None:
        """Ask where to, and save the image with what is drawn over it as PNG."""
        item, _ = self._shown
        drawn = self.canvas.drawn()
        if item is None or drawn.isNull():
            return
        path = self._ask_where(f"{item.stem}-predicted.png")
        if path is None:
            return
        if drawn.save(str(path), "PNG"):  # type: ignore[call-overload]
            self._session.store.notice(f"Saved {path.name}.")
        else:
            self._session.store.notice(f"{path.name} can't be written. Choose another folder.", "error")

    # -- size, theme -------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the legend beside a wide image, below a narrow one."""
        super().resizeEvent(event)
        beside = self.width() >= _BESIDE_FROM
        way = QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
        if self._both.direction() != way:
            self._both.setDirection(way)
        self.side.set_beside(beside)
        self.side.setMaximumSize(
            _SIDE_WIDTH if beside else 16_777_215, 16_777_215 if beside else round(_BELOW_SHARE * self.height())
        )
        self.side.setMinimumWidth(_SIDE_WIDTH if beside else 0)

    def _dress(self) -> None:
        for name, icon in self._icons.items():
            self.tools[name].setIcon(icons.icon(icon))

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "tools"):
            self._dress()
        super().changeEvent(event)
