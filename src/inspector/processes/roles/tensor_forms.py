"""What the worker tells of tensors as filters, as matrices with a spectrum, and as rows that are points."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.dtypes import FLOATING
from inspector.checkpoint.source import InspectedFile, InspectedFiles
from inspector.checkpoint.tensor_bytes import TensorPlace
from inspector.checkpoint.unusual_bytes import read_values
from inspector.errors import InspectorError
from inspector.processes.roles.serving import Progress, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from inspector.weights.chunks import Array

#: Between two words of how far something is.
_PROGRESS_SECONDS = 0.05


class FormError(InspectorError):
    """A tensor can't be looked at in this way."""


def _read(params: dict[str, Any]) -> Array:
    with InspectedFiles([InspectedFile.from_json(file) for file in params["files"]]) as files:
        found = read_values(files, TensorPlace.from_json(params["places"][0]))
        files.check_unchanged()
        return found


def tensor_filters(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with a convolution's filters as tiles, in the order ``params["order"]``.

    ``params["shown"]`` is a channel, ``"mean"`` or ``"rgb"``; ``params["log"]`` enlarges small weights. Buffers: each
    tile's pixels (RGBA for ``"rgb"``, else rows of a table of colours), its values (float32), the filters' numbers
    (int64) and norms (float64), in the order of the tiles; and the tables of all colour maps.
    """
    from inspector.weights.colour_maps import COLOUR_MAPS, Scale, colour_table, table_rows
    from inspector.weights.colours import sensible_scale
    from inspector.weights.filters import (
        MAX_COMPARED,
        MAX_FILTERS,
        MAX_PIXELS,
        as_filters,
        filter_norms,
        filter_order,
        filter_tiles,
        rgb_pixels,
    )

    filters = as_filters(_read(params))
    count = len(filters)
    height, width = filters.shape[2:]
    if (most := MAX_PIXELS // (height * width)) == 0:
        raise FormError(f"Filters of {height:,} × {width:,} are too large for this view.", "Look at the heatmap.")
    filters = filters[: min(most, MAX_COMPARED if params["order"] == "similarity" else MAX_FILTERS)]
    norms = filter_norms(filters)
    order = filter_order(filters, params["order"], norms)
    shown = params["shown"]
    tiles = filter_tiles(filters, shown if shown in ("rgb", "mean") else int(shown)).values[order]
    scale = sensible_scale(tiles)
    pixels = rgb_pixels(tiles) if shown == "rgb" else table_rows(tiles, Scale(-scale, scale, bool(params["log"])))
    result = {
        "tiles": len(order),
        "filters": count,
        "height": tiles.shape[1],
        "width": tiles.shape[2],
        "scale": scale,
        "zeros": int((norms == 0).sum()),
        "maps": COLOUR_MAPS,
    }
    tables = [colour_table(name).tobytes() for name in COLOUR_MAPS]
    return result, [pixels.tobytes(), tiles.tobytes(), order.tobytes(), norms[order].tobytes(), *tables]


def _teller(progress: Progress) -> Callable[[float], None]:
    """Return what tells shares of the work, a few times a second."""
    told = 0.0

    def tell(share: float) -> None:
        nonlocal told
        if (now := time.monotonic()) - told >= _PROGRESS_SECONDS:
            told = now
            progress({"share": share})

    return tell


def tensor_spectrum(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the singular values of a tensor as a matrix: buffer 0; 1 is the share of energy of the first ones."""
    import numpy as np

    from inspector.weights.spectrum import MAX_SIDE, as_matrix, spectrum

    matrix = as_matrix(_read(params))
    if min(matrix.shape) > MAX_SIDE:
        raise FormError(
            f"A matrix of {matrix.shape[0]:,} × {matrix.shape[1]:,} is too large for its singular values.",
            f"Its shorter side may be {MAX_SIDE:,} at the most.",
        )
    try:
        found = spectrum(matrix, _teller(progress))
    except np.linalg.LinAlgError:  # which is a ValueError, too
        raise FormError("Its singular values can't be found: the numbers are too ill-conditioned.") from None
    except ValueError:
        raise FormError("It holds NaN or Inf, so it has no singular values.") from None
    dtype = str(TensorPlace.from_json(params["places"][0]).dtype)
    eps = {"float64": 2.0**-52, "complex128": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}.get(dtype, 2.0**-23)
    smallest = float(found.values[-1])
    result = {
        "rows": found.rows,
        "columns": found.columns,
        "effective_rank": found.effective_rank,
        "stable_rank": found.stable_rank,
        "rank": found.rank(eps if dtype in FLOATING or dtype.startswith("complex") else 2.0**-52),
        "needed": {str(share): found.needed(share) for share in (0.9, 0.99)},
        "noise_edge": found.noise_edge,
        "condition": float(found.values[0]) / smallest if smallest > found.tolerance else None,
        "tolerance": found.tolerance,
    }
    return result, [np.ascontiguousarray(found.values).tobytes(), found.energy.tobytes()]


def tensor_projection(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the rows as points: buffer 0 is one component after the other, 1 the rows' numbers."""
    import numpy as np

    from inspector.weights.chunks import is_complex
    from inspector.weights.projection import MAX_COLUMNS, projection
    from inspector.weights.spectrum import as_matrix

    matrix = as_matrix(_read(params))
    if is_complex(matrix.dtype):
        raise FormError("Complex numbers can't be projected.")
    if matrix.shape[1] > MAX_COLUMNS:
        raise FormError(
            f"Rows of {matrix.shape[1]:,} values are too long to be projected.",
            f"They may hold {MAX_COLUMNS:,} at the most.",
        )
    try:
        found = projection(matrix, _teller(progress))
    except ValueError:
        raise FormError("Fewer than two of its rows are finite, so there is nothing to project.") from None
    result = {"rows": len(matrix), "points": len(found.rows), "shares": found.shares.tolist()}
    return result, [np.ascontiguousarray(found.points.T).tobytes(), found.rows.tobytes()]
