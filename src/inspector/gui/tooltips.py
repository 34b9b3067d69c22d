"""Tooltips from text that a stranger may have written: shown as it stands, never as markup."""

from __future__ import annotations

from html import escape

#: Characters of one line that are shown at the most.
_LONGEST = 600


def tooltip(*lines: str) -> str:
    """Return a tooltip that shows the lines that are not empty, wrapped where they are long."""
    shown = [line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in lines if line]
    return f"<qt>{'<br>'.join(map(escape, shown))}</qt>" if shown else ""
