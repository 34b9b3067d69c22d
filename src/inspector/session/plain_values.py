"""The plain values of a checkpoint as rows of a table: what lies in another is indented below it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

_INDENT = "  "

#: Values of a list that are written in one row; the rest is counted.
_MOST_INLINE = 12


def value_rows(values: dict[str, Any], level: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the key and the text of each value, in order.

    Parameters
    ----------
    values
        JSON values by name, as a summary's ``metadata`` has them.
    level
        How many tables they lie in.
    """
    for key, value in values.items():
        label = _INDENT * level + key
        below = value if isinstance(value, dict) else _numbered(value) if isinstance(value, list) else {}
        if below:
            yield label, ""
            yield from value_rows(below, level + 1)
        else:
            yield label, _text(value)


def _numbered(value: list[Any]) -> dict[str, Any]:
    """Return the items of a list that takes a row for each: of tables and lists, or of texts with spaces in them."""
    is_wide = any(isinstance(item, dict | list) for item in value)
    is_wide = is_wide or (len(value) > 1 and any(isinstance(item, str) and " " in item for item in value))
    return {str(place): item for place, item in enumerate(value)} if is_wide else {}


def _text(value: Any) -> str:
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], str):
            return value[0]
        more = [f"… {len(value) - _MOST_INLINE:,} more"] if len(value) > _MOST_INLINE else []
        return f"[{', '.join([*map(_text, value[:_MOST_INLINE]), *more])}]"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'−' if value < 0 else ''}infinity"
    return value if isinstance(value, str) else repr(value)
