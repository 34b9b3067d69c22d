"""A parameter beside what its optimizer keeps of it: moments, their ratio, and how many steps were taken."""

from __future__ import annotations

from array import array
from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout

from inspector.gui import theme
from inspector.gui.one_line_label import OneLineLabel
from inspector.gui.picture_view import PictureView
from inspector.gui.statistics_tiles import StatisticsTiles, Tile
from inspector.gui.views.axis import Axis, Scale
from inspector.gui.views.kinship import optimizer_parts
from inspector.gui.views.plot import Curve, Plot
from inspector.gui.views.plot_canvas import PlotCanvas
from inspector.gui.views.plot_page import PlotPage, toggle
from inspector.gui.views.registry import Subject
from inspector.gui.views.view_bar import slim
from inspector.session import Session, words
from inspector.session.state import TensorView
from inspector.session.viewing import view_of_answer

_CARD_WIDTH = 260  # logical pixels at the least
_PICTURE_HEIGHT = 120
_PLOT_HEIGHT = 110

#: What the parts mean, by the names that torch's optimizers give them.
MEANINGS = {
    "parameter": "The parameter itself",
    "exp_avg": "Running mean of the gradient",
    "exp_avg_sq": "Running mean of the squared gradient",
    "max_exp_avg_sq": "Greatest running mean of the squared gradient so far (AMSGrad)",
    "momentum_buffer": "Momentum: the gradients so far, older ones weighing less",
    "square_avg": "Running mean of the squared gradient",
    "grad_avg": "Running mean of the gradient",
    "acc_delta": "Running mean of the squared update",
    "sum": "Sum of the squared gradients",
    "exp_inf": "Greatest gradient so far, older ones weighing less",
    "ratio": "Near 1 where the gradient keeps its sign, near 0 where it goes back and forth",
}


class OptimizerView(PlotPage):
    """Cards side by side: the parameter, each moment, and the moments' ratio."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.cards: list[StateCard] = []
        self.steps = OneLineLabel(Qt.TextElideMode.ElideRight)
        self.steps.setProperty("muted", True)
        self.back = QPushButton("Go to parameter")
        self.back.setToolTip("Select the parameter that this is the optimizer's state of")
        self.back.clicked.connect(lambda: self._go_to("parameter"))
        self.log = toggle("Log count", "Log count", "Show the logarithm of the counts: rare values are seen too")
        self.log.setChecked(True)
        self.log.toggled.connect(self._show_counts)
        self.bar.add(slim(self.back))
        self.bar.add(slim(self.log))
        self.bar.add(self.steps)
        self._grid = QGridLayout()
        self._grid.setSpacing(10)
        self.column.addLayout(self._grid)
        self.column.addStretch(1)
        self._question = self.question()
        self._found: dict[str, int] = {}

    def show_subject(self, subject: Subject) -> None:
        """Show a parameter and its optimizer's state; the tensor may be any of them."""
        self.forget()
        self.subject = subject
        self._found = optimizer_parts(subject.summary, subject.tensor)
        self.back.setVisible(subject.tensor != self._found["parameter"])
        self.steps.set_text("")
        self._show_cards([])
        self.say("")
        self.wait_for("Reading the optimizer's state…")
        readable = {name: tensor for name, tensor in self._found.items() if not subject.summary.problems[tensor]}
        params = {"parts": list(readable)}
        self._question.ask(subject, "optimizer_state", list(readable.values()), params, self._take)

    def forget(self) -> None:
        """Give up what was asked."""
        self._question.drop()

    def canvases(self) -> list[PlotCanvas]:
        """Return the cards' plots."""
        return [card.canvas for card in self.cards]

    def _take(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        self.say("")
        assert self.subject is not None
        cards, values = [], []
        for place, part in enumerate(result["parts"]):
            name, tensor = str(part["name"]), self._found.get(str(part["name"]), -1)
            view = view_of_answer(tensor, part, buffers[3 * place : 3 * place + 3])
            if view.statistics.get("numel") == 1 and name not in ("parameter", "ratio"):
                values.append(f"{name} {_whole(view.statistics.get('max'))}")
                continue
            shape = self.subject.summary.shape(tensor if tensor >= 0 else self._found["parameter"])
            card = StateCard(name, view, shape, selected=tensor == self.subject.tensor)
            card.title.clicked.connect(lambda _=False, name=name: self._go_to(name))
            cards.append(card)
        self.steps.set_text(" · ".join(values))
        self._show_cards(cards)
        self._show_counts()

    def _show_cards(self, cards: list[StateCard]) -> None:
        for old in self.cards:
            self._grid.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.cards = cards
        self._lay_out()

    def _lay_out(self) -> None:
        """Put as many cards in a row as there is room for."""
        columns = max(1, min(len(self.cards), self.width() // _CARD_WIDTH, 3))
        for place, card in enumerate(self.cards):
            self._grid.addWidget(card, *divmod(place, columns))
        for column in range(3):
            self._grid.setColumnStretch(column, int(column < columns))

    def _show_counts(self) -> None:
        for card in self.cards:
            card.show_counts(logarithmic=self.log.isChecked())

    def _go_to(self, name: str) -> None:
        tensor = self._found.get(name, -1)
        if self.subject is not None and tensor >= 0:
            self.session.select_tensor(self.subject.checkpoint, tensor)

    def drawing_size(self) -> QSize:
        """Return the size of the cards."""
        self.column.activate()  # they may have come in this very turn of the loop
        return self._grid.geometry().size()

    def paint_drawing(self, painter: QPainter, rect: QRectF) -> None:
        """Paint the cards as they are."""
        corner = self._grid.geometry().topLeft()
        for card in self.cards:
            painter.save()
            painter.translate(rect.topLeft() + (card.pos() - corner).toPointF())
            card.render(painter, card.rect().topLeft())
            painter.restore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the cards out for the new width."""
        super().resizeEvent(event)
        self._lay_out()


class StateCard(QFrame):
    """One part of an optimizer's state: its picture, its distribution, its figures."""

    def __init__(self, name: str, view: TensorView, shape: tuple[int, ...], *, selected: bool) -> None:
        super().__init__()
        self.setProperty("card", True)
        self._view = view
        self.title = QPushButton("|exp_avg| / √exp_avg_sq" if name == "ratio" else name)
        self.title.setProperty("flat", True)
        self.title.setEnabled(view.tensor >= 0 and not selected)
        meaning = MEANINGS.get(name, "State that the optimizer keeps of this parameter")
        self.title.setToolTip(meaning + (". Click to select it" if self.title.isEnabled() else ""))
        self._selected = selected
        self.picture = PictureView()
        self.picture.set_limit(_PICTURE_HEIGHT)
        self.picture.show_picture(view, shape)
        self.canvas = PlotCanvas(f"Distribution of {name}", height=_PLOT_HEIGHT)
        self.tiles = StatisticsTiles()
        self.tiles.show_tiles(_tiles(view))
        row = QHBoxLayout()
        row.addWidget(self.title)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 10)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.picture)
        column.addStretch(1)
        column.addWidget(self.canvas)
        column.addWidget(self.tiles)
        self._dress()

    def show_counts(self, *, logarithmic: bool) -> None:
        """Show the distribution, the counts on a log scale or a linear one."""
        edges, counts = array("d", self._view.edges), array("d", self._view.counts)
        if not edges:
            return
        scale: Scale = "log" if logarithmic else "linear"
        curve = Curve("bars", edges, counts, signed="x")
        self.canvas.show_plot(Plot(Axis(edges[0], edges[-1]), (curve,), y_scale=scale, counts=True), keep_range=False)

    def _dress(self) -> None:
        c = theme.colors()
        colour = c.text if self._selected else c.accent if self.title.isEnabled() else c.muted
        theme.dress(
            self.title,
            f"QPushButton {{ color: {colour}; font-weight: 600; padding: 2px 0; border: none; text-align: left; }}"
            f"QPushButton:focus {{ text-decoration: underline; }}",
        )

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of a new theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)


def _tiles(view: TensorView) -> list[Tile]:
    statistics = view.statistics
    odd = (statistics.get("nan") or 0) + (statistics.get("inf") or 0)
    named = [
        Tile("min", words.figure(statistics.get("min")), "The least finite value"),
        Tile("max", words.figure(statistics.get("max")), "The greatest finite value"),
        Tile("mean", words.figure(statistics.get("mean")), "Mean of the finite values"),
        Tile("std", words.figure(statistics.get("std")), "Standard deviation of the finite values"),
    ]
    if odd:
        named.append(Tile("NaN / Inf", words.figure(odd), "Elements that are NaN or infinite", view.tensor >= 0))
    return named


def _whole(value: float | int | None) -> str:
    """Return a count that may be kept as a float."""
    return words.number(int(value)) if isinstance(value, float) and value.is_integer() else words.figure(value)
