"""The header of a ``.npy`` file: what its array is, read without evaluating anything.

Format: ``numpy/lib/_format_impl.py`` (NEP 1). Behind the magic, two bytes of version and a length stands a Python
literal such as ``{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }``. numpy evaluates it with
``ast.literal_eval``; here it is read by a parser of the few things that can be in it.
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any, NamedTuple, TypeGuard

from inspector.checkpoint.errors import BrokenCheckpointError
from inspector.checkpoint.limits import MAX_DIMENSIONS, MAX_ELEMENTS

MAGIC = b"\x93NUMPY"

#: Bytes of the header with what is before it, at the most: numpy itself refuses a text of more than 10,000.
MAX_HEADER_BYTES = 12 + 10_000

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^'\\]*'|\"[^\"\\]*\")|(?P<number>-?[0-9]{1,20})L?|(?P<word>True|False|None)|(?P<sign>.))"
)
_WORDS = {"True": True, "False": False, "None": None}
_CLOSING = {"(": ")", "[": "]", "{": "}"}

#: Nesting of the literal: a structured type in a structured type goes a few levels deep.
_MAX_NESTING = 20

#: torch's dtype for numpy's kind and bytes. Extension types (bfloat16) lose their name: they are written as ``V2``.
_DTYPES = {
    "b1": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64",
    "u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64",
    "f2": "float16", "f4": "float32", "f8": "float64", "c8": "complex64", "c16": "complex128",
}  # fmt: skip

#: Types written by one letter (``numpy.typecodes``), without those whose size depends on the machine.
_LETTERS = {
    "?": "b1", "b": "i1", "B": "u1", "h": "i2", "H": "u2", "i": "i4", "I": "u4", "q": "i8", "Q": "u8",
    "e": "f2", "f": "f4", "d": "f8", "F": "c8", "D": "c16", "O": "O8",
}  # fmt: skip

#: What torch has no dtype for, by kind; the sizes that numpy has, where not any size will do.
_FOREIGN: dict[str, tuple[str, tuple[int, ...]]] = {
    "S": ("bytes", ()), "a": ("bytes", ()), "U": ("text", ()), "V": ("raw bytes of an unknown type", ()),
    "M": ("dates", (8,)), "m": ("durations", (8,)), "O": ("Python objects", ()),
    "f": ("numbers of more digits than torch has", (12, 16)), "c": ("numbers of more digits than torch has", (24, 32)),
}  # fmt: skip

_TYPE = re.compile(r"(?P<order>[<>=|]?)(?P<kind>[a-zA-Z?])(?P<size>[0-9]{0,9})(\[[0-9a-zA-Z]{1,9}\])?")


class NpyHeader(NamedTuple):
    """What the header says.

    Attributes
    ----------
    dtype
        torch's name of the elements' type, empty where torch has none.
    what
        What the elements are where torch has no such type, as a part of a sentence.
    holds_objects
        The elements are Python objects: a pickle follows.
    item_size
        Bytes of an element.
    big_endian
        Byte order of the elements.
    shape
        In elements.
    fortran_order
        The first index changes fastest.
    length
        Bytes of the header: the elements begin behind it.
    """

    dtype: str
    what: str
    holds_objects: bool
    item_size: int
    big_endian: bool
    shape: tuple[int, ...]
    fortran_order: bool
    length: int

    @property
    def stride(self) -> tuple[int, ...]:
        """Steps between neighbours along each dimension, in elements."""
        strides, step = [], 1
        for size in self.shape if self.fortran_order else reversed(self.shape):
            strides.append(step)
            step *= max(size, 1)
        return tuple(strides) if self.fortran_order else tuple(reversed(strides))


def parse_npy_header(head: bytes) -> NpyHeader:
    """Read the header at the start of ``head``.

    Parameters
    ----------
    head
        The array file's first bytes: `MAX_HEADER_BYTES`, or all of it where it is shorter.

    Raises
    ------
    BrokenCheckpointError
        It makes no sense; the message has no file's name.
    """
    major = head[6] if len(head) >= 10 else 0
    if not head.startswith(MAGIC) or major not in (1, 2, 3):
        raise BrokenCheckpointError("It is no NumPy array of a known version.")
    if major > 1 and len(head) < 12:
        raise BrokenCheckpointError("Its header is cut short.")
    start, (length,) = (10, struct.unpack("<H", head[8:10])) if major == 1 else (12, struct.unpack("<I", head[8:12]))
    if start + length > MAX_HEADER_BYTES:
        raise BrokenCheckpointError("Its header is longer than NumPy itself would read.")
    if start + length > len(head):
        raise BrokenCheckpointError("Its header is cut short.")
    try:
        text = head[start : start + length].decode("utf-8" if major == 3 else "latin-1")
        found = _Literal(text).read()
    except ValueError:
        raise BrokenCheckpointError("Its header can't be understood.") from None
    return _header(found, start + length)


def _header(found: Any, length: int) -> NpyHeader:
    fields = found if isinstance(found, dict) and set(found) == {"descr", "fortran_order", "shape"} else {}
    descr, fortran, shape = fields.get("descr"), fields.get("fortran_order"), fields.get("shape")
    if not _is_shape(shape) or type(fortran) is not bool or not isinstance(descr, str | list | tuple):
        raise BrokenCheckpointError("Its header makes no sense.")
    if isinstance(descr, str):
        dtype, what, item_size, big_endian = _type(descr)
    else:
        dtype, what, item_size, big_endian = "", "records of fields", _size(descr), False
    return NpyHeader(dtype, what, _holds_objects(descr), item_size, big_endian, shape, fortran, length)


def _is_shape(value: Any) -> TypeGuard[tuple[int, ...]]:
    if not isinstance(value, tuple) or len(value) > MAX_DIMENSIONS:
        return False
    numel = 1
    for size in value:
        if type(size) is not int or not 0 <= size < MAX_ELEMENTS:
            return False
        numel *= size
    return numel < MAX_ELEMENTS


def _type(descr: str) -> tuple[str, str, int, bool]:
    """Return (torch's dtype or "", what else it is, bytes of an element, whether it is big-endian)."""
    found = _TYPE.fullmatch(descr)
    if found is None:
        raise _no_type()
    code = found["kind"] + found["size"] if found["size"] else _LETTERS.get(found["kind"], found["kind"] + "0")
    dtype, kind, size = _DTYPES.get(code, ""), code[0], int(code[1:])
    what, sizes = ("", ()) if dtype else _FOREIGN.get(kind, ("", (-1,)))
    if sizes and size not in sizes:
        raise _no_type()
    return dtype, what, size * 4 if kind == "U" else size, found["order"] == ">"


def _size(descr: Any) -> int:
    """Return the bytes of an element; of records those of their fields, among which numpy counts the gaps."""
    if isinstance(descr, str):
        return _type(descr)[2]
    if isinstance(descr, tuple):  # a type and the shape of a small array of it
        fields: list[tuple[Any, ...]] = [("", *descr)]
    else:
        fields = descr if isinstance(descr, list) else [()]
    total = 0
    for field in fields:
        shape = field[2] if isinstance(field, tuple) and len(field) == 3 else ()
        shape = (shape,) if type(shape) is int else shape
        if not isinstance(field, tuple) or len(field) not in (2, 3) or not _is_shape(shape):
            raise _no_type()
        total += math.prod(shape) * _size(field[1])
    if total >= MAX_ELEMENTS:
        raise _no_type()
    return total


def _no_type() -> BrokenCheckpointError:
    return BrokenCheckpointError("Its header names a type that NumPy does not have.")


def _holds_objects(descr: Any) -> bool:
    """Tell whether Python objects are among the fields: then the whole array is pickled."""
    if isinstance(descr, str):
        found = _TYPE.fullmatch(descr)
        return found is not None and found["kind"] == "O"
    if isinstance(descr, tuple):  # a type and the shape of a small array of it
        return bool(descr) and _holds_objects(descr[0])
    fields = descr if isinstance(descr, list) else []
    return any(isinstance(field, tuple) and len(field) > 1 and _holds_objects(field[1]) for field in fields)


class _Literal:
    """A parser of dictionaries, tuples, lists, plain texts, integers, True, False and None."""

    def __init__(self, text: str) -> None:
        self._tokens = [(str(found.lastgroup), found[found.lastgroup or 0]) for found in _TOKEN.finditer(text.rstrip())]
        self._at = 0

    def read(self) -> Any:
        """Return the literal that makes up the whole text; ValueError where it is none."""
        found = self._value(0)
        if self._at != len(self._tokens):
            raise ValueError
        return found

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise ValueError
        self._at += 1
        return self._tokens[self._at - 1]

    def _value(self, depth: int) -> Any:
        kind, token = self._next()
        if kind == "text":
            return token[1:-1]
        if kind == "number":
            return int(token)
        if kind == "word":
            return _WORDS[token]
        if token not in _CLOSING or depth >= _MAX_NESTING:
            raise ValueError
        return self._entries(token, depth)

    def _entries(self, opening: str, depth: int) -> Any:
        closing, found, commas = _CLOSING[opening], [], 0
        while self._peek() != closing:
            entry = self._value(depth + 1)
            if opening == "{":
                if not isinstance(entry, str) or self._next()[1] != ":":
                    raise ValueError
                entry = (entry, self._value(depth + 1))
            found.append(entry)
            if self._peek() == ",":
                self._at += 1
                commas += 1
            elif self._peek() != closing:
                raise ValueError
        self._at += 1
        if opening == "{":
            if len({key for key, _ in found}) != len(found):
                raise ValueError
            return dict(found)
        if opening == "(" and len(found) == 1 and not commas:
            return found[0]
        return tuple(found) if opening == "(" else found

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            raise ValueError
        return self._tokens[self._at][1]
