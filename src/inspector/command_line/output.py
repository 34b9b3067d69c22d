"""What goes to the terminal: one JSON document, or sentences and tables; errors and progress on stderr.

Names come from strangers' files, so nothing in them is markup, and no control character reaches a terminal.
"""

from __future__ import annotations

import io
import json
import math
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

#: Control characters, what hides or reorders text, and lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

Update = Callable[[float | None, str], None]


def printable(text: str) -> str:
    """Return text with everything escaped that a terminal would act on."""
    return _UNSAFE.sub(lambda found: ascii(found.group())[1:-1], text)


def prepare_streams() -> None:
    """Make sure that no name can make ``write`` fail: what the terminal's encoding lacks is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def tell(sentence: str) -> None:
    """Write one line to stderr: an error, or something to know."""
    sys.stderr.write(f"inspector: {printable(sentence)}\n")


def print_json(document: dict[str, Any]) -> None:
    """Print a JSON document; NaN and Inf as null.

    A lone surrogate of a file's name is escaped by the stream, and that escape is JSON's own.
    """
    plain_ascii = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    try:
        text = json.dumps(document, ensure_ascii=plain_ascii, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(document), ensure_ascii=plain_ascii, allow_nan=False)
    sys.stdout.write(text + "\n")


def print_json_list(document: dict[str, Any], name: str, items: Iterable[dict[str, Any]]) -> None:
    """Print a JSON document whose last key is a list that may be too long to be held in memory."""
    plain_ascii = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    head = json.dumps(_finite(document), ensure_ascii=plain_ascii, allow_nan=False)
    sys.stdout.write(f"{head[:-1]}{', ' if document else ''}{json.dumps(name)}: [")
    for place, item in enumerate(items):
        text = json.dumps(_finite(item), ensure_ascii=plain_ascii, allow_nan=False)
        sys.stdout.write(text if not place else f", {text}")
    sys.stdout.write("]}\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


class Page:
    """Readable output on stdout: in colour on a terminal, plain and never cut when piped."""

    def __init__(self) -> None:
        self._console = _console()

    def line(self, text: str = "", style: str = "") -> None:
        """Print a sentence; a terminal breaks it between words."""
        from rich.text import Text

        self._console.print(Text(printable(text), style=style), soft_wrap=not self._console.is_terminal)

    def heading(self, text: str) -> None:
        """Print what the next table is about."""
        self.line()
        self.line(text, "bold")

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> None:
        """Print aligned columns.

        Rich's own tables cut or fold what is wider than the screen, and take 6 s for 20,000 rows.

        Parameters
        ----------
        right
            Columns that are aligned to the right.
        """
        from rich.text import Text

        cells = [[printable(cell) for cell in row] for row in rows]
        widths = [max(map(_width, column)) for column in zip(headers, *cells, strict=True)]
        lines = [_row(row, widths, right) for row in (headers, *cells)]
        self._console.print(Text(lines[0], style="dim"), soft_wrap=True)
        if cells:
            self._console.out("\n".join(lines[1:]), highlight=False)


def _console() -> Console:
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> NoReturn:
            """Leave it to the one place that handles a reader who has seen enough."""
            raise BrokenPipeError

    return Plain(highlight=False, markup=False, emoji=False)


def _width(cell: str) -> int:
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def _row(cells: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    padded = []
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - _width(cell))
        padded.append(space + cell if place in right else cell + space)
    return "  ".join(padded).rstrip()


def _nowhere(_share: float | None, _what: str) -> None:
    """Show progress to nobody."""


@contextmanager
def progress(what: str) -> Iterator[Update]:
    """Show progress on stderr while the block runs, only on a terminal.

    Yields
    ------
    callable
        Takes the share that is done, from 0 to 1 (None where nobody knows), and what is being done.
    """
    if not sys.stderr.isatty():
        yield _nowhere
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task: TaskID = bar.add_task(printable(what), total=None)

        def update(share: float | None, text: str) -> None:
            bar.update(task, total=None if share is None else 1.0, completed=share or 0.0, description=printable(text))

        yield update
