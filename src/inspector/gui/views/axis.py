"""One axis of a plot: from values to a share of its length and back, and where its figures stand. No Qt in here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from inspector.session.words import THIN

Scale = Literal["linear", "log", "symlog"]

#: Steps between figures, times a power of ten.
_STEPS = (1.0, 2.0, 5.0, 10.0)
#: An axis shows no narrower range than this share of the magnitudes on it: float64 would run out of digits.
_NARROWEST = 1e-12
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
#: Magnitudes outside of these are written with a power of ten.
_SHORT = (1e-4, 1e6)
_LARGEST_WHOLE = 1e10
_MAX_TICKS = 1_000
_LARGE = 1e300


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values on a scale.

    Attributes
    ----------
    low, high
        The range that is shown; above 0 on a log scale.
    scale
        ``"symlog"`` is linear around 0 and logarithmic farther out, on either side.
    threshold
        Of a symlog scale: the magnitude from which on it is about logarithmic, above 0.
    """

    low: float
    high: float
    scale: Scale = "linear"
    threshold: float = 1.0

    def place(self, value: float) -> float:
        """Return where a value lies: 0 at the low end, 1 at the high end, beyond them outside; NaN for NaN."""
        start, end = self._forward(self.low), self._forward(self.high)
        return (self._forward(value) / 2 - start / 2) / (end / 2 - start / 2)

    def way(self, start: float, end: float) -> Callable[[float], float]:
        """Return what leads from values to positions: the low end at `start`, the high end at `end`."""
        first, last = self._forward(self.low), self._forward(self.high)
        scale = (end - start) / (last / 2 - first / 2) / 2
        if self.scale == "linear":
            return lambda value: start + (value - first) * scale
        forward = self._forward
        return lambda value: start + (forward(value) - first) * scale

    def value(self, place: float) -> float:
        """Return the value at a place: the inverse of `place`."""
        start, end = self._forward(self.low), self._forward(self.high)
        return self._backward(start * (1 - place) + end * place)

    def _forward(self, value: float) -> float:
        if self.scale == "log":
            return math.log10(value) if value > 0 else -math.inf if value <= 0 else math.nan
        if self.scale == "symlog":
            return math.copysign(_logarithm(abs(value), self.threshold), value)
        return value

    def _backward(self, position: float) -> float:
        if self.scale == "log":
            return _power(position)
        if self.scale == "symlog":
            return math.copysign(_grown(abs(position), self.threshold), position)
        return position

    def zoomed(self, factor: float, at: float) -> Axis:
        """Return the axis with what lies at place `at` kept there and everything `factor` times as large."""
        return self._between(at - at / factor, at + (1 - at) / factor)

    def moved(self, share: float) -> Axis:
        """Return the axis moved up by a share of its length."""
        return self._between(share, 1 + share)

    def _between(self, first: float, last: float) -> Axis:
        low, high = self.value(first), self.value(last)
        narrowest = _NARROWEST * max(abs(low), abs(high))
        if not (math.isfinite(low) and math.isfinite(high) and high / 2 - low / 2 > narrowest / 2):
            return self
        return self if self.scale == "log" and low <= 0 else replace(self, low=low, high=high)

    def kept_within(self, whole: Axis) -> Axis:
        """Return the axis moved, and shortened if it must be, so that nothing outside of `whole` is shown."""
        first, last = whole.place(self.low), whole.place(self.high)
        if last - first >= 1:
            return replace(self, low=whole.low, high=whole.high)
        shift = max(0.0, -first) - max(0.0, last - 1)
        return self if not shift else whole._between(first + shift, last + shift)

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """Return about `count` round values on the axis, with what is written there."""
        found = self._ticks(max(2, count))
        return [(value, text) for value, text in found if -1e-7 <= self.place(value) <= 1 + 1e-7]

    def _ticks(self, count: int) -> list[tuple[float, str]]:
        if self.scale == "log" and self.high / self.low >= 10:
            return _decades(self.low, self.high, count)
        if self.scale == "symlog" and max(abs(self.low), abs(self.high)) > 10 * self.threshold:
            return self._both_ways(count)
        return _round_ticks(self.low, self.high, count)

    def _both_ways(self, count: int) -> list[tuple[float, str]]:
        """Powers of ten on either side of 0, as far apart as there is room for, and 0."""
        largest = max(abs(self.low), abs(self.high))
        ends = math.floor(math.log10(self.threshold)), math.floor(math.log10(largest))
        sides = (self.low < 0) + (self.high > 0)
        step = max(1, math.ceil(sides * (ends[1] - ends[0] + 1) / count))
        powers = [_power(exponent) for exponent in range(ends[1], ends[0] - 1, -step)]
        values = [*(-power for power in powers), 0.0, *reversed(powers)]
        shown = [value for value in values if self.low <= value <= self.high]
        if len(shown) < 2:
            return _round_ticks(self.low, self.high, count)
        return [(value, _power_text(value)) for value in shown]


def _power(exponent: float) -> float:
    try:
        return float(10.0**exponent)
    except OverflowError:
        return math.inf


def _logarithm(size: float, threshold: float) -> float:
    share = size / threshold
    return math.log1p(share) if share < _LARGE else math.log(size) - math.log(threshold)


def _grown(position: float, threshold: float) -> float:
    """Return the size that `_logarithm` leads to a position."""
    if position < math.log(_LARGE):
        return math.expm1(position) * threshold
    try:
        return math.exp(position + math.log(threshold))
    except OverflowError:
        return math.inf


def fitting(low: float, high: float, scale: Scale = "linear", margin: float = 0.0, threshold: float = 1.0) -> Axis:
    """Return an axis that shows a range, with some room beyond its ends; a single value gets room on either side.

    Parameters
    ----------
    margin
        Share of the length that is left free at either end.
    """
    if scale == "log":
        high = high if high > 0 else 1.0
        low = low if 0 < low <= high else high / 10
        if high / low < 1.01:
            low, high = low / 2, high * 2
        axis = Axis(low, high, "log")
    else:
        if high / 2 - low / 2 <= _NARROWEST * max(abs(low), abs(high)):
            room = max(abs(low), abs(high)) / 2 or 0.5
            low, high = low - room, high + room
        axis = Axis(low, high, scale, threshold)
    return axis._between(-margin, 1 + margin) if margin else axis


def tick_step(low: float, high: float, count: int) -> float:
    """Return a round step that divides a range into about `count` parts, and no more than that."""
    rough = (high / count - low / count) or 1.0
    base = _power(math.floor(math.log10(rough)))
    if not base:  # a subnormal range
        return rough
    return next((step * base for step in _STEPS if step * base >= rough * (1 - 1e-9)), 10 * base)


def _round_ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    step = tick_step(low, high, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last <= first and count < _MAX_TICKS:
        return _round_ticks(low, high, 2 * count)  # a single figure does not tell the scale
    values = [number * step for number in range(first, min(last, first + _MAX_TICKS) + 1)]
    return [(value, tick_text(value, step)) for value in values]


def _decades(low: float, high: float, count: int) -> list[tuple[float, str]]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / count))
    exponents = [exponent for exponent in range(first, last + 1) if exponent % step == 0]
    found = [(_power(exponent), _power_text(_power(exponent))) for exponent in exponents]
    if len(found) > 1 or step > 1:
        return found
    between = (factor * _power(exponent) for exponent in range(first - 1, last + 1) for factor in (1, 2, 5))
    return [(value, tick_text(value, value)) for value in between if low <= value <= high]


def _power_text(value: float) -> str:
    """Return a power of ten, or its negative: ``10⁻⁵``, ``1``, ``−10³``."""
    if not value:
        return "0"
    sign, exponent = ("−" if value < 0 else ""), round(math.log10(abs(value)))
    if -2 <= exponent <= 3:
        return f"{sign}{_power(exponent):g}"
    return f"{sign}10{str(exponent).translate(_SUPERSCRIPTS)}"


def tick_text(value: float, step: float) -> str:
    """Return a value with as many digits as tell it from its neighbours a `step` away."""
    if abs(value) < step / 1e6:
        return "0"
    size = abs(value)
    fine = math.floor(math.log10(step) + 1e-9)
    if step >= 1 and size < _LARGEST_WHOLE and value == round(value):
        text = f"{value:,.0f}".replace(",", THIN if size >= 10_000 else "")
    elif _SHORT[0] <= size < _SHORT[1] and step >= 1e-9:
        text = f"{value:,.{max(0, -fine)}f}".replace(",", THIN if size >= 10_000 else "")
    else:
        digits = max(0, math.floor(math.log10(size)) - fine)
        mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"
    return text.replace("-", "−")
