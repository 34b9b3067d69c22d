"""Columns from bytes, and the checks that make every index in them safe to use."""

from __future__ import annotations

from array import array
from typing import Any


def from_bytes(code: str, raw: bytes | bytearray | memoryview) -> Any:
    """Return a column: text joined by NUL as a list where ``code`` is empty, else an array of that type."""
    if not code:
        return bytes(raw).decode("utf-8", "surrogatepass").split("\0")
    values = array(code)
    values.frombytes(raw)
    return values


def is_within(indices: array[int], count: int) -> bool:
    """Tell whether all indices are -1 or below ``count``."""
    return min(indices, default=-1) >= -1 and max(indices, default=-1) < count


def running_sum(counts: array[int]) -> array[int]:
    """Return where each of the counted runs begins, and where the last ends."""
    starts, total = array("q", [0]), 0
    for count in counts:
        total += count
        starts.append(total)
    return starts
