"""The tensors of an exported program as its archive describes them in JSON.

Format: ``PayloadConfig``, ``PayloadMeta`` and ``TensorMeta`` of ``torch/_export/serde/schema.py``, version 8.
"""

from __future__ import annotations

import json
from typing import Any

from inspector.checkpoint.dtypes import ITEM_SIZES, UNKNOWN
from inspector.checkpoint.errors import AmbiguousArchiveError, BrokenCheckpointError
from inspector.checkpoint.limits import MAX_DIMENSIONS, MAX_ELEMENTS
from inspector.checkpoint.tensor_bytes import numel_of
from inspector.checkpoint.text import quoted
from inspector.checkpoint.values import StorageReference, TensorValue, UnusualTensor

#: ``ScalarType`` of the schema.
SCALAR_TYPES: dict[int, str] = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64",
    9: "complex32", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16",
    29: "float8_e4m3fn", 30: "float8_e5m2", 31: "float8_e4m3fnuz", 32: "float8_e5m2fnuz", 33: "float8_e8m0fnu",
    34: "uint32", 35: "uint64",
}  # fmt: skip

#: ``Layout`` of the schema; any but these is sparse or belongs to a library of its own.
_UNKNOWN, STRIDED = 0, 7


def parse_json(raw: bytes, record: str, file_name: str) -> dict[str, Any]:
    """Return the table that a JSON record holds.

    Raises
    ------
    BrokenCheckpointError
        It is no JSON, or no table.
    AmbiguousArchiveError
        A name occurs twice in one of its tables.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise AmbiguousArchiveError(
                f"{file_name} is refused: a name occurs twice in its {quoted(record)}, so two programs could read "
                "different things out of it.",
                "Ask for a fresh copy, saved by torch.",
            )
        return found

    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise BrokenCheckpointError(f"{file_name} is damaged: its {quoted(record)} can't be understood.") from None
    return table(found)


def table(value: Any) -> dict[str, Any]:
    """Return a JSON value that should be a table; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Any]:
    """Return a JSON value that should be a list; an empty one where it is none."""
    return value if isinstance(value, list) else []


def word(value: Any) -> str:
    """Return a JSON value that should be text; empty where it is none."""
    return value if isinstance(value, str) else ""


def tensor_of(
    meta: Any, key: str, nbytes: int | None, storages: dict[tuple[str, str], StorageReference]
) -> TensorValue:
    """Return the tensor that a ``TensorMeta`` describes.

    Parameters
    ----------
    meta
        The description, as JSON gave it.
    key
        The storage that holds it.
    nbytes
        The storage's bytes; None where the archive lacks it.
    storages
        Those made before, by key and dtype; the tensor's is added.
    """
    fields = table(meta)
    code = fields.get("dtype")
    dtype = SCALAR_TYPES.get(code) if type(code) is int else None
    shape, stride = _numbers(fields.get("sizes")), _numbers(fields.get("strides"))
    if shape is not None and numel_of(shape) >= MAX_ELEMENTS:
        shape = None
    (offset,) = _numbers([fields.get("storage_offset")]) or (None,)
    if dtype is None or shape is None or stride is None or offset is None or len(shape) != len(stride):
        return UnusualTensor(
            None, 0, shape or (), stride or (), dtype or UNKNOWN, problem="its description makes no sense"
        )
    requires_grad = fields.get("requires_grad") is True
    if fields.get("layout") not in (_UNKNOWN, STRIDED):
        return UnusualTensor(None, 0, shape, stride, dtype, requires_grad, layout="sparse")
    device = word(table(fields.get("device")).get("type"))[:20] or "?"
    if (key, dtype) not in storages:
        storages[key, dtype] = StorageReference(key, dtype, (nbytes or 0) // ITEM_SIZES[dtype], device)
    return TensorValue(storages[key, dtype], offset, shape, stride, dtype, requires_grad)


def _numbers(value: Any) -> tuple[int, ...] | None:
    """Return a list of ``SymInt`` as numbers; None where one is no number, or is too large."""
    if not isinstance(value, list) or len(value) > MAX_DIMENSIONS:
        return None
    numbers: list[int] = []
    for item in value:
        number = table(item).get("as_int")
        if type(number) is not int or not 0 <= number < MAX_ELEMENTS:
            return None
        numbers.append(number)
    return tuple(numbers)
