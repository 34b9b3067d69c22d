"""The singular values of a matrix or of flattened filters: how many directions it really uses."""

from __future__ import annotations

from array import array
from typing import Any

from inspector.gui.combo import Combo
from inspector.gui.statistics_tiles import StatisticsTiles, Tile
from inspector.gui.views.axis import Axis
from inspector.gui.views.long_page import LongPage
from inspector.gui.views.plot import Curve, Mark, Plot
from inspector.gui.views.plot_canvas import PlotCanvas
from inspector.gui.views.plot_page import doubles, toggle
from inspector.gui.views.registry import Subject
from inspector.gui.views.view_bar import slim
from inspector.session import Session, words

_VALUES, _ENERGY = "values", "energy"


class SpectrumView(LongPage):
    """One plot, of the singular values or of the energy of the first of them, above what follows from them."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "tensor_spectrum", "Finding the singular values")
        self.canvas = PlotCanvas("Singular values")
        self.canvas.set_reader(lambda x, _y: self._read(x))
        self.shown = Combo()
        self.shown.addItem("Singular values", _VALUES)
        self.shown.addItem("Energy", _ENERGY)
        self.shown.setAccessibleName("What is plotted")
        self.shown.setToolTip("The values, largest first, or the share of the squared norm that the first ones hold")
        self.log = toggle("Log", "Log values", "Show the logarithm of the values", checked=True)
        self.tiles = StatisticsTiles()
        self.tiles.setAccessibleName("Figures of the spectrum")
        self.tiles.copies = "Copy figures"
        self.bar.add(slim(self.shown))
        self.bar.add(slim(self.log))
        self.column.addWidget(self.canvas, 1)
        self.column.addWidget(self.tiles)
        self.shown.currentIndexChanged.connect(self._show)
        self.log.toggled.connect(self._show)
        self._clear()

    def _clear(self) -> None:
        self._result: dict[str, Any] = {}
        self._values, self._energy = array("d"), array("d")

    def show_subject(self, subject: Subject) -> None:
        """Show a tensor's singular values."""
        self.subject = subject
        self._clear()
        self._show()
        self.begin()

    def canvases(self) -> list[PlotCanvas]:
        """Return the one plot."""
        return [self.canvas]

    def take(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        """Show the answer."""
        self._result = result
        self._values, self._energy = doubles(buffers[0]), doubles(buffers[1])
        self._show()

    # -- showing -----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        self.canvas.setVisible(bool(self._values))
        self.tiles.setVisible(bool(self._values))
        self.log.setVisible(self.shown.currentData() == _VALUES)
        if not self._values:
            return
        self.canvas.show_plot(self._plot_of_values() if self.shown.currentData() == _VALUES else self._plot_of_energy())
        self.tiles.show_tiles(self._tiles())

    @property
    def _places(self) -> array[float]:
        return array("d", range(1, len(self._values) + 1))

    def _axis(self) -> Axis:
        return Axis(0.5, len(self._values) + 0.5)

    def _plot_of_values(self) -> Plot:
        log, edge = self.log.isChecked() and self._values[0] > 0, float(self._result["noise_edge"])
        values = array("d", (value if value > 0 or not log else float("nan") for value in self._values))
        kind = "points" if len(values) <= 64 else "line"
        marks = [Mark(edge, "largest by chance", "y")] if 0 < edge < 1e3 * self._values[0] else []
        return Plot(
            self._axis(),
            (Curve(kind, self._places, values),),  # type: ignore[arg-type]
            tuple(marks),
            "singular value",
            y_scale="log" if log else "linear",
            whole_numbers=True,
            narrowest=2.0,
        )

    def _plot_of_energy(self) -> Plot:
        needed = self._result["needed"]
        marks = [
            Mark(float(needed["0.9"]), "90 %", strong=True),
            Mark(float(needed["0.99"]), "99 %"),
        ]
        return Plot(
            self._axis(),
            (Curve("line", self._places, self._energy),),
            tuple(marks),
            "number of singular values",
            y_range=(0.0, 1.02),
            whole_numbers=True,
            narrowest=2.0,
        )

    def _read(self, x: float) -> str:
        place = min(max(0, round(x) - 1), len(self._values) - 1)
        if place < 0:
            return ""
        energy = words.percent(self._energy[place])
        return f"{place + 1}: {words.figure(self._values[place])}\nthe first {place + 1} hold {energy}"

    def _tiles(self) -> list[Tile]:
        result, most = self._result, len(self._values)
        condition = result["condition"]
        return [
            Tile("largest", words.figure(self._values[0]), "The largest singular value: the most that it stretches"),
            Tile("rank", f"{words.number(result['rank'])} of {words.number(most)}",
                 "Values above rounding, as torch.linalg.matrix_rank counts them"),
            Tile("effective rank", f"{result['effective_rank']:.1f}",
                 "exp of the entropy of the values' shares: how many directions it uses about evenly"),
            Tile("stable rank", f"{result['stable_rank']:.1f}",
                 "The squared norm by the squared largest value"),
            Tile("for 90 %", words.number(result["needed"]["0.9"]),
                 "So many of the first values hold 90 % of the squared norm"),
            Tile("for 99 %", words.number(result["needed"]["0.99"]),
                 "So many of the first values hold 99 % of the squared norm"),
            Tile("condition", words.figure(condition) if condition is not None else "∞",
                 "The largest value by the smallest"),
        ]  # fmt: skip
