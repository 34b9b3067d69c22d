"""A batch norm, whole: its parts by channel, one below the other, and what they make of a channel in eval mode."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from functools import partial
from typing import Any

from inspector.gui.combo import Combo
from inspector.gui.views.axis import Axis
from inspector.gui.views.kinship import batch_norm_parts
from inspector.gui.views.plot import Colour, Curve, Mark, Plot
from inspector.gui.views.plot_canvas import PlotCanvas
from inspector.gui.views.plot_page import PlotPage, doubles
from inspector.gui.views.registry import Subject
from inspector.gui.views.view_bar import slim
from inspector.session import Session, words

_EPS = ("1e-05", "0.001", "0.0001", "1e-06", "1e-12")
_LEAST_HEIGHT = 80
#: A variance that spans more than this is shown on a log scale.
_WIDE = 100.0
#: Channels that are marked where they are NaN or Inf.
_MOST_ODD = 200

#: The plots: the worker's name, the title, and whether values lie on either side of zero.
_PLOTS = (
    ("weight", "gamma (weight)", True),
    ("bias", "beta (bias)", True),
    ("running_mean", "running mean", True),
    ("running_var", "running variance", False),
    ("scale", "effective scale, gamma / √(variance + eps)", True),
)
_ORDERS = (("", "channel"), ("weight", "gamma"), ("running_var", "variance"), ("scale", "effective scale"))


class BatchNormView(PlotPage):
    """Plots that share their channels: zoom, place and cursor are the same in all."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.plots = {name: PlotCanvas(title, height=_LEAST_HEIGHT) for name, title, _ in _PLOTS}
        for name, canvas in self.plots.items():
            canvas.set_reader(partial(self._read, name))
            canvas.range_changed.connect(partial(self._follow_range, canvas))
            canvas.pointed.connect(self._follow_cursor)
            self.column.addWidget(canvas, 1)
        self.column.setSpacing(2)
        self.order = Combo()
        for name, text in _ORDERS:
            self.order.addItem(text, name)
        self.order.setAccessibleName("Order of the channels")
        self.order.setToolTip("What the channels are sorted by, the largest magnitude first")
        self.eps = Combo()
        for text in _EPS:
            self.eps.addItem(f"{float(text):g}", float(text))
        self.eps.setAccessibleName("Epsilon")
        self.eps.setToolTip("What is added to the variance; the weights don't tell it. 1e-05 is torch's default")
        self.bar.add(slim(self.order), "Sort by")
        self.bar.add(slim(self.eps), "eps")
        self._question = self.question()
        self.order.currentIndexChanged.connect(self._reorder)
        self.eps.currentIndexChanged.connect(self._ask)
        self._parts: dict[str, Sequence[float]] = {}
        self._near_zero: bytes = b""
        self._channels: list[int] = []

    def show_subject(self, subject: Subject) -> None:
        """Show the batch norm that a tensor is a part of."""
        self.forget()
        self.subject = subject
        self._parts, self._near_zero, self._channels = {}, b"", []
        for canvas in self.plots.values():
            canvas.show_plot(Plot(Axis(0.0, 1.0)))
        self.say("")
        self.wait_for("Reading the batch norm…")
        self._ask()

    def forget(self) -> None:
        """Give up what was asked."""
        self._question.drop()

    def canvases(self) -> list[PlotCanvas]:
        """Return the plots of the parts that there are."""
        return [self.plots[name] for name in self.plots if name in self._parts]

    # -- asking ------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        if self.subject is None:
            return
        found = batch_norm_parts(self.subject.summary, self.subject.tensor)
        params = {"parts": list(found), "eps": self.eps.currentData()}
        self._question.ask(self.subject, "batch_norm", list(found.values()), params, self._take)

    def _take(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        named = dict(zip(result["parts"], buffers, strict=True))
        first = not self._parts
        self._near_zero = bytes(named.pop("near_zero", b""))
        self._parts = {name: doubles(raw) for name, raw in named.items()}
        self.say(_switched_off(sum(self._near_zero), len(self._near_zero)) or self._untouched())
        self._reorder(keep_range=not first)

    def _untouched(self) -> str:
        """Tell where the running figures are those that a layer begins with."""
        if any(self._parts["running_mean"]) or any(value != 1 for value in self._parts["running_var"]):
            return ""
        return "Running mean 0 and variance 1 in every channel: never trained, or folded into the layer before it."

    # -- showing -----------------------------------------------------------------------------------------------

    def _reorder(self, _index: int = 0, *, keep_range: bool = True) -> None:
        """Put the channels in the order that was chosen."""
        if not self._parts:
            return
        count = len(next(iter(self._parts.values())))
        by = self._parts.get(str(self.order.currentData() or ""))
        self._channels = list(range(count))
        if by is not None:
            self._channels.sort(key=lambda channel: _rank(by[channel]))
        for name, title, signed in _PLOTS:
            canvas = self.plots[name]
            canvas.setVisible(name in self._parts)
            if name in self._parts:
                canvas.show_plot(self._plot(name, title, signed), keep_range=keep_range)
        self._line_up()

    def _plot(self, name: str, title: str, signed: bool) -> Plot:
        values = array("d", map(self._parts[name].__getitem__, self._channels))
        edges = array("d", (place - 0.5 for place in range(len(values) + 1)))
        curves = [Curve("bars", edges, values, signed="y" if signed else "")]
        off = [place for place, channel in enumerate(self._channels) if name == "weight" and self._near_zero[channel]]
        if off:
            colour: Colour = "warning"
            at, heights = array("d", map(float, off)), array("d", (values[place] for place in off))
            curves.append(Curve("points", at, heights, "near 0", colour))
        odd = [place for place, value in enumerate(values) if not math.isfinite(value)][:_MOST_ODD]
        known = [value for value in values if math.isfinite(value)]
        wide = not signed and bool(known) and 0 < min(known) < max(known) / _WIDE
        last = list(self.plots).index(name) == len(self.plots) - 1
        ordered = f"Rank by {self.order.currentText()}" if self.order.currentData() else "Channel"
        return Plot(
            Axis(-0.5, len(values) - 0.5),
            tuple(curves),
            tuple(Mark(float(place), colour="warning") for place in odd),
            x_title=ordered if last else "",
            y_title=f"{title}, log scale" if wide else title,
            y_scale="log" if wide else "linear",
            narrowest=4.0,
            whole_numbers=True,
            bare=not last,
        )

    def _follow_range(self, moved: PlotCanvas) -> None:
        for canvas in self.canvases():
            if canvas is not moved:
                canvas.show_range(moved.seen_x)
        self._line_up()

    def _line_up(self) -> None:
        """Let a channel lie at the same place in all plots."""
        shown = self.canvases()
        widest = max(canvas.gutter for canvas in shown)
        for canvas in shown:
            canvas.set_gutter(widest)

    def _follow_cursor(self, x: float | None) -> None:
        for canvas in self.canvases():
            canvas.show_cursor(x)

    def _read(self, name: str, x: float, _y: float) -> str:
        if not self._channels or name not in self._parts:
            return ""
        channel = self._channels[min(max(0, round(x)), len(self._channels) - 1)]
        value = self._parts[name][channel]
        text = words.figure(value) if math.isfinite(value) else "NaN or Inf"
        return f"channel {words.number(channel)}: {text}"


def _rank(value: float) -> tuple[bool, float]:
    """The largest magnitude first, what is not finite last."""
    return not math.isfinite(value), -abs(value) if math.isfinite(value) else 0.0


def _switched_off(off: int, channels: int) -> str:
    if not off:
        return ""
    of_all = f"{words.plural(off, 'channel')} of {words.number(channels)}"
    return f"{of_all} {'has' if off == 1 else 'have'} a gamma near 0: almost nothing but beta comes out of there."
