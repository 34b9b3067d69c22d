"""What the worker answers about the values of one tensor: tiles of a plane as colours and numbers, and cells as text.

Every request names the ``files``, the ``places`` (of which the first is the tensor's) and a ``plane``:
``[rows axis, columns axis, [index along every axis]]``, where an axis may be -1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.room import require_few_repeats
from inspector.checkpoint.source import InspectedFile, InspectedFiles
from inspector.checkpoint.tensor_bytes import TensorPlace
from inspector.checkpoint.unusual_bytes import read_values
from inspector.processes.roles.serving import Progress, Reply

if TYPE_CHECKING:
    from inspector.weights.chunks import Array
    from inspector.weights.planes import Plane, PlaneSource
    from inspector.weights.tiles import Tiles

#: Cells of one block of the table of values at the most.
MAX_CELLS = 1 << 16
#: Values that are copied as text at the most.
MAX_COPIED = 1 << 18
#: Values of one dimension stand so many in a row.
WRAP = 10


@dataclass(slots=True)
class _Kept:
    """What is kept of the tensor that was asked about last.

    Attributes
    ----------
    tensor, plane
        Which they are.
    whole
        The tensor, where it can't be read piece by piece.
    tiles
        The plane's tiles.
    """

    tensor: str = ""
    whole: Array | None = None
    plane: Plane | None = None
    tiles: Tiles | None = None


_kept = _Kept()


@contextmanager
def _looking(params: dict[str, Any]) -> Iterator[tuple[PlaneSource, Plane]]:
    """Open the plane that a request is about."""
    from inspector.weights.planes import ArrayPlane, FilePlane, Plane, is_plain

    rows, columns, at = params["plane"]
    plane = Plane(int(rows), int(columns), tuple(map(int, at)))
    tensor = json.dumps([params["files"], params["places"][0]])
    if tensor != _kept.tensor:
        _kept.tensor, _kept.whole, _kept.plane, _kept.tiles = tensor, None, None, None
    place = TensorPlace.from_json(params["places"][0])
    with InspectedFiles([InspectedFile.from_json(file) for file in params["files"]]) as files:
        require_few_repeats(place)
        if is_plain(files, place):
            yield FilePlane(files, place, plane), plane
        else:
            if _kept.whole is None:
                _kept.whole = read_values(files, place)
            yield ArrayPlane(_kept.whole, plane), plane
        files.check_unchanged()  # it may have been written to while it was read


def tensor_tile(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with a tile of a plane: buffer 0 is each cell's row in a table of colours, 1 the cells' values.

    Parameters are the ``level`` and the ``tile`` as `Tiles.tile` takes them, and the ``scale``: low, high, and whether
    it is logarithmic. The answer tells ``rows``, ``columns``, and the values' ``type`` as `array` calls it.
    """
    from inspector.weights.colour_maps import Scale, table_rows
    from inspector.weights.tiles import Tiles

    low, high, log = params["scale"]
    with _looking(params) as (source, plane):
        if _kept.tiles is None or plane != _kept.plane:
            _kept.tiles, _kept.plane = Tiles(source), plane
        _kept.tiles.source = source
        cells = _kept.tiles.tile((int(params["level"][0]), int(params["level"][1])), *map(int, params["tile"]))
    rows = table_rows(cells, Scale(float(low), float(high), bool(log)))
    result = {"rows": cells.shape[0], "columns": cells.shape[1], "type": cells.dtype.char}
    return result, [rows.tobytes(), cells.tobytes()]


def plane_range(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the range of colours that suits a ``level``, or with ``"exact"`` true the range of all weights.

    It tells the plane's ``shape`` too. The buffers are the tables of all colour maps, in the order of ``"maps"``.
    """
    from inspector.weights.colour_maps import COLOUR_MAPS, colour_table
    from inspector.weights.tiles import exact_range, level_range

    with _looking(params) as (source, _):
        if params.get("exact"):
            low, high = exact_range(source)
            result: dict[str, Any] = {"low": low, "high": high, "scale": max(abs(low), abs(high)), "is_sample": False}
        else:
            result = asdict(level_range(source, (int(params["level"][0]), int(params["level"][1]))))
        shape = source.shape
    return result | {"maps": COLOUR_MAPS, "shape": shape}, [colour_table(name).tobytes() for name in COLOUR_MAPS]


def tensor_cells(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the exact values of a block of a plane, row by row.

    ``rows`` and ``columns`` are first and last plus one. The answer tells their ``kind`` (``"bool"``, ``"integer"``,
    ``"float"``, ``"complex"``) and their ``type`` as `array` calls it; a complex number is two of it.
    """
    from inspector.weights.chunks import is_complex

    rows, columns, values = _block(params, MAX_CELLS)
    kind, char, plain = _exact(values, is_complex=is_complex(values.dtype))
    digits = 17 if values.dtype.itemsize > (8 if kind == "complex" else 4) else 9
    return {"rows": rows, "columns": columns, "kind": kind, "type": char, "digits": digits}, [plain.tobytes()]


def cells_text(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Answer with the values of a block as text, a line a row, tabs between values, whole precision.

    One row of values that is laid out in several, `WRAP` in each, has ``wrap``: how many values of each are wanted.
    The block's ends are then the first and the last value wanted. Otherwise it is null.
    """
    _, _, values = _block(params, MAX_COPIED * (WRAP if params.get("wrap") else 1))
    if (wrap := params.get("wrap")) is not None:
        flat = values.ravel()
        lines = [flat[start : start + int(wrap)] for start in range(0, flat.size, WRAP)]
    else:
        lines = list(values)
    text = "\n".join("\t".join(_written(line)) for line in lines)
    return {"count": sum(line.size for line in lines)}, [text.encode()]


def _written(line: Array) -> list[str]:
    """Return values as text, as few digits as tell each from all others of its dtype."""
    import numpy as np

    from inspector.weights.chunks import is_complex

    if is_complex(line.dtype) and line.dtype.itemsize < 8:
        line = line.astype(np.complex64)
    elif line.dtype.kind in "Vf" and line.dtype.itemsize < 4:
        kind, _, plain = _exact(line, is_complex=False)
        line = plain.astype(np.float32) if kind == "float" else plain
    written: list[str] = line.astype(str).tolist()
    return written


def _block(params: dict[str, Any], most: int) -> tuple[int, int, Array]:
    """Return how many rows and columns of a block there are, and its values."""
    with _looking(params) as (source, _):
        rows, columns = (
            range(max(0, int(first)), min(size, int(last)))
            for (first, last), size in zip((params["rows"], params["columns"]), source.shape, strict=True)
        )
        if len(rows) * len(columns) > most:
            raise ValueError(f"{len(rows)} × {len(columns)} cells are more than a block holds")
        return len(rows), len(columns), source.read(rows, columns)


def _exact(values: Array, *, is_complex: bool) -> tuple[str, str, Array]:
    """Return values in a type of the `array` module that holds them all."""
    import numpy as np

    kind = values.dtype.kind
    if is_complex:
        wide = values if values.dtype.itemsize >= 8 else values.astype(np.complex64)
        return "complex", "d", wide.astype(np.complex128)
    if kind in "bu":
        return "bool" if kind == "b" else "integer", "Q", values.astype(np.uint64)
    if kind == "i" or values.dtype.name in ("int1", "int2", "int4", "uint1", "uint2", "uint4"):
        return "integer", "q", values.astype(np.int64)
    return "float", "d", values.astype(np.float64)
