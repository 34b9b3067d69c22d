"""A comparison's figures in words, the same in the window and on the command line."""

from __future__ import annotations

import math

from inspector.session import words
from inspector.session.comparison_state import ComparisonRow

KIND_WORDS = {
    "changed": "changed",
    "shape": "another shape",
    "unread": "not compared",
    "only_a": "only in A",
    "only_b": "only in B",
    "equal": "equal",
}


def max_abs(row: ComparisonRow) -> str:
    """Return the largest magnitude of the difference."""
    return _figure(row.max_abs)


def change(row: ComparisonRow) -> str:
    """Return the relative change, in percent where that is readable."""
    value = row.relative_l2
    if not math.isfinite(value):
        return _figure(value)
    if 0.0005 <= value < 10:
        return words.percent(value)
    return (
        f"{100 * value:.1g}{words.THIN}%" if value < 0.0005 else f"{value:,.0f}{words.THIN}×".replace(",", words.THIN)
    )


def cosine(row: ComparisonRow) -> str:
    """Return the cosine, with more digits the nearer it is to 1; an en dash where there is none."""
    value = row.cosine
    if math.isnan(value):
        return "–"
    return (f"{value:.6f}" if value > 0.999 else f"{value:.4f}").replace("-", "−")


def _figure(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "∞" if math.isinf(value) else words.figure(value)
