"""How each layer's values are distributed, layer by layer along the depth of a network. Plain Python, in slices."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from typing import Literal

from inspector.checkpoint.summary import ROLES, CheckpointSummary
from inspector.gui.model_page.rows import in_order, natural_text
from inspector.gui.slices import Work
from inspector.gui.views.axis import Axis, Scale, fitting
from inspector.session.survey_state import SurveyFigures

Which = Literal["weights", "scales", "biases", "running_mean", "running_var"]

_PARAMETER, _BUFFER = ROLES.index("parameter"), ROLES.index("buffer")
#: How names of biases end: torch's, and those of batch norms elsewhere.
_BIASES = ("bias", "beta", "biases")

#: Nodes gone through between two chances to pause.
_STEPS = 1_024
#: Layers, and columns, that are reckoned between two chances to pause: about 1 ms.
_LAYERS, _COLUMNS = 8, 4
#: The least shade of what is there at all, of 255.
_FAINT = 26
#: Containers that keep no order of their own: their names are put in the natural one.
_UNORDERED = ("safetensors", "sharded")


def layers_of(summary: CheckpointSummary, state_dict: int | None, which: Which) -> Work[array[int]]:
    """Return the tensors of a model, in the order of its depth: that of the tree, or of their names.

    Parameters
    ----------
    which
        ``"weights"``: parameters of two dimensions and more; ``"biases"``: the others called so; ``"scales"``: the
        rest, as of norms; or the batch norms' running statistics. Only what is alike can be compared along the depth.
    """
    found = array("i")
    pending, steps = [0], 0
    while pending:
        node = pending.pop()
        tensor = summary.tensors[node]
        is_model = tensor >= 0 and (state_dict is None or summary.owners[tensor] == state_dict)
        if is_model and _kind(summary, tensor) == which:
            found.append(tensor)
        first = summary.first_children[node]
        pending += range(first + summary.child_counts[node] - 1, first - 1, -1)
        steps += 1
        if steps % _STEPS == 0:
            yield
    if summary.container in _UNORDERED:
        keys = {}
        for place, tensor in enumerate(found):
            keys[tensor] = natural_text(summary.names[tensor])
            if place % _STEPS == 0:
                yield
        found = array("i", (yield from in_order(found, keys, descending=False)))
    return found


def _kind(summary: CheckpointSummary, tensor: int) -> str:
    """Return what a tensor is along the depth; empty where it is nothing to compare."""
    role, name = summary.roles[tensor], summary.names[tensor]
    if role == _PARAMETER:
        if summary.ndims[tensor] > 1:
            return "weights"
        return "biases" if name.endswith(_BIASES) else "scales"
    last = name.rpartition(".")[2]
    return last if role == _BUFFER and last in ("running_mean", "running_var") else ""


def whole_axis(figures: SurveyFigures, layers: Sequence[int], scale: Scale) -> Work[Axis]:
    """Return an axis for all values of some layers; a symlog one is linear about as far as most values lie."""
    low, high, spreads = math.inf, -math.inf, array("d")
    for first in range(0, len(layers), _STEPS):
        for tensor in layers[first : first + _STEPS]:
            if figures.minimum[tensor] <= figures.maximum[tensor]:
                low, high = min(low, figures.minimum[tensor]), max(high, figures.maximum[tensor])
                if figures.std[tensor] > 0:
                    spreads.append(figures.std[tensor])
        yield
    if low > high:
        return Axis(-1.0, 1.0)
    threshold = median(spreads) if spreads else max(abs(low), abs(high)) or 1.0
    return fitting(low, high, scale, 0.03, threshold)


@dataclass(frozen=True, slots=True)
class DepthPicture:
    """Columns of shades, each of one layer, or of several where there are more layers than pixels.

    Attributes
    ----------
    first, last
        The layers that are shown, the last one not included.
    starts
        The first layer of each column, and `last`.
    shades
        ``rows`` bytes a column, from the top: how densely the values lie there, 255 where most densely.
    minimum, maximum, mean, std
        By column: the least and greatest value, the mean of the means and of the standard deviations; NaN for none.
    broken
        By column: whether it holds NaN or Inf.
    """

    first: int
    last: int
    rows: int
    axis: Axis
    starts: array[int]
    shades: bytes
    minimum: array[float]
    maximum: array[float]
    mean: array[float]
    std: array[float]
    broken: bytearray


def picture(
    figures: SurveyFigures, layers: Sequence[int], first: int, last: int, columns: int, rows: int, axis: Axis
) -> Work[DepthPicture]:
    """Return the picture of some layers."""
    count = min(columns, last - first)
    starts = array("i", [first + (last - first) * column // count for column in range(count)])
    starts.append(last)
    shades, broken = bytearray(), bytearray(count)
    least, most, mean, std = (array("d", [math.nan]) * count for _ in range(4))
    for column in range(count):
        tensors = layers[starts[column] : starts[column + 1]]
        known = [tensor for tensor in tensors if figures.minimum[tensor] <= figures.maximum[tensor]]
        shades += yield from column_shades(figures, known, axis, rows)
        broken[column] = any(figures.nan[tensor] or figures.inf[tensor] for tensor in tensors)
        if known:
            least[column] = min(figures.minimum[tensor] for tensor in known)
            most[column] = max(figures.maximum[tensor] for tensor in known)
            mean[column] = math.fsum(figures.mean[tensor] for tensor in known) / len(known)
            std[column] = math.fsum(figures.std[tensor] for tensor in known) / len(known)
        if column % _COLUMNS == 0:
            yield
    return DepthPicture(first, last, rows, axis, starts, bytes(shades), least, most, mean, std, broken)


def column_shades(figures: SurveyFigures, tensors: Sequence[int], axis: Axis, rows: int) -> Work[bytes]:
    """Return how densely the values of tensors lie at each place of an axis, from its high end: one byte each."""
    single, changes = [0.0] * rows, [0.0] * (rows + 1)  # from the low end
    for place, tensor in enumerate(tensors):
        _add(single, changes, figures, tensor, axis)
        if place % _LAYERS == _LAYERS - 1:
            yield
    density = [here + over for here, over in zip(single, accumulate(changes), strict=False)]
    highest = max(density)
    if highest <= 0:
        return bytes(rows)
    least = highest * 1e-9  # what is left of sums that cancel
    span = 255 - _FAINT
    return bytes(
        _FAINT + round(span * math.sqrt(min(1.0, value / highest))) if value > least else 0
        for value in reversed(density)
    )


def _add(single: list[float], changes: list[float], figures: SurveyFigures, tensor: int, axis: Axis) -> None:
    """Add the density of a tensor's values: in rows that a bin covers in part, and where it rises and falls between."""
    counts, low, high = figures.row_counts(tensor), figures.low[tensor], figures.high[tensor]
    total, rows = sum(counts), len(single)
    if not total:
        return
    if figures.minimum[tensor] == figures.maximum[tensor]:
        counts, low, high = array("q", [total]), figures.minimum[tensor], figures.maximum[tensor]
    step = high / len(counts) - low / len(counts)
    edges = [rows * axis.place(low + step * place) for place in range(len(counts) + 1)]
    for place, count in enumerate(counts):
        start, end = edges[place], edges[place + 1]
        if not count or end <= 0 or start >= rows:
            continue
        share = count / total
        first, last = math.floor(max(0.0, start)), math.floor(end)
        if end - start < 1e-6 or (first == last and start >= 0):
            single[min(first, rows - 1)] += share
            continue
        each = share / (end - start)
        single[first] += each * (first + 1 - max(0.0, start))
        if last < rows:
            single[last] += each * (end - last)
        changes[first + 1] += each
        changes[min(last, rows)] -= each


def segments(names: Sequence[str], most: int) -> list[tuple[str, int]]:
    """Divide names, in their order, into runs of a common module: as deep ones as come to at most ``most`` runs.

    Returns
    -------
    list of (str, int)
        What each run is called, without what all names begin with, and the place of its first name. Where there are
        too many modules side by side, several share a run that is called by the first.
    """
    parts = [name.split(".") for name in names]
    shared = _shared(parts)
    best: list[tuple[str, int]] = []
    for depth in range(shared + 1, max(map(len, parts), default=0) + 1):
        runs: list[tuple[str, int]] = []
        before: list[str] | None = None
        for place, path in enumerate(parts):
            if path[:depth] != before:
                before = path[:depth]
                runs.append((".".join(path[shared:depth]), place))
        if len(runs) > max(1, most):
            return best or _thinned(runs, max(1, most))
        best = runs
    return best


def _thinned(runs: Sequence[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    each = math.ceil(len(runs) / most)
    return [(f"{name} …", place) for name, place in runs[::each]]


def _shared(parts: Sequence[list[str]]) -> int:
    """Return how many modules all paths have in common; a path's own end is none."""
    shortest = min((len(path) - 1 for path in parts), default=0)
    shared = 0
    while shared < shortest and all(path[shared] == parts[0][shared] for path in parts):
        shared += 1
    return shared
