"""How each layer's values are distributed along the depth of the network: one drawing of a report."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import numpy as np
import numpy.typing as npt
from PIL import Image

from inspector.export.report_content import Figures, Report
from inspector.export.report_html import Html, note, section, text
from inspector.natural_order import natural_key
from inspector.survey_rows import SurveyRow
from inspector.weights.colours import BELOW

#: Columns and rows of shades; more layers than columns share one.
_COLUMNS, _SHADES = 360, 128
#: The drawing, and the area of the shades in it.
_WIDTH, _HEIGHT = 1_160, 330
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 10, 8, 34
_WIDE, _TALL = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
#: Units of a drawing that a character takes, a name needs, and a figure beside the axis.
_LETTER, _PER_NAME, _PER_TICK = 6.6, 52, 22
_FAINT = 26
#: An axis goes no further than that below the largest value; what is smaller lies at zero.
_MOST_DECADES = 1e12
#: Containers that keep no order of their own: their names are put in the natural one.
_UNORDERED = ("safetensors", "sharded")

Floats = npt.NDArray[np.float64]


class Axis:
    """Values as places, 0 at the lower end and 1 at the upper: linear around zero, logarithmic far from it."""

    def __init__(self, low: float, high: float, threshold: float) -> None:
        self._largest = max(abs(low), abs(high))
        self._threshold = max(threshold, self._largest / _MOST_DECADES)
        self._low, self._high = self._bent(low), self._bent(high)
        margin = 0.03 * (self._high - self._low) or 1.0
        self._low, self._high = self._low - margin, self._high + margin

    def _bent(self, value: float) -> float:
        return math.asinh(value / self._threshold)

    def place(self, value: float) -> float:
        """Return where a value stands."""
        return (self._bent(value) - self._low) / (self._high - self._low)

    def edges(self, count: int) -> Floats:
        """Return the values that divide the axis into equal parts."""
        with np.errstate(over="ignore"):  # beyond what float64 holds is beyond every value
            return np.asarray(np.sinh(np.linspace(self._low, self._high, count + 1)) * self._threshold)

    def ticks(self, most: int) -> list[float]:
        """Return zero and powers of ten on both sides, as many as there is room for."""
        found = [0.0]
        power = math.floor(math.log10(self._largest)) if self._largest else 0
        for exponent in range(power, power - 12, -1):
            found += [sign * 10.0**exponent for sign in (1, -1)]
        kept: list[float] = []
        for value in found:
            place = self.place(value)
            if 0.02 <= place <= 0.98 and all(abs(place - self.place(other)) >= 1 / most for other in kept):
                kept.append(value)
        return kept


def depth(report: Report) -> Html:
    """Return the picture of the model's weights, layer by layer; nothing where it has fewer than two."""
    layers = [tensor for tensor in report.layers() if _has_values(report.figures[tensor])]
    if len(layers) < 2:
        return Html("")
    if report.summary.container in _UNORDERED:
        layers.sort(key=lambda tensor: natural_key(report.summary.names[tensor]))
    keys = [report.summary.key(tensor) for tensor in layers]
    drawing = _drawing(report.figures, layers, keys)
    lines = (
        "Every column is a layer, from the first to the last; where its colour is strong, most of its weights lie. "
        "Lines: least and greatest value (grey), mean (red), one standard deviation around it (dotted). "
        "The axis is linear around zero and logarithmic far from it."
    )
    return section("depth", "Along the depth", drawing, note(lines))


def _has_values(row: SurveyRow | None) -> bool:
    return row is not None and row.figures[0] <= row.figures[1]


def _drawing(figures: Figures, layers: Sequence[int], keys: Sequence[str]) -> Html:
    rows = [row for tensor in layers if (row := figures[tensor]) is not None]
    spreads = [row.figures[3] for row in rows if row.figures[3] > 0]
    low, high = min(row.figures[0] for row in rows), max(row.figures[1] for row in rows)
    axis = Axis(low, high, median(spreads) if spreads else max(abs(low), abs(high)) or 1.0)
    columns = min(_COLUMNS, len(rows))
    starts = [len(rows) * column // columns for column in range(columns + 1)]
    groups = [rows[start:stop] for start, stop in pairwise(starts)]
    parts = [_shades(groups, axis), _grid(axis), _lines(groups, axis), _marks(groups), _names(keys)]
    return Html(
        f'<svg class="depth" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Distribution of every layer">'
        f"{''.join(parts)}</svg>"
    )


def _shades(groups: Sequence[Sequence[SurveyRow]], axis: Axis) -> str:
    """Return how densely values lie, as a picture of a pixel for each column and shade, stretched over the area."""
    edges = axis.edges(_SHADES)
    shades = np.zeros((_SHADES, len(groups)))
    for column, group in enumerate(groups):
        density = np.sum([density_of(row, edges) for row in group], axis=0)
        if (highest := density.max()) > 0:
            shades[:, column] = np.where(density > 0, _FAINT + (255 - _FAINT) * np.sqrt(density / highest), 0)
    pixels = np.empty((*shades.shape, 4), np.uint8)
    pixels[..., :3] = BELOW
    pixels[..., 3] = np.rint(shades[::-1])
    raw = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(raw, "PNG", optimize=True)
    data = base64.b64encode(raw.getvalue()).decode()
    return (
        f'<image x="{_LEFT}" y="{_TOP}" width="{_WIDE}" height="{_TALL}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def density_of(row: SurveyRow, edges: Floats) -> Floats:
    """Return which share of a tensor's values lies between neighbouring edges, as if each bin were filled evenly."""
    counts = np.asarray(row.counts, np.float64)
    least, greatest, (low, high) = row.figures[0], row.figures[1], row.figures[5:7]
    total = counts.sum()
    if not total:
        return np.zeros(len(edges) - 1)
    if least == greatest:
        found, _ = np.histogram([least], edges)
        return found.astype(np.float64)
    ends = low + (high / len(counts) - low / len(counts)) * np.arange(len(counts) + 1)
    below = np.concatenate([[0.0], np.cumsum(counts)]) / total
    return np.asarray(np.diff(np.interp(edges, ends, below)))


def _x(layer: float, layers: int) -> float:
    return _LEFT + layer / layers * _WIDE


def _y(value: float, axis: Axis) -> float:
    return _TOP + (1 - axis.place(value)) * _TALL


def _grid(axis: Axis) -> str:
    parts = []
    for value in axis.ticks(_TALL // _PER_TICK):
        y = _y(value, axis)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}h{_WIDE}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}">{f"{value:g}".replace("-", "−")}</text>')
    return "".join(parts)


def _lines(groups: Sequence[Sequence[SurveyRow]], axis: Axis) -> str:
    def middle(column: int) -> float:
        return _x(column + 0.5, len(groups))

    def path(kind: str, values: Sequence[float]) -> str:
        points = [f"{middle(column):.1f} {_y(value, axis):.1f}" for column, value in enumerate(values)]
        return f'<path class="{kind}" d="M{"L".join(points)}"/>'

    means = [math.fsum(row.figures[2] for row in group) / len(group) for group in groups]
    spreads = [math.fsum(row.figures[3] for row in group) / len(group) for group in groups]
    return (
        path("end", [min(row.figures[0] for row in group) for group in groups])
        + path("end", [max(row.figures[1] for row in group) for group in groups])
        + path("spread", [mean - spread for mean, spread in zip(means, spreads, strict=True)])
        + path("spread", [mean + spread for mean, spread in zip(means, spreads, strict=True)])
        + path("mean", means)
    )


def _marks(groups: Sequence[Sequence[SurveyRow]]) -> str:
    """Mark the layers that hold NaN or Inf."""
    parts = []
    for column, group in enumerate(groups):
        if any(row.tallies[1] or row.tallies[2] for row in group):
            x = _x(column + 0.5, len(groups))
            parts.append(f'<path class="bad" d="M{x - 5:.1f} {_TOP}h10l-5 9z"><title>NaN or Inf</title></path>')
    return "".join(parts)


def _names(keys: Sequence[str]) -> str:
    runs = segments(keys, _WIDE // _PER_NAME)
    parts, y = [], _HEIGHT - _BOTTOM + 8
    for (called, start), (_, stop) in zip(runs, [*runs[1:], ("", len(keys))], strict=True):
        left, right = _x(start, len(keys)) + 1, _x(stop, len(keys)) - 1
        if right - left < 3:
            continue
        parts.append(f'<path class="run" d="M{left:.1f} {y}H{right:.1f}"/>')
        room = int((right - left) / _LETTER)
        if shown := _shortened(called, room):
            parts.append(f'<text class="name" x="{(left + right) / 2:.1f}" y="{y + 18}">{text(shown)}</text>')
    return "".join(parts)


def _shortened(called: str, room: int) -> str:
    """Return a module's path, its end where there is no room for it all, or nothing."""
    if len(called) <= room:
        return called
    last = f"…{called.rpartition('.')[2]}"
    if len(last) <= room:
        return last
    return f"…{called[1 - room :]}" if room >= 4 else ""


def segments(keys: Sequence[str], most: int) -> list[tuple[str, int]]:
    """Divide keys, in their order, into runs of a common module: as deep ones as come to at most ``most`` runs.

    Returns
    -------
    list of (str, int)
        What each run is called, and the place of its first key.
    """
    paths = [key.split(".")[:-1] for key in keys]
    best: list[tuple[str, int]] = [("", 0)] if keys else []
    for depth in range(1, max(map(len, paths), default=0) + 1):
        runs: list[tuple[str, int]] = []
        before: list[str] | None = None
        for place, path in enumerate(paths):
            if path[:depth] != before:
                before = path[:depth]
                runs.append((".".join(before), place))
        if len(runs) > most:
            break
        best = runs if len(runs) > len(best) else best  # else longer names would tell no more
    return best
