"""The distributions along the depth of a network, with what chooses and explains them."""

from __future__ import annotations

from array import array
from typing import cast

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from inspector.gui.combo import Combo
from inspector.gui.empty_page import EmptyPage
from inspector.gui.model_page.depth_data import Which, layers_of
from inspector.gui.model_page.depth_view import DepthView
from inspector.gui.model_page.part import ModelPart
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.segmented import Segmented
from inspector.gui.slices import Slices
from inspector.gui.views.axis import Scale
from inspector.gui.views.saving import save_drawing
from inspector.gui.views.view_bar import ViewBar, slim
from inspector.session import Session, words
from inspector.session.state import OpenCheckpoint
from inspector.session.survey_state import KNOWN, SurveyFigures

_WHICH: tuple[tuple[Which, str], ...] = (
    ("weights", "Weights"),
    ("scales", "Norm scales"),
    ("biases", "Biases"),
    ("running_mean", "Running means"),
    ("running_var", "Running variances"),
)
#: Logical pixels of a combo box beside its text.
_COMBO = 48
_HINT = "Click goes to a layer · wheel zooms, Shift: values · 0 fits"
_LEGEND = "Shade: density · red: mean ± std · grey: min and max"


class DepthPart(ModelPart):
    """One picture of how every layer's values are distributed."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._found: OpenCheckpoint | None = None
        self._asked: tuple[object, ...] = ()
        self.view = DepthView()
        self.bar = ViewBar()
        self.which = Combo()
        self.which.setAccessibleName("Which tensors are shown")
        self.which.setToolTip("Weights have two dimensions or more; the others have one")
        for name, text in _WHICH:
            self.which.addItem(text, name)
        self.scale = Segmented("The scale of the values", slim=True)
        self.scale.add("symlog", "Symlog", "Linear near zero, logarithmic farther out: outliers stay in the picture")
        self.scale.add("linear", "Linear", "All values alike")
        self.scale.show_chosen("symlog")
        longest = max(self.which.fontMetrics().horizontalAdvance(text) for _, text in _WHICH)
        self.which.setMinimumWidth(longest + _COMBO)
        self.reading, self.figures = OneLineLabel(Qt.TextElideMode.ElideLeft), OneLineLabel(Qt.TextElideMode.ElideRight)
        self.figures.setProperty("muted", True)
        self.nothing = EmptyPage("tensor")
        self.pages = QStackedWidget()
        self._slices = Slices(self)
        self._lay_out()
        self.which.currentIndexChanged.connect(lambda _: self._choose())
        self.scale.chosen.connect(self._set_scale)
        self.view.pointed.connect(self._read)
        self.view.chosen.connect(self._go_to)
        self.bar.copy_requested.connect(self.view.copy)
        self.bar.save_requested.connect(self._save)
        self._read(-1)

    def _lay_out(self) -> None:
        self.bar.add(slim(self.which))
        self.bar.add(self.scale)
        self.pages.addWidget(self.view)
        self.pages.addWidget(self.nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(6)
        column.addWidget(self.bar)
        column.addWidget(self.pages, 1)
        column.addWidget(self.reading)
        column.addWidget(self.figures)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_checkpoint(self, found: OpenCheckpoint | None) -> None:
        """Show a checkpoint, or what changed of it."""
        self._found = found
        if found is None or found.summary is None or found.survey is None:
            self._asked = ()
            self._say("Nothing to see yet", "The distributions are drawn as the tensors are read.")
            return
        asked = (found.id, found.summary, found.survey.figures, found.state_dict)
        if asked != self._asked:
            self._asked = asked
            self._choose()
        elif not self._slices.is_busy:
            self.view.take_figures(is_last=found.survey.phase != "running")

    def _choose(self) -> None:
        found = self._found
        if found is not None and found.summary is not None and found.survey is not None:
            which = cast(Which, self.which.currentData())
            self._slices.begin(layers_of(found.summary, found.state_dict, which), self._show)

    def _show(self, layers: array[int]) -> None:
        found = self._found
        if found is None or found.summary is None or found.survey is None:
            return
        if not layers:
            self._say(f"No {self.which.currentText().lower()} in this model", "Choose other tensors above.")
            return
        self.view.show_layers(found.summary, found.survey.figures, layers)
        self.pages.setCurrentWidget(self.view)

    def _say(self, title: str, text: str) -> None:
        self.nothing.say(title, text)
        self.pages.setCurrentWidget(self.nothing)

    def _set_scale(self, scale: str) -> None:
        self.scale.show_chosen(scale)
        self.view.set_scale(cast(Scale, scale))

    def _read(self, tensor: int) -> None:
        """Say what is known of the layer that is pointed at."""
        self.reading.setProperty("muted", tensor < 0)
        found = self._found
        if tensor < 0 or found is None or found.summary is None or found.survey is None:
            self.reading.set_text("", _LEGEND)
            self.figures.set_text(_HINT)
            return
        figures, summary = found.survey.figures, found.summary
        self.reading.set_text(words.tensor_name(summary, tensor), f" · {words.shape_text(summary.shape(tensor))}")
        self.figures.set_text(_figures(figures, tensor))

    def _go_to(self, tensor: int) -> None:
        if self._found is not None:
            self._session.select_tensor(self._found.id, tensor)
            self.tensor_opened.emit()

    def _save(self) -> None:
        name = f"{self._found.path.stem}-depth" if self._found is not None else "depth"
        _, failure = save_drawing(self, name, self.view.size(), self.view.paint_drawing)
        if failure:
            self._session.store.notice(failure, "error")

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self.reading.update()
        super().changeEvent(event)


def _figures(figures: SurveyFigures, tensor: int) -> str:
    """Return what is known of a tensor's values, in a line."""
    if figures.known[tensor] != KNOWN:
        return "Can't be read" if figures.known[tensor] else "Not read yet"
    said = []
    if figures.minimum[tensor] <= figures.maximum[tensor]:
        said.append(f"{words.figure(figures.minimum[tensor])} … {words.figure(figures.maximum[tensor])}")
        said.append(f"mean {words.figure(figures.mean[tensor])} ± {words.figure(figures.std[tensor])}")
        said.append(f"norm {words.figure(figures.norm[tensor])}")
    for count, name in ((figures.nan[tensor], "NaN"), (figures.inf[tensor], "Inf")):
        said += [f"{words.number(count)} {name}"] if count else []
    return " · ".join(said)
