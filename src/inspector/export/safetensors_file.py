"""A safetensors file, as the reference implementation writes it: https://github.com/huggingface/safetensors#format .

Tensors are ordered by dtype, the widest first, then by name, as ``safetensors/src/tensor.rs`` does it; the header is
padded with spaces to a multiple of eight bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from inspector.checkpoint.dtypes import SAFETENSORS_DTYPES
from inspector.checkpoint.safetensors_container import MAX_HEADER_BYTES
from inspector.checkpoint.source import Files
from inspector.checkpoint.tensor_bytes import TensorPlace, nbytes_of
from inspector.export.entries import unusual_layout, values_of
from inspector.export.errors import UnwritableError
from inspector.export.plan import TABLE, Plan
from inspector.export.tensor_stream import tensor_pieces

_CODES = {dtype: code for code, dtype in SAFETENSORS_DTYPES.items()}

#: The dtypes in the order of the reference implementation's own enumeration, by which it sorts.
_ORDER = (
    "BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I16 U16 F16 BF16 I32 U32 F32 C64 F64 I64 U64"
).split()

_METADATA = "__metadata__"
_PTH = "A .pth may hold it."


class SafetensorsFile:
    """A safetensors file of a plan, ready to be written.

    Raises
    ------
    UnwritableError
        It holds what such a file can't.

    Attributes
    ----------
    tensors
        Number of tensors.
    nbytes
        Bytes of the file.
    """

    def __init__(self, plan: Plan) -> None:
        values: list[tuple[str, TensorPlace]] = values_of(plan, _why_not, _PTH)
        values.sort(key=lambda entry: (-_ORDER.index(_CODES[entry[1].dtype]), entry[0]))
        self._places = [place for _, place in values]
        self.tensors = len(values)
        self._header = _header(plan, values)
        self.nbytes = len(self._header) + sum(nbytes_of(place.shape, place.dtype) for place in self._places)

    def write(self, file: BinaryIO, files: Files) -> Iterator[int]:
        """Write it piece by piece; yields the bytes of each.

        Raises
        ------
        CheckpointError
            The original can't be read.
        OSError
            The copy can't be written.
        """
        file.write(self._header)
        yield len(self._header)
        for place in self._places:
            for piece in tensor_pieces(files, place):
                file.write(piece)
                yield len(piece)


def _header(plan: Plan, values: list[tuple[str, TensorPlace]]) -> bytes:
    # What loads these files asks them whose they are; "pt" is what the reference implementation writes for torch.
    texts = {"format": "pt"} | plan.metadata
    if plan.table:
        texts[TABLE] = json.dumps(plan.table, ensure_ascii=False)
    table: dict[str, Any] = {_METADATA: texts}
    at = 0
    for key, place in values:
        size = nbytes_of(place.shape, place.dtype)
        offsets = [at, at + size]
        table[key] = {"dtype": _CODES[place.dtype], "shape": list(place.shape), "data_offsets": offsets}
        at += size
    try:
        text = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        raise UnwritableError(f"A name in {plan.name} is no text that safetensors can hold.", _PTH) from None
    text += b" " * (-len(text) % 8)
    if _METADATA in dict(values) or len(text) > MAX_HEADER_BYTES:
        raise UnwritableError(f"The names in {plan.name} don't fit in a safetensors header.", _PTH)
    return struct.pack("<Q", len(text)) + text


def _why_not(value: Any) -> str:
    if not isinstance(value, TensorPlace):
        return "it is no tensor"
    if value.layout == "quantized":
        return f"it is quantized ({value.dtype})"
    return unusual_layout(value) or ("" if value.dtype in _CODES else f"it is {value.dtype}")
