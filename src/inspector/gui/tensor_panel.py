"""The panel of the selected tensor, or of whatever else is selected in the tree."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from inspector.checkpoint.summary import NODE_KINDS, CheckpointSummary
from inspector.gui import theme
from inspector.gui.code_view import CodeView
from inspector.gui.module_tree_cells import TreeCells
from inspector.gui.tensor_figures import TensorFigures
from inspector.gui.tensor_header import TensorHeader, facts
from inspector.gui.views.catalogue import register_all
from inspector.gui.views.registry import Subject, ViewKind, views_for
from inspector.gui.views.view_pages import ViewPages
from inspector.gui.views.view_switch import ViewSwitch
from inspector.session import Session, words
from inspector.session.state import TensorView

NOTHING_SELECTED = "Select a tensor in the tree to look at its values"
#: What stands first among the views: picture, distribution and statistics.
OVERVIEW = ("overview", "Overview", "Its picture, its distribution and its statistics")
NO_TENSORS = "There are no tensors in this file"

#: Milliseconds of reading after which the last tensor's figures are dimmed, and after which they make room.
_DIM_AFTER = 80
_PROGRESS_AFTER = 300
#: The picture's share of the panel's height, and its limits in pixels.
_PICTURE_SHARE = 0.38
_PICTURE_LIMITS = (180, 640)


class TensorPanel(QWidget):
    """Shows a `TensorView`: nothing selected, being read, read, or failed; and nodes that are no tensors.

    Parameters
    ----------
    session
        Whom other views than the overview ask; without it there are none.
    """

    def __init__(self, session: Session | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.header = TensorHeader()
        self.switch = ViewSwitch()
        self.switch.chosen.connect(self._choose_view)
        self.pages = ViewPages(session) if session is not None else None
        self._offered: dict[str, ViewKind] = {}
        self._wanted = OVERVIEW[0]  # the view that the person chose, also while a tensor does not offer it
        self._subject: Subject | None = None
        register_all()
        self.figures = TensorFigures()
        self.code = CodeView()
        self.message = QLabel()
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setMaximumWidth(280)
        self.progress.setAccessibleName("Reading the tensor")
        self._tone = ""
        self._shown: TensorView | None = None
        self._dim = QTimer(self, interval=_DIM_AFTER, singleShot=True)
        self._dim.timeout.connect(lambda: self.figures.set_dimmed(True))
        self._wait = QTimer(self, interval=_PROGRESS_AFTER, singleShot=True)
        self._wait.timeout.connect(self._show_progress)
        self._lay_out()
        self.header.setVisible(False)
        self.switch.setVisible(False)
        self._show_message(NOTHING_SELECTED, "quiet")

    def _lay_out(self) -> None:
        self._message_page = QWidget()
        messages = QVBoxLayout(self._message_page)
        messages.setContentsMargins(0, 0, 0, 0)
        messages.setSpacing(10)
        messages.addWidget(self.message)
        messages.addWidget(self.progress)
        messages.addWidget(self.code, 1)
        messages.addStretch(0)
        content = QWidget()
        inside = QVBoxLayout(content)
        inside.setContentsMargins(16, 12, 16, 16)
        inside.setSpacing(14)
        inside.addWidget(self.header)
        inside.addWidget(self.switch)
        for page in self._all_pages():
            inside.addWidget(page, 1)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.area)

    # -- states ------------------------------------------------------------------------------------------------

    def show_view(
        self, summary: CheckpointSummary | None, view: TensorView | None, node: int = -1, checkpoint: int = -1
    ) -> None:
        """Show what is known of the selected tensor.

        Parameters
        ----------
        view
            None where no tensor is selected.
        node
            The node that is selected in its place, -1 for none.
        checkpoint
            The open checkpoint that it is of.
        """
        if view is not None and view is self._shown:
            return
        if summary is None or view is None:
            self._settle(None)
            self._offer(None)
            self._show_node(summary, node)
            return
        tensor = view.tensor
        self.header.show_name(words.tensor_name(summary, tensor), facts(summary, tensor), summary.names[tensor])
        self.header.setVisible(True)
        self._offer(Subject(checkpoint, summary, tensor) if view.phase != "failed" else None)
        if view.phase == "ready":
            self._settle(view)
            self.figures.show_view(summary, view)
            self._show_chosen()
        elif view.phase == "running" and view.rgba:
            self._settle(view)
            self.figures.show_picture(summary, view)
            self._show_chosen()
        elif view.phase == "failed":
            self._settle(view)
            self._show_message(view.failure.sentence if view.failure is not None else "It can't be read.", "danger")
        else:
            self._begin_waiting(view)

    def _settle(self, view: TensorView | None) -> None:
        self._shown = view
        self._dim.stop()
        self._wait.stop()
        self.figures.set_dimmed(False)

    # -- views -------------------------------------------------------------------------------------------------

    @property
    def view_name(self) -> str:
        """The view that is shown, or would be once the tensor is read."""
        return self._wanted if self._wanted in self._offered else OVERVIEW[0]

    def _offer(self, subject: Subject | None) -> None:
        """Offer the views that suit a tensor."""
        if subject != self._subject:
            self._subject = subject
            kinds = views_for(subject) if subject is not None and self.pages is not None else []
            self._offered = {kind.name: kind for kind in kinds}
            entries = [OVERVIEW, *((kind.name, kind.text, kind.tip) for kind in kinds)]
            self.switch.offer(entries, self.view_name)
            self.switch.setVisible(bool(kinds))
            if subject is None and self.pages is not None:
                self.pages.forget()

    def _choose_view(self, name: str) -> None:
        self._wanted = name
        self._show_chosen()

    def _show_chosen(self) -> None:
        """Show the chosen view; the overview once the tensor is read."""
        kind = self._offered.get(self.view_name)
        if kind is not None and self._subject is not None and self.pages is not None:
            self.pages.show_view(kind, self._subject)
            self._turn_to(self.pages)
        elif self._shown is not None and self._shown.phase == "running" and not self._shown.rgba:
            self._begin_waiting(self._shown)
        else:
            self._turn_to(self.figures)

    def _begin_waiting(self, view: TensorView) -> None:
        """Keep what is shown for a moment: most tensors are read before anything else could be seen."""
        self._shown = view
        if self.view_name != OVERVIEW[0]:
            self._show_chosen()  # other views ask and wait by themselves
            return
        if not self.figures.isVisibleTo(self):
            self._show_message("", "quiet")
        self._dim.start()
        self._wait.start()

    def _show_progress(self) -> None:
        if self.view_name != OVERVIEW[0]:
            return
        self._show_message(f"Reading {self.header.name}…", "quiet")
        self.progress.setVisible(True)

    def _show_node(self, summary: CheckpointSummary | None, node: int) -> None:
        if summary is not None and NODE_KINDS[summary.kinds[0]] == "value":
            node = 0  # the whole file is one plain value
        elif summary is None or not 0 < node < len(summary.kinds) or summary.tensors[node] >= 0:
            self._show_nothing(summary)
            return
        kind, detail = NODE_KINDS[summary.kinds[node]], summary.details[node]
        self.header.setVisible(True)
        if kind == "value":
            self.header.show_name(TreeCells(summary, None).path(node), ["value"])
            self._show_message(detail, "value")
            return
        counts = []
        if summary.nbytes[node]:
            counts = [words.plural(summary.parameters[node], "parameter"), words.size(summary.nbytes[node])]
        inside = summary.child_counts[node]
        entries = "1 entry" if inside == 1 else f"{words.number(inside)} entries"
        self.header.show_name(TreeCells(summary, None).path(node), [kind, *counts, entries])
        self._show_message(detail.replace(" · ", "\n"), "value" if detail else "quiet")
        if kind == "module":
            self._offer_code(summary, detail.partition(" · ")[0])

    def _show_nothing(self, summary: CheckpointSummary | None) -> None:
        self.header.setVisible(False)
        self._show_message(NO_TENSORS if summary is not None and not len(summary) else NOTHING_SELECTED, "quiet")
        if summary is not None:
            self._offer_code(summary, summary.class_name or "")

    def _offer_code(self, summary: CheckpointSummary | None, class_name: str) -> None:
        """Show the code that the file carries, that of the class first."""
        if summary is not None and summary.sources:
            self.code.show_sources(summary.sources, class_name)
            self.code.setVisible(True)

    def _show_message(self, text: str, tone: str) -> None:
        """Show a text alone: ``"quiet"`` for hints, ``"value"`` for what a file holds, ``"danger"`` for failures."""
        self._tone = tone
        self.message.setText(text)
        self.message.setAccessibleName(text)
        self.progress.setVisible(False)
        self.code.setVisible(False)
        self._turn_to(self._message_page)
        self._dress()

    def _turn_to(self, shown: QWidget) -> None:
        for page in self._all_pages():
            page.setVisible(page is shown)

    def _all_pages(self) -> list[QWidget]:
        return [self._message_page, self.figures, *([self.pages] if self.pages is not None else [])]

    # -- look --------------------------------------------------------------------------------------------------

    def _dress(self) -> None:
        c = theme.colors()
        nothing = not self.header.isVisibleTo(self)
        color = {"danger": c.danger, "value": c.text}.get(self._tone, c.muted)
        box = f"background: {c.danger_soft}; border-radius: 8px; padding: 10px 12px;" if self._tone == "danger" else ""
        above = "padding-top: 48px;" if nothing else ""
        self.message.setStyleSheet(f"QLabel {{ color: {color}; {box} {above} }}")
        self.message.setAlignment(Qt.AlignmentFlag.AlignHCenter if nothing else Qt.AlignmentFlag.AlignLeft)

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the picture be as high as leaves room for the rest."""
        low, high = _PICTURE_LIMITS
        self.figures.picture.set_limit(min(high, max(low, round(self.height() * _PICTURE_SHARE))))
        super().resizeEvent(event)
