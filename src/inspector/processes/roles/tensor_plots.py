"""What the worker tells of tensors for plots: distributions, lines of values, batch norms, optimizer state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.dtypes import PACKED
from inspector.checkpoint.source import InspectedFile, InspectedFiles
from inspector.checkpoint.tensor_bytes import TensorPlace
from inspector.checkpoint.unusual_bytes import read_values
from inspector.errors import InspectorError
from inspector.processes.roles.serving import Progress, Reply

if TYPE_CHECKING:
    from inspector.weights.chunks import Array

#: Bins of a small distribution beside a tensor's moments, and the longest side of its picture in pixels.
_SMALL_BINS = 64
_SMALL_SIDE = 384
#: Whole numbers below this have bins of their own: float64 knows halves between them.
_LARGEST_SINGLE = 1 << 40
#: Values of one line at the most, and parts of a batch norm.
_MAX_GROUPS = 1 << 14
BATCH_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


class PlotError(InspectorError):
    """Something can't be plotted."""


def _places(params: dict[str, Any]) -> list[TensorPlace]:
    return [TensorPlace.from_json(place) for place in params["places"]]


def _read(params: dict[str, Any], place: TensorPlace) -> Array:
    with InspectedFiles([InspectedFile.from_json(file) for file in params["files"]]) as files:
        found = read_values(files, place)
        files.check_unchanged()
        return found


def tensor_histogram(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the distribution of the values, all of them or those in ``params["range"]``.

    Buffer 0 is the edges, 1 the counts. With ``params["figures"]``, the tensor's statistics too. ``"single"`` tells
    that every bin is one whole number: there are no more of them than bins were asked for.
    """
    from inspector.weights.histogram import histogram
    from inspector.weights.statistics import tensor_statistics

    values = _read(params, _places(params)[0])
    limits = params.get("range")
    bins, ends = int(params["bins"]), (float(limits[0]), float(limits[1])) if limits else None
    single = ends is None and values.size > 0 and values.dtype.kind in "biu"
    if single:
        low, high = int(values.min()), int(values.max())
        single = high - low < bins and max(abs(low), abs(high)) < _LARGEST_SINGLE
        bins, ends = (high - low + 1, (low - 0.5, high + 0.5)) if single else (bins, None)
    found = histogram(values, bins, ends)
    figures = asdict(tensor_statistics(values)) if params.get("figures") else None
    return {"statistics": figures, "single": single}, [found.edges.tobytes(), found.counts.tobytes()]


def tensor_percentiles(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the percentiles of the finite values; none where nothing is finite."""
    from inspector.weights.percentiles import PERCENTS, percentiles

    found = percentiles(_read(params, _places(params)[0]))
    return {"percents": list(PERCENTS), "values": list(found) if found is not None else []}, []


def tensor_line(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with values along dimension ``params["axis"]``, at ``params["at"]`` in the others.

    From ``start`` to ``stop``, in at most ``groups`` groups, or all of them from the least to the greatest where
    ``ordered``. Buffers: `inspector.weights.series.Line`'s.
    """
    from inspector.weights.series import SORTED_AT_MOST, in_order, line, series

    axis, at = int(params["axis"]), tuple(map(int, params["at"]))
    start, stop = int(params["start"]), int(params["stop"])
    groups = min(int(params["groups"]), _MAX_GROUPS)
    place, ordered = _places(params)[0], bool(params.get("ordered"))
    size = place.shape[axis] if place.shape else 1
    start, stop = max(0, start), min(stop, size)
    alone = _line_place(place, axis, at)
    if ordered or alone is None:
        values = _read(params, alone) if alone is not None else line(_read(params, place), axis, at)
        if ordered and values.size > SORTED_AT_MOST:
            raise PlotError(f"{values.size:,} values are too many to put in order.", "Show them as they are.")
        found = series(in_order(values) if ordered else values, start, stop, groups)
        starts = found.starts
    else:
        count = max(0, stop - start)
        part = replace(alone, shape=(count,), offset=alone.offset + start * alone.stride[0] * (count > 0))
        found = series(_read(params, part), 0, count, groups)
        starts = found.starts + start
    return {"size": size}, [part.tobytes() for part in (starts, found.low, found.high, found.odd)]


def _line_place(place: TensorPlace, axis: int, at: Sequence[int]) -> TensorPlace | None:
    """Return where one line of a tensor lies, so that no more is read; None where it is not rows of plain numbers."""
    if place.layout != "strided" or place.quantization is not None or place.dtype in PACKED or not place.shape:
        return None
    if 0 in place.shape:
        return None
    others = sum(index * step for dim, (index, step) in enumerate(zip(at, place.stride, strict=True)) if dim != axis)
    return replace(place, shape=(place.shape[axis],), stride=(place.stride[axis],), offset=place.offset + others)


def batch_norm(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with a batch norm's parts, by channel in float64, and what they make of a channel in eval mode.

    ``params["parts"]`` names the places, some of `BATCH_NORM_PARTS`. The result's ``parts`` names the buffers: those
    that there are, ``scale`` and ``shift`` where there is a variance and a mean, and ``near_zero``, a byte each.
    """
    import numpy as np

    from inspector.weights.batch_norm import effective_scale, effective_shift, near_zero
    from inspector.weights.series import as_doubles

    found: dict[str, Array] = {}
    for name, place in zip(params["parts"], _places(params), strict=True):
        found[str(name)] = as_doubles(_read(params, place).reshape(-1))
    if len({values.size for values in found.values()}) > 1:
        raise PlotError("The parts of this batch norm have different numbers of channels.")
    gamma, mean, variance = (found.get(name) for name in ("weight", "running_mean", "running_var"))
    if variance is not None:
        found["scale"] = effective_scale(gamma, variance, float(params["eps"]))
        if mean is not None:
            found["shift"] = effective_shift(found.get("bias"), mean, found["scale"])
    if gamma is not None:
        found["near_zero"] = near_zero(gamma).astype(np.uint8)
    return {"parts": list(found)}, [values.tobytes() for values in found.values()]


def optimizer_state(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with figures, distribution and picture of a parameter and of what an optimizer keeps of it.

    ``params["parts"]`` names the places: the parameter first. Where there are ``exp_avg`` and ``exp_avg_sq``, a last
    part ``ratio`` tells ``|exp_avg| / sqrt(exp_avg_sq)``. Three buffers each: edges, counts, pixels.
    """
    names, places = [str(name) for name in params["parts"]], _places(params)
    told, out = [], list[bytes]()
    for name, place in zip(names, places, strict=True):
        part, buffers_of_it = _part(name, _read(params, place))
        told.append(part)
        out += buffers_of_it
    by_name = dict(zip(names, places, strict=True))
    first, second = by_name.get("exp_avg"), by_name.get("exp_avg_sq")
    if first is not None and second is not None and first.shape == second.shape:
        from inspector.weights.moments import moment_ratio

        part, buffers_of_it = _part("ratio", moment_ratio(_read(params, first), _read(params, second)))
        told.append(part)
        out += buffers_of_it
    return {"parts": told}, out


def _part(name: str, values: Array) -> tuple[dict[str, Any], list[bytes]]:
    from inspector.weights.histogram import histogram
    from inspector.weights.picture import weight_picture
    from inspector.weights.statistics import tensor_statistics

    statistics = tensor_statistics(values)
    bins = histogram(values, _SMALL_BINS)
    picture = weight_picture(values, _SMALL_SIDE)
    shown = {key: value for key, value in asdict(picture).items() if key != "rgba"}
    part = {"name": name, "statistics": asdict(statistics), "picture": shown}
    return part, [bins.edges.tobytes(), bins.counts.tobytes(), picture.rgba]
