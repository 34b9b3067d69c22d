"""Reports for tests: made by the worker's own function in this process, and looked at as a browser would."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from PIL import Image

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles.reporting import report
from inspector.session.taking_away import report_request

#: All that a report is made of.
_KNOWN = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "nav", "div", "a", "main",
    "section", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "small", "article", "b", "ul", "li",
    "span", "code", "svg", "path", "image", "rect", "text", "tspan", "g", "figure", "img", "figcaption", "br", "i",
    "footer",
}  # fmt: skip
_PICTURE = "data:image/png;base64,"


@dataclass
class Page(HTMLParser):
    """A report, taken apart; parsing it asserts that nothing of it runs or loads anything."""

    content: str
    texts: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    pictures: list[bytes] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.feed(self.content)
        self.close()
        assert not self._open, self._open
        assert self.links <= self.anchors

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a start."""
        assert tag in _KNOWN, tag
        for key, value in attrs:
            assert not key.startswith("on"), key
            assert value is not None
            if key in ("href", "src"):
                assert value.startswith(("#", _PICTURE)), value
                if value.startswith("#"):
                    self.links.add(value[1:])
                else:
                    self.pictures.append(base64.b64decode(value.removeprefix(_PICTURE), validate=True))
            elif key == "id":
                assert value not in self.anchors
                self.anchors.add(value)
            elif key == "style":
                assert value == "image-rendering:pixelated"
            elif key == "http-equiv":
                self.meta[value] = str(dict(attrs)["content"])
        self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element without content."""
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Take an end."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take a text."""
        if self._open and self._open[-1] == "style":
            assert "url(" not in data
            assert "@import" not in data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(self.texts)

    @property
    def drawings(self) -> list[str]:
        """The drawings, each as a document of its own."""
        found = re.findall(r"<svg.*?</svg>", self.content, re.DOTALL)
        return [drawing.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1) for drawing in found]

    def images(self) -> list[Image.Image]:
        """The pictures, decoded."""
        return [Image.open(io.BytesIO(picture)).convert("RGBA") for picture in self.pictures]


def summary_of(path: Path) -> CheckpointSummary:
    """Read a file's index."""
    with open_checkpoint(path) as checkpoint:
        return CheckpointSummary(*encode(checkpoint))


def write_report(path: Path, out: Path, **changes: Any) -> tuple[dict[str, Any], list[float]]:
    """Write a report about a file; return the worker's answer, and how far it told it was."""
    summary = summary_of(path)
    params, buffers = report_request(summary, summary.model)
    shares: list[float] = []
    asked = {**params, "out": str(out), "token": "token", "force": False, **changes}
    told, _ = report(asked, [bytearray(part) for part in buffers], lambda at: shares.append(at["done"] / at["total"]))
    return told, shares


def report_of(path: Path, out: Path) -> Page:
    """Write a report about a file, and take it apart."""
    told, shares = write_report(path, out)
    assert told["bytes"] == out.stat().st_size
    assert shares == sorted(shares)
    assert max(shares, default=1) <= 1
    return Page(out.read_text(encoding="utf-8"))
