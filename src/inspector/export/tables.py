"""Tables as text: for a file (CSV) and for the clipboard (tabs, as spreadsheets take them)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV (RFC 4180, lines ended by a line feed alone).

    A field that a spreadsheet would take for a formula gets an apostrophe before it: names come from strangers' files.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_inert(field) for field in row] for row in rows)
    return out.getvalue()


def tab_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as lines of fields with tabs between them."""
    lines = ["\t".join(header), *("\t".join(_on_one_line(field) for field in row) for row in rows)]
    return "\n".join(lines) + "\n"


def _inert(field: object) -> str:
    text = str(field)
    if isinstance(field, int | float):
        return text  # -1.5 is a number, no formula
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _on_one_line(field: object) -> str:
    return str(field) if isinstance(field, int | float) else _inert(" ".join(str(field).split()))
