"""The distribution of a tensor's values, large: bins of any width, percentiles, and any range counted anew, exactly."""

from __future__ import annotations

from array import array
from functools import partial
from typing import Any

from PySide6.QtCore import QTimer

from inspector.gui.combo import Combo
from inspector.gui.statistics_tiles import StatisticsTiles, Tile
from inspector.gui.views.axis import Axis, tick_text
from inspector.gui.views.plot import Curve, Mark, Plot
from inspector.gui.views.plot_canvas import PlotCanvas
from inspector.gui.views.plot_page import SETTLED, PlotPage, doubles, integers, toggle
from inspector.gui.views.registry import Subject
from inspector.gui.views.view_bar import slim
from inspector.session import Session, words

BINS = (16, 32, 64, 128, 256, 512, 1024)
_USUAL_BINS = 128
_PERCENTILE_NAMES = {25.0: "lower quartile", 50.0: "median", 75.0: "upper quartile"}


class HistogramPage(PlotPage):
    """One large histogram with marks, above its percentiles."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.canvas = PlotCanvas("Distribution of the values")
        self.canvas.set_reader(self._read)
        self.bins = Combo()
        for count in BINS:
            self.bins.addItem(str(count), count)
        self.bins.setCurrentIndex(BINS.index(_USUAL_BINS))
        self.bins.setAccessibleName("Bins")
        self.bins.setToolTip("How many bins the range that is seen is divided into")
        self.log = toggle("Log count", "Log count", "Show the logarithm of the counts: rare values are seen too")
        self.log.setChecked(True)
        self.marks = toggle("Marks", "Percentiles, mean and spread", "Show percentiles, mean ± standard deviation")
        self.marks.setChecked(True)
        self.tiles = StatisticsTiles()
        self.tiles.setAccessibleName("Percentiles")
        self.tiles.copies = "Copy percentiles"
        self.bar.add(slim(self.bins), "Bins")
        self.bar.add(slim(self.log))
        self.bar.add(slim(self.marks))
        self.column.addWidget(self.canvas, 1)
        self.column.addWidget(self.tiles)
        self._first, self._detail, self._ranks = self.question(), self.question(), self.question()
        self._settle = QTimer(self, interval=SETTLED, singleShot=True)
        self._settle.timeout.connect(self._count_range)
        self.canvas.range_changed.connect(self._settle.start)
        self.bins.currentIndexChanged.connect(self._count_again)
        self.log.toggled.connect(self._show)
        self.marks.toggled.connect(self._show)
        self._clear()

    def _clear(self) -> None:
        self._whole: Axis | None = None
        self._curve = Curve("bars", (), ())
        self._single = False  # every bin is one whole number: there is nothing finer to count
        self._statistics: dict[str, Any] = {}
        self._percentiles: list[tuple[float, float]] = []

    def show_subject(self, subject: Subject) -> None:
        """Show a tensor's distribution."""
        self.forget()
        self.subject = subject
        self._clear()
        self._show_tiles()
        self.canvas.show_plot(Plot(Axis(0.0, 1.0)))
        self.say("")
        self.wait_for("Counting the values…")
        self._count_whole()
        self._ranks.ask(subject, "tensor_percentiles", [subject.tensor], {}, self._take_percentiles)

    def forget(self) -> None:
        """Give up what was asked."""
        self._settle.stop()
        for question in (self._first, self._detail, self._ranks):
            question.drop()

    def canvases(self) -> list[PlotCanvas]:
        """Return the one plot."""
        return [self.canvas]

    # -- counting ----------------------------------------------------------------------------------------------

    def _count_whole(self) -> None:
        if self.subject is not None:
            params = {"bins": self.bins.currentData(), "figures": not self._statistics}
            taken = partial(self._take, whole=True)
            self._first.ask(self.subject, "tensor_histogram", [self.subject.tensor], params, taken)

    def _count_again(self) -> None:
        """Count in other bins: what is seen, and all of it for when all is seen."""
        self._detail.drop()
        if self._whole is None or self._single or self.canvas.seen_x == self._whole:
            self._count_whole()
        else:
            self._count_range()

    def _count_range(self) -> None:
        """Count what is seen, with as much again on either side, so that there is something to move into."""
        if self.subject is None or self._whole is None or self._single:
            return
        seen, whole, bins = self.canvas.seen_x, self._whole, int(self.bins.currentData())
        if seen == whole:
            self._count_whole()
            return
        width = (seen.high - seen.low) / bins
        before = min(bins, int((seen.low - whole.low) / width))
        after = min(bins, int((whole.high - seen.high) / width))
        limits = [seen.low - before * width, seen.high + after * width]
        params = {"bins": bins + before + after, "range": limits}
        taken = partial(self._take, whole=False)
        self._detail.ask(self.subject, "tensor_histogram", [self.subject.tensor], params, taken)

    def _take(self, result: dict[str, Any], buffers: list[bytearray], *, whole: bool) -> None:
        edges, counts = doubles(buffers[0]), integers(buffers[1])
        self.say("")
        self._statistics = result["statistics"] or self._statistics
        self._curve = Curve("bars", edges, array("d", counts), signed="x")
        if whole:
            self._whole = Axis(edges[0], edges[-1])
            self._single = bool(result["single"])
        if not (self._statistics.get("numel", 0) - self._not_finite):
            self.say("Nothing in this tensor is finite: there is no distribution.")
        self._show()

    def _take_percentiles(self, result: dict[str, Any], buffers: list[bytearray]) -> None:
        self._percentiles = list(zip(result["percents"], result["values"], strict=False))
        self._show_tiles()
        self._show()

    @property
    def _not_finite(self) -> int:
        return int(self._statistics.get("nan") or 0) + int(self._statistics.get("inf") or 0)

    # -- showing -----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        if self._whole is None or self.subject is None:
            return
        logarithmic = self.log.isChecked()
        what = "Magnitudes" if "complex" in self.subject.summary.dtype(self.subject.tensor) else "Values"
        left_out = f", {words.plural(self._not_finite, 'NaN or Inf', 'NaN or Inf')} left out" * bool(self._not_finite)
        plot = Plot(
            self._whole,
            (self._curve,),
            tuple(self._made_marks()) if self.marks.isChecked() else (),
            y_title=f"{what} per bin{', log scale' if logarithmic else ''}{left_out}",
            y_scale="log" if logarithmic else "linear",
            counts=True,
        )
        self.canvas.show_plot(plot, keep_range=self.canvas.plot.curves != ())

    def _made_marks(self) -> list[Mark]:
        made = [Mark(value, _short_name(percent)) for percent, value in self._percentiles]
        mean, std = self._statistics.get("mean"), self._statistics.get("std")
        if mean is None or std is None:
            return made
        ends = [Mark(mean - std, "−σ", colour="accent"), Mark(mean + std, "+σ", colour="accent")] if std else []
        return [*made, *ends, Mark(mean, "mean", colour="accent", strong=True)]

    def _show_tiles(self) -> None:
        known = dict(self._percentiles) or dict.fromkeys((0.1, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.9))
        self.tiles.show_tiles(
            [Tile(_short_name(percent), words.figure(value), _meaning(percent)) for percent, value in known.items()]
        )

    def _read(self, x: float, _y: float) -> str:
        place = self._curve.nearest(x)
        if place < 0:
            return ""
        low, high = self._curve.x[place], self._curve.x[place + 1]
        count, finite = int(self._curve.y[place]), int(self._statistics.get("numel") or 0) - self._not_finite
        share = f" ({words.percent(count / finite)})" if finite else ""
        if self._single:
            return f"{words.number(round((low + high) / 2))}: {words.plural(count, 'value')}{share}"
        ends = " … ".join(tick_text(edge, (high - low) / 10) for edge in (low, high))
        return f"{ends}\n{words.plural(count, 'value')}{share}"


def _short_name(percent: float) -> str:
    return "median" if percent == 50 else f"{percent:g}{words.THIN}%"


def _meaning(percent: float) -> str:
    name = _PERCENTILE_NAMES.get(percent)
    return f"{percent:g} % of the finite values lie at or below this" + (f": the {name}" if name else "")
