"""Columns from bytes, and the checks that make every index in them safe to use.

Columns of hundreds of thousands of rows are gone through on the window's threads, where a loop in Python would hold
the event loop: everything here is a few calls that loop in C.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Generator, Iterator
from itertools import accumulate, chain, compress, repeat
from operator import eq, lt
from typing import Any

#: Nodes that are checked, and bytes of text that are split, between two chances to pause: a few milliseconds.
_SLICE = 16_384
_SLICE_BYTES = 1 << 18


def column_in_steps(code: str, raw: bytes | bytearray | memoryview) -> Generator[None, None, Any]:
    """Make a column: of text joined by NUL a list where ``code`` is empty, else an array of that type."""
    if code:
        values = array(code)
        values.frombytes(raw)
        return values
    text, rows, start = bytes(raw), list[str](), 0
    while start <= len(text):
        stop = text.find(b"\0", start + _SLICE_BYTES)
        stop = len(text) if stop < 0 else stop
        rows += text[start:stop].decode("utf-8", "surrogatepass").split("\0")
        start = stop + 1
        yield
    return rows


def is_within(indices: array[int], count: int) -> bool:
    """Tell whether all indices are -1 or below ``count``."""
    return min(indices, default=-1) >= -1 and max(indices, default=-1) < count


def has_negatives(column: array[int]) -> bool:
    """Tell whether any number is below zero: a look at their signs alone, tenfold faster than `min`."""
    signs = slice(column.itemsize - 1 if sys.byteorder == "little" else 0, None, column.itemsize)
    return not column.tobytes()[signs].isascii()


def running_sum(counts: array[int]) -> array[int]:
    """Return where each of the counted runs begins, and where the last ends."""
    return array("q", accumulate(counts, initial=0))


def runs_of(column: array[int], value: int) -> list[range]:
    """Return the runs of rows that hold a value, in order."""
    if column == array(column.typecode, [value]) * len(column):
        return [range(len(column))] if column else []
    marks = bytes(map(eq, column, repeat(value)))
    runs, stop = [], 0
    while (start := marks.find(1, stop)) >= 0:
        stop = marks.find(0, start)
        stop = len(marks) if stop < 0 else stop
        runs.append(range(start, stop))
    return runs


def breadth_first_checks(first_children: array[int], child_counts: array[int], parents: array[int]) -> Iterator[bool]:
    """Check, slice by slice, that the columns are one tree laid out breadth first, each node's children in a row.

    ``child_counts`` are not negative, and there is a node. Every other node's parent is before it: each way up ends.
    """
    nodes, first = len(child_counts), 1
    yield sum(child_counts) == nodes - 1 and parents[0] == -1
    for start in range(0, nodes, _SLICE):
        stop = min(nodes, start + _SLICE)
        counts = child_counts[start:stop]
        firsts = array("i", accumulate(counts, initial=first))
        inner = array("i", compress(range(start, stop), counts))
        wanted = array("i", chain.from_iterable(map(repeat, inner, filter(None, counts))))
        follow = all(map(lt, inner, compress(firsts, counts)))
        yield follow and firsts[:-1] == first_children[start:stop] and wanted == parents[first : firsts[-1]]
        first = firsts[-1]
