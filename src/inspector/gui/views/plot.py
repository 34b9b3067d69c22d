"""What a plot shows: curves, marks and axes. No Qt in here, and no numpy: values come as buffers from the worker."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from inspector.gui.views.axis import Axis, Scale, fitting

CurveKind = Literal["line", "points", "bars", "area", "band"]
#: A colour of the theme, by its name in `inspector.gui.theme.Colors`.
Colour = Literal["accent", "negative_value", "positive_value", "muted", "text", "positive", "warning", "danger"]

#: Room above the highest and below the lowest value, as a share of the plot's height.
_ROOM = 0.06
#: Counts are at least 1: on a log scale the floor lies below, so that 1 is seen.
_COUNT_FLOOR = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Values to draw.

    Attributes
    ----------
    x
        Increasing but for ``points``; of ``bars`` the edges, one more than there are in `y`.
    y
        NaN where there is none: a line is broken there.
    low
        Of a ``band``: the lower ends, `y` being the upper ones.
    name
        What the legend says; nothing where it is empty.
    signed
        By which of its numbers colours tell what lies below zero; by none, it has the one `colour`.
    """

    kind: CurveKind
    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    colour: Colour = "accent"
    low: Sequence[float] | None = None
    signed: Literal["", "x", "y"] = ""

    def center(self, place: int) -> float:
        """Return the `x` of the middle of a bar, of any other curve of the value itself."""
        return self.x[place] / 2 + self.x[place + 1] / 2 if self.kind == "bars" else self.x[place]

    def nearest(self, x: float) -> int:
        """Return the place of the value whose `x` is nearest (the bar that it lies on), -1 where there is none."""
        if not len(self.y):
            return -1
        if self.kind == "bars":
            return min(max(0, bisect_right(self.x, x) - 1), len(self.y) - 1)
        if self.kind == "points":
            return min(range(len(self.x)), key=lambda place: abs(self.x[place] - x))
        after = min(bisect_left(self.x, x), len(self.x) - 1)
        return after - 1 if after and x - self.x[after - 1] <= self.x[after] - x else after

    def nearest_of_plane(self, x: float, y: float, across: Axis, up: Axis) -> tuple[float, float]:
        """Return the point that is seen nearest to a place of a plane; the place itself where there are no points."""
        wide, tall = across.high - across.low, up.high - up.low

        def distance(point: tuple[float, float]) -> float:
            return ((point[0] - x) / wide) ** 2 + ((point[1] - y) / tall) ** 2

        return min(zip(self.x, self.y, strict=True), key=distance, default=(x, y))

    def within(self, low: float, high: float) -> range:
        """Return the places of the values between two `x`, with one more at either end for lines that lead out."""
        if self.kind == "points":
            return range(len(self.y))
        first, last = bisect_left(self.x, low) - 1, bisect_right(self.x, high) + 1
        return range(max(0, first), min(len(self.y), last))


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across the plot with a word at its end.

    Attributes
    ----------
    along
        ``"x"``: it stands at a value of x; ``"y"``: it lies at one of y.
    strong
        Whether it is whole rather than dashed, and its word the last to give way where there is little room.
    """

    value: float
    text: str = ""
    along: Literal["x", "y"] = "x"
    colour: Colour = "muted"
    strong: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """Curves in one frame.

    Attributes
    ----------
    x
        All that there is to see.
    y_scale, y_threshold
        The range itself follows what is seen, unless the person zooms it.
    y_range
        Where given, the range of y that is seen at first.
    narrowest
        The least range of x that can be zoomed to; 0: as far as numbers go.
    plane
        Whether both axes mean the same, so that they are zoomed together.
    whole_numbers
        Whether there is nothing between two whole numbers of x, such as indices.
    counts
        Whether y counts something, so that 1 is the least that is seen on a log scale.
    bare
        Whether there are no figures along x: another plot below has them.
    """

    x: Axis
    curves: tuple[Curve, ...] = ()
    marks: tuple[Mark, ...] = ()
    x_title: str = ""
    y_title: str = ""
    y_scale: Scale = "linear"
    y_threshold: float = 1.0
    y_range: tuple[float, float] | None = None
    narrowest: float = 0.0
    plane: bool = False
    whole_numbers: bool = False
    counts: bool = False
    bare: bool = False

    def fitted_y(self, x: Axis) -> Axis:
        """Return the axis on which all that lies in a range of `x` is seen."""
        if self.y_range is not None:
            return Axis(*self.y_range, self.y_scale, self.y_threshold)
        values = list(self._seen(x))
        low, high = min(values, default=0.0), max(values, default=1.0)
        if self.y_scale == "log":
            axis = fitting(_COUNT_FLOOR if self.counts else low, high, "log")
            return Axis(axis.value(0.0 if self.counts else -_ROOM), axis.value(1 + _ROOM), "log")
        flat = any(curve.kind in ("bars", "area") for curve in self.curves)
        low, high = (min(0.0, low), max(0.0, high)) if flat else (low, high)
        axis = fitting(low, high, self.y_scale, 0.0, self.y_threshold)
        below, above = (
            (0.0 if flat and low == 0 else _ROOM),
            (0.0 if flat and high == 0 else _ROOM),
        )
        return Axis(axis.value(-below), axis.value(1 + above), self.y_scale, self.y_threshold)

    def _seen(self, x: Axis) -> Iterator[float]:
        for curve in self.curves:
            places = curve.within(x.low, x.high)
            for ends in (curve.y, curve.low):
                if ends is not None:
                    yield from (
                        value
                        for value in ends[places.start : places.stop]
                        if math.isfinite(value) and (self.y_scale != "log" or value > 0)
                    )
