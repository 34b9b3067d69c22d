"""HTML made of texts from strangers' files: everything is escaped here, and nowhere else."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence

#: Characters of a name or value that a report shows.
MOST_CHARACTERS = 200


class Html(str):
    """Markup of our own, or text that is escaped."""

    __slots__ = ()


class _Escapes(dict[int, str | int]):
    """Each character's own code, or its escape where it controls, hides or reorders text."""

    def __missing__(self, code: int) -> str | int:
        letter = chr(code)
        shown = letter.isprintable() or unicodedata.category(letter) == "Zs"
        self[code] = found = code if shown else ascii(letter)[1:-1]
        return found


_ESCAPES = _Escapes()


def text(content: str, most: int = 4_000) -> Html:
    """Return any text as HTML, for an element or an attribute: escaped, and cut where it is long."""
    short = content if len(content) <= most else f"{content[: most - 1]}…"
    return Html(html.escape(short.translate(_ESCAPES)))


def name(content: str) -> Html:
    """Return a name from the file: as it is spelled, kept apart from the text around it."""
    return Html(f"<code>{text(content, MOST_CHARACTERS)}</code>")


def as_html(content: str) -> Html:
    """Return markup as it is, and any other text escaped."""
    return content if isinstance(content, Html) else text(content)


def join(pieces: Iterable[str]) -> Html:
    """Return pieces one after another; those that are no markup are escaped."""
    return Html("".join(map(as_html, pieces)))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> Html:
    """Return a table.

    Parameters
    ----------
    right
        Columns of figures.
    """
    sides = set(right)

    def cells(tag: str, row: Sequence[str]) -> str:
        kinds = (f'{tag} class="r"' if place in sides else tag for place in range(len(row)))
        return "".join(f"<{kind}>{as_html(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return Html(f"<table><thead><tr>{cells('th', headers)}</tr></thead><tbody>{body}</tbody></table>")


def section(anchor: str, title: str, *content: str) -> Html:
    """Return a part of the page with its heading."""
    return Html(f'<section id="{anchor}"><h2>{as_html(title)}</h2>{join(content)}</section>\n')


def note(content: str) -> Html:
    """Return a paragraph of quiet text."""
    return Html(f'<p class="note">{as_html(content)}</p>')
