"""The values of a 1-d tensor, or of one line of any other, as a plot; millions of them lose no extreme."""

from __future__ import annotations

import math
from array import array
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QSpinBox

from inspector.gui.combo import Combo
from inspector.gui.views.axis import Axis
from inspector.gui.views.plot import Curve, Mark, Plot
from inspector.gui.views.plot_canvas import PlotCanvas
from inspector.gui.views.plot_page import SETTLED, PlotPage, doubles, integers, toggle
from inspector.gui.views.registry import Subject
from inspector.gui.views.view_bar import slim
from inspector.session import Session, words

#: Values that are marked one by one where they are NaN or Inf; no narrower a range is zoomed to.
_MOST_ODD = 200
_NARROWEST = 4.0
_MOST_DIMENSIONS = 8
_LEAST_GROUPS, _MOST_GROUPS = 256, 4_096


class PlotView(PlotPage):
    """One line of values over their index."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.canvas = PlotCanvas("Values by index")
        self.canvas.set_reader(self._read)
        self.along = Combo()
        self.along.setAccessibleName("Dimension that is plotted")
        self.along.setToolTip("The dimension along which values are plotted")
        self.at: list[QSpinBox] = []
        self.ordered = toggle("Sorted", "Sorted by value", "Show the values from the least to the greatest")
        self.log = toggle("Log", "Logarithmic values", "Show magnitudes on a log scale, on either side of zero")
        self.bar.add(slim(self.ordered))
        self.bar.add(slim(self.log))
        self.bar.add(self.along, "Along")
        for dim in range(_MOST_DIMENSIONS):
            box = QSpinBox()
            box.setAccessibleName(f"Index along dimension {dim}")
            box.lineEdit().setTextMargins(4, 0, 4, 0)
            box.setAccelerated(True)
            box.setKeyboardTracking(False)
            box.valueChanged.connect(self._line_changed)
            self.at.append(box)
            self.bar.add(box, f"dim {dim}")
        self.column.addWidget(self.canvas, 1)
        self._question = self.question()
        self._settle = QTimer(self, interval=SETTLED, singleShot=True)
        self._settle.timeout.connect(self._ask)
        self.canvas.range_changed.connect(self._settle.start)
        self.along.currentIndexChanged.connect(self._axis_changed)
        self.ordered.toggled.connect(self._line_changed)
        self.log.toggled.connect(self._show)
        self._clear()

    def _clear(self) -> None:
        self._starts, self._odd = array("q"), array("q")
        self._low, self._high = array("d"), array("d")
        self._size = 0

    @property
    def axis(self) -> int:
        """The dimension along which values are shown."""
        return int(self.along.currentData() or 0)

    def show_subject(self, subject: Subject) -> None:
        """Show a tensor's longest dimension, at the start of the others."""
        self.forget()
        self.subject = subject
        shape = subject.shape
        for widget in (self.along, *self.at):
            widget.blockSignals(True)
        self.along.clear()
        for dim, size in enumerate(shape):
            if size > 1:
                self.along.addItem(f"dim {dim} ({words.number(size)})", dim)
        slim(self.along)  # as wide as its entries
        longest = max(range(len(shape)), key=lambda dim: shape[dim])
        self.along.setCurrentIndex(self.along.findData(longest))
        for dim, box in enumerate(self.at):
            box.setRange(0, max(0, shape[dim] - 1) if dim < len(shape) else 0)
            box.setValue(0)
            last = words.number(box.maximum())
            box.setToolTip(f"Index along dimension {dim}, 0 to {last}: type it, or use Up and Down")
        for widget in (self.along, *self.at):
            widget.blockSignals(False)
        self._begin()

    def forget(self) -> None:
        """Give up what was asked."""
        self._settle.stop()
        self._question.drop()

    def canvases(self) -> list[PlotCanvas]:
        """Return the one plot."""
        return [self.canvas]

    # -- asking ------------------------------------------------------------------------------------------------

    def _axis_changed(self) -> None:
        if self.subject is not None and self.along.count():
            self._begin()

    def _begin(self) -> None:
        """Show a line of another length, all of it."""
        assert self.subject is not None
        shape = self.subject.shape
        many = self.along.count() > 1
        self.bar.set_shown(self.along, many)
        for dim, box in enumerate(self.at):
            self.bar.set_shown(box, many and dim < len(shape) and dim != self.axis and shape[dim] > 1)
        self._clear()
        self._size = shape[self.axis]
        self.canvas.show_plot(self._plot())
        self.say("")
        self.wait_for("Reading the values…")
        self._ask()

    def _line_changed(self) -> None:
        """Show another line of the same length: zoom and place stay."""
        if self.subject is not None:
            self._ask()

    def _ask(self) -> None:
        """Ask for what is seen, with as much again on either side, in as many groups as there are pixels."""
        if self.subject is None:
            return
        seen, shape = self.canvas.seen_x, self.subject.shape
        first, last = math.floor(seen.low), math.ceil(seen.high) + 1
        span = last - first
        start, stop = max(0, first - span), min(self._size, last + span)
        pixels = int(self.canvas.width() * self.canvas.devicePixelRatioF())
        groups = max(_LEAST_GROUPS, min(_MOST_GROUPS, pixels)) * max(1, stop - start) // max(1, min(span, self._size))
        # the index of the dimension that is plotted is passed over
        at = [box.value() for box in self.at[: len(shape)]] + [0] * (len(shape) - len(self.at))
        params = {"axis": self.axis, "at": at, "start": start, "stop": stop, "groups": groups}
        params["ordered"] = self.ordered.isChecked()
        elements = self._size if self.ordered.isChecked() else stop - start
        self._question.ask(self.subject, "tensor_line", [self.subject.tensor], params, self._take, elements)

    def _take(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        self._starts, self._odd = integers(buffers[0]), integers(buffers[3])
        self._low, self._high = doubles(buffers[1]), doubles(buffers[2])
        odd = sum(self._odd)
        self.say(f"{words.plural(odd, 'value')} here {'is' if odd == 1 else 'are'} NaN or Inf" if odd else "")
        self._show()

    # -- showing -----------------------------------------------------------------------------------------------

    @property
    def _is_single(self) -> bool:
        """Whether every group is one value."""
        return bool(self._low) and self._starts[-1] - self._starts[0] == len(self._low)

    def _plot(self) -> Plot:
        curves: tuple[Curve, ...] = ()
        if self._is_single:
            curves = (Curve("line", array("d", self._starts[:-1]), self._low),)
        elif len(self._low):
            middles = array("d", ((a + b - 1) / 2 for a, b in zip(self._starts, self._starts[1:], strict=False)))
            curves = (Curve("band", middles, self._high, low=self._low),)
        odd = [start for start, count in zip(self._starts, self._odd, strict=False) if count][:_MOST_ODD]
        magnitudes = [abs(value) for value in (*self._low, *self._high) if math.isfinite(value) and value]
        return Plot(
            Axis(-0.5, max(self._size, 2) - 0.5),
            curves,
            tuple(Mark(float(start), colour="warning") for start in odd),
            x_title="Rank, from the least" if self.ordered.isChecked() else "Index",
            y_scale="symlog" if self.log.isChecked() else "linear",
            # three decades above what is smallest by far are enough to tell apart
            y_threshold=max(max(magnitudes, default=1.0) / 1e4, min(magnitudes, default=1.0)),
            narrowest=_NARROWEST,
            whole_numbers=True,
        )

    def _show(self) -> None:
        self.canvas.show_plot(self._plot(), keep_range=True)

    def _read(self, x: float, _y: float) -> str:
        """Return index and value, or the range of a group of them."""
        if not len(self._low):
            return ""
        place = Curve("line", array("d", self._starts[:-1]), self._low).nearest(x)
        if not self._is_single and self._starts[place] > x and place:
            place -= 1
        first, last = self._starts[place], self._starts[place + 1] - 1
        where = words.number(first) if first == last else f"{words.number(first)} … {words.number(last)}"
        low, high = self._low[place], self._high[place]
        odd = " (NaN or Inf)" if self._odd[place] else ""
        if not math.isfinite(low):
            return f"[{where}] NaN or Inf"
        value = words.figure(low) if first == last or low == high else f"{words.figure(low)} … {words.figure(high)}"
        return f"[{where}] {value}{odd if first != last else ''}"
