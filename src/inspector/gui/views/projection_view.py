"""The rows of an embedding, or any matrix, as points of a plane: near one another where they are alike."""

from __future__ import annotations

from array import array
from typing import Any

from inspector.gui.combo import Combo
from inspector.gui.views.axis import Axis, fitting
from inspector.gui.views.long_page import LongPage
from inspector.gui.views.plot import Curve, Plot
from inspector.gui.views.plot_canvas import PlotCanvas
from inspector.gui.views.plot_page import doubles, integers
from inspector.gui.views.registry import Subject
from inspector.gui.views.view_bar import slim
from inspector.session import Session, words

_PAIRS = ((0, 1), (0, 2), (1, 2))
#: Room around the points, as a share of their range.
_MARGIN = 0.05


class ProjectionView(LongPage):
    """A cloud of points along two of the three first principal components."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "tensor_projection", "Finding the principal components")
        self.canvas = PlotCanvas("Rows as points")
        self.canvas.set_reader(self._read)
        self.pair = Combo()
        for first, second in _PAIRS:
            self.pair.addItem(f"{first + 1} and {second + 1}", (first, second))
        self.pair.setMinimumContentsLength(7)
        self.pair.setAccessibleName("Components")
        self.pair.setToolTip("Which two principal components the points are seen along")
        self.bar.add(slim(self.pair), "Components")
        self.column.addWidget(self.canvas, 1)
        self.pair.currentIndexChanged.connect(self._show)
        self._clear()

    def _clear(self) -> None:
        self._components: list[array[float]] = []
        self._rows = array("q")
        self._shares: list[float] = []

    def show_subject(self, subject: Subject) -> None:
        """Show a tensor's rows."""
        self.subject = subject
        self._clear()
        self._show()
        self.begin()

    def canvases(self) -> list[PlotCanvas]:
        """Return the one plot."""
        return [self.canvas]

    def take(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        """Show the answer."""
        every, self._rows = doubles(buffers[0]), integers(buffers[1])
        points = len(self._rows)
        self._components = [every[start : start + points] for start in range(0, len(every), points)]
        self._shares = list(map(float, result["shares"]))
        while len(self._components) < 2:  # a matrix of one column
            self._components.append(array("d", bytes(8 * points)))
            self._shares.append(0.0)
        for place, pair in enumerate(_PAIRS):
            item = self.pair.model().item(place)  # type: ignore[attr-defined]
            item.setEnabled(max(pair) < len(self._components))
        total = int(result["rows"])
        if points < total:
            shown = f"{words.number(points)} of {words.number(total)} rows"
            self.say(f"A sample: {shown} are shown. The components are those of all rows.")
        self._show()

    @property
    def _chosen(self) -> tuple[int, int]:
        first, second = self.pair.currentData()
        return (first, second) if max(first, second) < len(self._components) else (0, 1)

    def _show(self) -> None:
        self.canvas.setVisible(bool(self._components))
        if not self._components:
            return
        first, second = self._chosen
        x, y = self._components[first], self._components[second]
        across, up = _range(x), _range(y)
        self.canvas.show_plot(
            Plot(
                across,
                (Curve("points", x, y),),
                (),
                self._title(first),
                self._title(second),
                y_range=(up.low, up.high),
                plane=True,
            )
        )

    def _title(self, component: int) -> str:
        return f"component {component + 1} ({words.percent(self._shares[component])} of the variance)"

    def _read(self, x: float, y: float) -> str:
        """Tell which row a point is."""
        if not self._components:
            return ""
        first, second = self._chosen
        at = (place for place, point in enumerate(self._components[first]) if point == x)
        row = next((place for place in at if self._components[second][place] == y), -1)
        return f"Row {words.number(self._rows[row])}\n{words.figure(x)}, {words.figure(y)}" if row >= 0 else ""


def _range(values: array[float]) -> Axis:
    low, high = min(values), max(values)
    return fitting(low, high, "linear", _MARGIN)
