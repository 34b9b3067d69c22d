"""A checkpoint as bounded columns, to cross a process border without a pickle and without a million objects.

`encode` runs in the reader: text joined by NUL, numbers in arrays. `CheckpointSummary` reads them on the other side.
"""

from __future__ import annotations

from array import array
from typing import Any

from inspector.checkpoint.dtypes import DTYPE_CODES
from inspector.checkpoint.embedded import Embedded
from inspector.checkpoint.layout import lay_out
from inspector.checkpoint.limits import MAX_VALUE_CHARACTERS
from inspector.checkpoint.opening import Checkpoint
from inspector.checkpoint.part_columns import PART_ROLES
from inspector.checkpoint.source import InspectedFile
from inspector.checkpoint.summary import COLUMNS, LAYOUTS, ROLES
from inspector.checkpoint.tensors import Tensor, storage_key_of, storage_offset_of
from inspector.checkpoint.text import bounded, clean_name, clean_text, shorten

_UNKNOWN_DTYPE = 255

_MAX_WARNINGS = 100
_MAX_SOURCES = 50
_MAX_SOURCE_CHARACTERS = 200_000


def encode(checkpoint: Checkpoint) -> tuple[dict[str, Any], list[bytes]]:
    """Return the header (JSON of a few MB at the most, whatever the file holds) and the columns of a checkpoint."""
    columns: dict[str, list[str] | array[int] | array[float]] = {}
    columns |= _tensor_columns(checkpoint) | _part_columns(checkpoint) | _storage_columns(checkpoint)
    columns |= lay_out(checkpoint)
    names = bounded([(shorten(name), found) for name, found in checkpoint.globals])
    warnings = [shorten(warning, MAX_VALUE_CHARACTERS) for warning in checkpoint.warnings[:_MAX_WARNINGS]]
    if len(names) < len(checkpoint.globals):
        warnings.append(f"It names {len(checkpoint.globals):,} functions and classes; {len(names):,} are listed.")
    header = {
        "path": str(checkpoint.path),
        "files": [InspectedFile(source.path, source.identity).to_json() for source in checkpoint.files],
        "whole": checkpoint.contents.whole,
        "container": checkpoint.container,
        "kind": checkpoint.kind,
        "class": checkpoint.class_name,
        "complete": checkpoint.complete,
        "safety": checkpoint.safety,
        "warnings": warnings,
        "globals": names,
        "state_dicts": [
            [
                found.path,
                found.role,
                found.wrapper,
                found.class_name,
                found.parameters,
                found.buffers,
                len(found.tensors),
            ]
            for found in checkpoint.state_dicts
        ],
        "model": _model_index(checkpoint),
        "metadata": checkpoint.metadata,
        "embedded": _embedded_to_json(checkpoint.embedded),
        "native_code": bounded(map(clean_name, checkpoint.contents.native_code)),
        "sources": bounded(
            [
                [
                    clean_name(source.class_name),
                    clean_name(source.file),
                    clean_text(source.text, _MAX_SOURCE_CHARACTERS),
                ]
                for source in checkpoint.sources[:_MAX_SOURCES]
            ]
        ),
    }
    return header, [_to_bytes(columns[name]) for name, _ in COLUMNS]


def _model_index(checkpoint: Checkpoint) -> int:
    model = checkpoint.model_state_dict
    return -1 if model is None else checkpoint.state_dicts.index(model)


def _tensor_columns(checkpoint: Checkpoint) -> dict[str, list[str] | array[int]]:
    tensors = checkpoint.tensors
    places: dict[str, int] = {key: place for place, key in enumerate(checkpoint.contents.storages)}
    shared, moments = array("i", [-1]) * len(tensors), array("i", [-1]) * len(tensors)
    if checkpoint.shared or checkpoint.moments:
        by_name = {tensor.name: index for index, tensor in reversed(list(enumerate(tensors)))}
        for index, tensor in enumerate(tensors):
            if tensor.shared_with:
                shared[index] = by_name[tensor.shared_with]
            if tensor.parameter:
                moments[index] = by_name[tensor.parameter]
    shapes, strides = array("q"), array("q")
    for tensor in tensors:
        shapes.extend(tensor.shape)
        strides.extend(tensor.stride if len(tensor.stride) == len(tensor.shape) else (0,) * len(tensor.shape))
    return {
        "names": [tensor.name for tensor in tensors],
        "problems": [tensor.problem for tensor in tensors],
        "dtypes": array("B", [DTYPE_CODES.get(tensor.dtype, _UNKNOWN_DTYPE) for tensor in tensors]),
        "roles": array("B", [ROLES.index(tensor.role) for tensor in tensors]),
        "ndims": array("B", [len(tensor.shape) for tensor in tensors]),
        "shapes": shapes,
        "strides": strides,
        "offsets": array("q", [tensor.storage_offset for tensor in tensors]),
        "storages": array("i", [places.get(tensor.storage_key, -1) for tensor in tensors]),
        "shared": shared,
        "owners": array("i", [found.state_dict for found in checkpoint.survey.tensors]),
        "moments": moments,
        "layouts": array("B", [LAYOUTS.index(tensor.layout) for tensor in tensors]),
    }


def _part_columns(checkpoint: Checkpoint) -> dict[str, list[str] | array[int] | array[float]]:
    """Return the columns of what tensors are put together from, and of how integers stand for numbers."""
    places: dict[str, int] = {key: place for place, key in enumerate(checkpoint.contents.storages)}
    quantized = [(index, tensor.quantization) for index, tensor in enumerate(checkpoint.tensors) if tensor.quantization]
    parts = [(index, part) for index, tensor in _in_parts(checkpoint) for part in tensor.parts]
    values = [part.tensor for _, part in parts]
    numbers = {
        "part_shapes": [size for value in values for size in value.shape],
        "part_strides": [step for value in values for step in value.stride],
        "part_starts": [at for _, part in parts for at in (part.start or (0,) * len(part.tensor.shape))],
        "part_offsets": [storage_offset_of(value) for value in values],
        "zero_points": [found.zero_point for _, found in quantized],
    }
    return {
        "part_owners": array("i", [index for index, _ in parts]),
        "part_roles": array("B", [PART_ROLES.index(part.role) for _, part in parts]),
        "part_dtypes": array("B", [DTYPE_CODES[value.dtype] for value in values]),
        "part_ndims": array("B", [len(value.shape) for value in values]),
        "part_storages": array("i", [places[storage_key_of(value)] for value in values]),
        "quantized": array("i", [index for index, _ in quantized]),
        "scales": array("d", [found.scale for _, found in quantized]),
        "axes": array("i", [found.axis for _, found in quantized]),
        **{name: array("q", column) for name, column in numbers.items()},
    }


def _in_parts(checkpoint: Checkpoint) -> list[tuple[int, Tensor]]:
    return [(index, tensor) for index, tensor in enumerate(checkpoint.tensors) if tensor.parts and not tensor.problem]


def _storage_columns(checkpoint: Checkpoint) -> dict[str, list[str] | array[int]]:
    where = list(checkpoint.contents.storages.values())
    return {
        "storage_files": array("i", [location.file for location in where]),
        "storage_skips": array("q", [location.skip for location in where]),
        "storage_big_endian": array("B", [location.big_endian for location in where]),
        "storage_is_text": array("B", [location.is_text for location in where]),
        "storage_entries": [location.entry for location in where],
        "storage_offsets": array("q", [location.offset for location in where]),
        "storage_nbytes": array("q", [location.nbytes for location in where]),
        "storage_packed": array("q", [location.packed for location in where]),
    }


def _to_bytes(column: list[str] | array[int] | array[float]) -> bytes:
    if isinstance(column, array):
        return column.tobytes()
    return "\0".join(column).encode("utf-8", "surrogatepass")


def _embedded_to_json(embedded: Embedded) -> dict[str, Any]:
    return {
        "architecture": embedded.architecture,
        "num_classes": embedded.num_classes,
        "class_names": list(embedded.class_names),
        "preprocessing": embedded.preprocessing,
        "description": embedded.description,
    }
