"""The worker compares: two whole checkpoints, and one tensor of each in every detail."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.room import require_memory
from inspector.checkpoint.source import InspectedFile, InspectedFiles
from inspector.checkpoint.summary import COLUMNS, CheckpointSummary
from inspector.checkpoint.tensor_bytes import TensorPlace
from inspector.checkpoint.unusual_bytes import read_values
from inspector.difference_kinds import KINDS
from inspector.natural_order import natural_key
from inspector.processes.roles.serving import Progress, Reply
from inspector.processes.roles.telling import now_and_then

_PICTURE_SIDE = 768


def compare_checkpoints(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with how two checkpoints differ: a sentence, and rows as columns, the most changed first.

    The checkpoints come as `inspector.checkpoint.forwarding.forward` sends them, ``a`` and ``b``, with the
    ``state_dicts`` to compare (-1 for all tensors). `inspector.session.comparison_state` reads the columns.
    """
    from inspector.weights.differences import Side, compare_checkpoints
    from inspector.weights.fine_tuning import fine_tuning_sentence

    chosen = [None if number < 0 else int(number) for number in params["state_dicts"]]
    a = Side(CheckpointSummary(params["a"], buffers[: len(COLUMNS)]), chosen[0])
    b = Side(CheckpointSummary(params["b"], buffers[len(COLUMNS) :]), chosen[1])
    rows = compare_checkpoints(a, b, now_and_then(progress))
    is_buffer = [
        (a.summary.role(row.tensor_a) if row.tensor_a >= 0 else b.summary.role(row.tensor_b)) == "buffer"
        for row in rows
    ]
    sentence = fine_tuning_sentence(rows, is_buffer, _dtypes(a, b, rows))
    rows.sort(key=_place)
    return {"sentence": sentence}, [*_columns(rows), *_orders(a.summary, b.summary, rows)]


def _dtypes(a: Any, b: Any, rows: Sequence[Any]) -> tuple[str, str]:
    """Return the dtypes of what changed, where there is just one on each side."""
    changed = [row for row in rows if row.kind == "changed"]
    found_a = {a.summary.dtype(row.tensor_a) for row in changed}
    found_b = {b.summary.dtype(row.tensor_b) for row in changed}
    return (found_a.pop(), found_b.pop()) if len(found_a) == len(found_b) == 1 else ("", "")


def _place(row: Any) -> tuple[int, float]:
    """Return where a row stands: the kinds in their order, of what changed the most first, NaN before all."""
    change = row.difference.relative_l2 if row.kind == "changed" else 0.0
    return KINDS.index(row.kind), -math.inf if math.isnan(change) else -change


def _columns(rows: Sequence[Any]) -> list[bytes]:
    figures = [row.difference for row in rows]
    nan = math.nan
    return [
        bytes(KINDS.index(row.kind) for row in rows),
        array("i", [row.tensor_a for row in rows]).tobytes(),
        array("i", [row.tensor_b for row in rows]).tobytes(),
        array("d", [found.max_abs if found else nan for found in figures]).tobytes(),
        array("d", [found.relative_l2 if found else nan for found in figures]).tobytes(),
        array("d", [found.cosine if found else nan for found in figures]).tobytes(),
        array("q", [found.not_finite if found else 0 for found in figures]).tobytes(),
        bytes(bool(found and found.rounded) for found in figures),
        "\0".join(row.name for row in rows).encode("utf-8", "surrogatepass"),
        "\0".join(row.problem for row in rows).encode("utf-8", "surrogatepass"),
    ]


def _orders(a: CheckpointSummary, b: CheckpointSummary, rows: Sequence[Any]) -> list[bytes]:
    """Return what the window sorts by and has no time to find out: each name's place in natural order, and sizes."""
    places = array("i", bytes(4 * len(rows)))
    by_name = sorted(range(len(rows)), key=lambda number: natural_key(rows[number].name))
    for place, number in enumerate(by_name):
        places[number] = place
    sizes = [a.numel(row.tensor_a) if row.tensor_a >= 0 else b.numel(row.tensor_b) for row in rows]
    return [places.tobytes(), array("q", sizes).tobytes()]


def describe_difference(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with how one tensor differs: figures, and pictures of a, b and b - a; buffers: edges, counts, pictures.

    Pictures of both, and that of the difference, are drawn as `inspector.weights.picture` draws one tensor.
    """
    import numpy as np

    from inspector.weights.comparison import compare_arrays, difference
    from inspector.weights.histogram import histogram
    from inspector.weights.picture import weight_picture
    from inspector.weights.statistics import tensor_statistics

    values = []
    for name in ("a", "b"):
        with InspectedFiles([InspectedFile.from_json(file) for file in params[name]["files"]]) as files:
            values.append(read_values(files, TensorPlace.from_json(params[name]["place"])))
            files.check_unchanged()
    if values[0].shape != values[1].shape:
        raise TensorReadError("The two tensors hold different numbers of values.")
    require_memory(8 * values[0].size)
    with np.errstate(all="ignore"):
        between = difference(values[0], values[1])
    found, bins = compare_arrays(values[0], values[1]), histogram(between, int(params.get("bins", 128)))
    pictures = [weight_picture(each, _PICTURE_SIDE) for each in (*values, between)]
    shown = [{name: value for name, value in asdict(each).items() if name != "rgba"} for each in pictures]
    result = {"difference": _plain(asdict(found)), "statistics": asdict(tensor_statistics(between)), "pictures": shown}
    return result, [bins.edges.tobytes(), bins.counts.tobytes(), *(each.rgba for each in pictures)]


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    """Return figures as JSON can hold them: what is not finite as text."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }
