"""The file's names and values as text that can be shown: escaped, elided, never a surprise to ``print``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from inspector.checkpoint.limits import (
    MAX_LIST_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_QUOTED_CHARACTERS,
    MAX_SHOWN_INT_BITS,
    MAX_VALUE_CHARACTERS,
)
from inspector.checkpoint.plain import plain_text
from inspector.checkpoint.values import (
    Global,
    PickledDict,
    PickledObject,
    PickledSet,
    StorageReference,
    TensorValue,
    Value,
)

T = TypeVar("T")

#: A key that is a tuple of up to this many items is shown whole.
_MAX_KEY_ITEMS = 4


class _Escapes(dict[int, str | int]):
    """Each character's own code, or its escape where it is not printable.

    Those that reorder or hide text (U+202E, U+200B, ...) are not: a name must not be able to look like another.
    """

    def __missing__(self, code: int) -> str | int:
        self[code] = found = code if chr(code).isprintable() else ascii(chr(code))[1:-1]
        return found


_ESCAPES = _Escapes()


def clean_name(key: Value) -> str:
    """Return a key or name as text: control and reordering characters escaped, very long ones elided."""
    if isinstance(key, tuple):
        return f"({', '.join(map(value_text, key))})" if len(key) <= _MAX_KEY_ITEMS else value_text(key)
    if type(key) is not str:
        return value_text(key)
    if len(key) > MAX_NAME_CHARACTERS:
        return _escape(key[: MAX_NAME_CHARACTERS - 40]) + f"… ({len(key):,} characters)"
    return _escape(key)


def clean_text(text: str, characters: int) -> str:
    """Return a text of many lines: what hides or reorders escaped, and so many characters at the most."""
    shown = "\n".join(_escape(line.replace("\t", "    ")) for line in text[:characters].splitlines())
    more = len(text) - characters
    return shown if more <= 0 else f"{shown}\n… {more:,} more characters are not shown."


def quoted(name: str) -> str:
    """Return a name from the file in quotes, short enough for a sentence."""
    return f"'{_escape(shorten(name))}'"


def the_tensor(name: str) -> str:
    """Return a tensor's name to begin a sentence with, short enough for one; that of a file's only tensor is empty."""
    return shorten(name) or "The tensor"


def shorten(text: str, characters: int = MAX_QUOTED_CHARACTERS) -> str:
    """Return the text, elided where it is longer than so many characters."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def bounded(items: Iterable[T]) -> list[T]:
    """Return as many of the items, from the first, as may travel together as JSON."""
    kept, left = [], MAX_LIST_BYTES
    for item in items:
        left -= json_size(item)
        if left < 0:
            break
        kept.append(item)
    return kept


def json_size(value: Any) -> int:
    """Return the bytes that a JSON value takes between the processes."""
    return len(json.dumps(value))


def _escape(text: str) -> str:
    return text if text.isprintable() else text.translate(_ESCAPES)


def value_text(value: Value) -> str:
    """Return a plain value as short text, for the tree and the tables."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() <= MAX_SHOWN_INT_BITS else f"an integer of {value.bit_length():,} bits"
    if isinstance(value, float | complex):
        return repr(value)
    if isinstance(value, str):
        return _escape(value[:MAX_VALUE_CHARACTERS]) + ("…" if len(value) > MAX_VALUE_CHARACTERS else "")
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return _structure_text(value)


def _structure_text(value: Value) -> str:
    if isinstance(value, tuple) and 0 < len(value) <= 4 and all(type(item) is int for item in value):
        return " × ".join(value_text(item) for item in value)
    if isinstance(value, list | tuple):
        return _count(len(value), "item", "items")
    if isinstance(value, PickledDict):
        return _count(len(value), "entry", "entries")
    if isinstance(value, PickledSet):
        return _count(len(value.items), "item", "items")
    if isinstance(value, Global):
        return clean_name(value.dotted)
    if isinstance(value, PickledObject):
        return clean_name(plain_text(value) or value.class_name)
    if isinstance(value, TensorValue):
        return f"tensor {' × '.join(map(str, value.shape))}" if value.shape else "scalar tensor"
    return "storage" if isinstance(value, StorageReference) else type(value).__name__


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
