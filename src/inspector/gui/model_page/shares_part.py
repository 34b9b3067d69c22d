"""Shares of parameters or bytes by module, with the way to the module that is shown."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from inspector.gui.empty_page import EmptyPage
from inspector.gui.model_page.breadcrumb import Breadcrumb
from inspector.gui.model_page.icicle_data import Box
from inspector.gui.model_page.icicle_view import IcicleView
from inspector.gui.model_page.part import ModelPart
from inspector.gui.module_tree_cells import TreeCells
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.segmented import Segmented
from inspector.gui.views.saving import save_drawing
from inspector.gui.views.view_bar import ViewBar
from inspector.session import Session, words
from inspector.session.state import OpenCheckpoint

_LEGEND = "Click zooms in, the top row back out · double click: to the tree"


class SharesPart(ModelPart):
    """Where the parameters, or the bytes, of a model are."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._found: OpenCheckpoint | None = None
        self._by = "parameters"
        self.view = IcicleView()
        self.bar = ViewBar()
        self.measure = Segmented("What the shares are of", slim=True)
        self.measure.add("parameters", "Parameters", "Elements of parameters; buffers do not count")
        self.measure.add("nbytes", "Bytes", "Bytes of all tensors, those of an optimizer too")
        self.measure.show_chosen(self._by)
        self.way = Breadcrumb()
        self.reading = OneLineLabel(Qt.TextElideMode.ElideLeft)
        self.nothing = EmptyPage("tensor")
        self.pages = QStackedWidget()
        self._lay_out()
        self.measure.chosen.connect(self._measure)
        self.view.zoomed.connect(self._show_way)
        self.view.pointed.connect(self._read)
        self.view.chosen.connect(self.node_chosen)
        self.way.chosen.connect(lambda node: self.view.zoom(node))
        self.bar.copy_requested.connect(self.view.copy)
        self.bar.save_requested.connect(self._save)
        self._read(None)

    def _lay_out(self) -> None:
        self.bar.add(self.measure)
        self.pages.addWidget(self.view)
        self.pages.addWidget(self.nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(6)
        column.addWidget(self.bar)
        column.addWidget(self.way)
        column.addWidget(self.pages, 1)
        column.addWidget(self.reading)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_checkpoint(self, found: OpenCheckpoint | None) -> None:
        """Show a checkpoint; its survey changes nothing here."""
        before = self._found
        self._found = found
        if found is None or found.summary is None:
            return
        if before is None or before.summary is not found.summary:
            has_parameters = found.summary.parameters[0] > 0
            self.measure.set_shown(("parameters", "nbytes") if has_parameters else ("nbytes",))
            self._measure(self._by if has_parameters else "nbytes", top=0)

    def _measure(self, by: str, top: int = -1) -> None:
        """Show shares of something else, from the same module on."""
        found = self._found
        if found is None or found.summary is None:
            return
        self._by = by
        self.measure.show_chosen(by)
        values = list(found.summary.parameters if by == "parameters" else found.summary.nbytes)
        top = self.view.top if top < 0 else top
        if not values[0]:
            self.nothing.say("Nothing to share", "The tensors of this file hold no elements.")
        self.pages.setCurrentWidget(self.view if values[0] else self.nothing)
        self.view.show_values(found.summary, values, top if values[top] else 0)

    def _show_way(self, node: int, count: int) -> None:
        found = self._found
        assert found is not None
        assert found.summary is not None
        summary, steps = found.summary, list[tuple[int, str]]()
        if count > 1:
            steps.append((node, f"{summary.labels[node]} … {summary.labels[node + count - 1]}"))
            node = summary.parents[node]
        while node > 0:
            steps.append((node, summary.labels[node] or words.NO_NAME))
            node = summary.parents[node]
        self.way.show_way([(0, words.root_name(summary)), *reversed(steps)])

    def _read(self, box: Box | None) -> None:
        """Say what the box that is pointed at holds."""
        self.reading.setProperty("muted", box is None)
        found = self._found
        if box is None or found is None or found.summary is None:
            self.reading.set_text("", _LEGEND)
            return
        summary = found.summary
        nodes = range(box.node, box.node + box.count)
        parameters = sum(summary.parameters[node] for node in nodes)
        nbytes = sum(summary.nbytes[node] for node in nodes)
        name = TreeCells(summary, None).path(box.node) or words.root_name(summary)
        if box.count > 1:
            name = f"{name} and {words.number(box.count - 1)} more beside it"
        of_all = words.percent(box.value / self.view.total)
        said = [words.plural(parameters, "parameter"), words.size(nbytes), f"{of_all} of all"]
        if self.view.top and self.view.boxes:
            inside = words.percent(box.value / self.view.boxes[0].value)
            said.append(f"{inside} of {self.view.name(self.view.boxes[0])}")
        self.reading.set_text(name, "".join(f" · {part}" for part in said))

    def _save(self) -> None:
        name = f"{self._found.path.stem}-shares" if self._found is not None else "shares"
        _, failure = save_drawing(self, name, self.view.drawing_size, self.view.paint_drawing)
        if failure:
            self._session.store.notice(failure, "error")

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange and self._found is not None:
            self._show_way(self.view.top, self.view.count)
        super().changeEvent(event)
