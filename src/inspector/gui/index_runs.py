"""Rows as runs without gaps, as item models remove them."""

from __future__ import annotations

from itertools import groupby


def runs(rows: list[int]) -> list[tuple[int, int]]:
    """Return ascending rows as runs without gaps, first and last row of each."""
    grouped = (list(run) for _, run in groupby(enumerate(rows), lambda pair: pair[1] - pair[0]))
    return [(run[0][1], run[-1][1]) for run in grouped]
