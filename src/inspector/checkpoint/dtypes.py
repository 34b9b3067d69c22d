"""torch's dtypes, by torch's own names: sizes, storage classes, safetensors codes.

Sources: ``torch.storage._storage_type_to_dtype``, ``torch/csrc/api`` scalar types, and the dtype table of
safetensors 0.5 (``safetensors/src/tensor.rs``).
"""

from __future__ import annotations

#: Bytes per element. Those of less than a byte count the byte that holds them, and perhaps others; see `PACKED`.
ITEM_SIZES: dict[str, int] = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2,
    "float8_e5m2": 1, "float8_e4m3fn": 1, "float8_e5m2fnuz": 1, "float8_e4m3fnuz": 1, "float8_e8m0fnu": 1,
    "float4_e2m1fn_x2": 1,
    "complex128": 16, "complex64": 8, "complex32": 4,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1,
    "uint16": 2, "uint32": 4, "uint64": 8, "bool": 1,
    "qint8": 1, "quint8": 1, "qint32": 4, "quint4x2": 1, "quint2x4": 1,
    "bcomplex32": 4, "bits8": 1, "bits16": 2, "bits1x8": 1, "bits2x4": 1, "bits4x2": 1,
}  # fmt: skip

#: Elements in a byte, of the quantized dtypes that count more than one, the first in the lowest bits.
PACKED: dict[str, int] = {"quint4x2": 2, "quint2x4": 4}

#: The dtype of what torch has no dtype for, and of what does not tell its own.
UNKNOWN = "unknown"

#: Columns carry a dtype as its index in this tuple; 255 stands for `UNKNOWN`.
DTYPE_NAMES: tuple[str, ...] = tuple(ITEM_SIZES)
DTYPE_CODES: dict[str, int] = {name: code for code, name in enumerate(DTYPE_NAMES)}

FLOATING: frozenset[str] = frozenset(
    name for name in ITEM_SIZES if name.startswith(("float", "bfloat", "complex", "bcomplex"))
)

STORAGE_DTYPES: dict[str, str] = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16",
    "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexDoubleStorage": "complex128", "ComplexFloatStorage": "complex64",
    "QInt8Storage": "qint8", "QUInt8Storage": "quint8", "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4",
    "UntypedStorage": "uint8",
}  # fmt: skip

SAFETENSORS_DTYPES: dict[str, str] = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "C64": "complex64", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def storage_dtype(module: str, name: str) -> str | None:
    """Return the dtype of a storage class such as ``torch.FloatStorage``, or None when it is no such class."""
    if module in ("torch", "torch.cuda", "torch.storage"):
        return STORAGE_DTYPES.get(name)
    return None
