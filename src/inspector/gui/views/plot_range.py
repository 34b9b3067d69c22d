"""The part of a plot that is seen: zoomed, moved and fitted. No Qt in here."""

from __future__ import annotations

from inspector.gui.views.axis import Axis
from inspector.gui.views.plot import Plot


class PlotRange:
    """What is seen of a plot.

    Attributes
    ----------
    plot
        What there is.
    x
        The part of x that is seen.
    zoomed_y
        The part of y, where the person has chosen it; None while it follows what is seen.
    """

    def __init__(self) -> None:
        self.plot = Plot(Axis(0.0, 1.0))
        self.x = self.plot.x
        self.zoomed_y: Axis | None = None

    @property
    def y(self) -> Axis:
        """The part of y that is seen."""
        return self.zoomed_y if self.zoomed_y is not None else self.plot.fitted_y(self.x)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is seen."""
        return self.x == self.plot.x and self.zoomed_y is None

    def show(self, plot: Plot, *, keep: bool) -> None:
        """See another plot, all of it, or the part that is seen now where its axes are of the same scales."""
        kept = self.x if keep and plot.x.scale == self.x.scale else plot.x
        self.plot, self.x = plot, kept.kept_within(plot.x)
        if not keep or (self.zoomed_y is not None and self.zoomed_y.scale != plot.y_scale):
            self.zoomed_y = None

    def fit(self) -> None:
        """See all of it."""
        self.x, self.zoomed_y = self.plot.x, None

    def zoom(self, factor: float, right: float, up: float) -> None:
        """Zoom x, of a plane both axes, keeping what is at a place: shares of the plot's width and height."""
        if self.plot.plane:
            self.zoom_y(factor, up)
        if self.plot.narrowest and factor > 1:
            factor = min(factor, max(1.0, (self.x.high - self.x.low) / self.plot.narrowest))
        self.x = self.x.zoomed(factor, min(1.0, max(0.0, right))).kept_within(self.plot.x)

    def zoom_y(self, factor: float, up: float) -> None:
        """Zoom y alone; once all that is seen fits, y follows it again."""
        self.zoomed_y = self.y.zoomed(factor, min(1.0, max(0.0, up)))
        whole = self.plot.fitted_y(self.x)
        if factor < 1 and whole.place(self.zoomed_y.high) - whole.place(self.zoomed_y.low) >= 1:
            self.zoomed_y = None

    def move(self, right: float, up: float) -> None:
        """Move what is seen by shares of the plot's width and height; up only where y was zoomed."""
        if self.zoomed_y is not None:
            self.zoomed_y = self.zoomed_y.moved(up)
        self.x = self.x.moved(right).kept_within(self.plot.x)
