"""A checkpoint as one page of HTML that holds all it needs: no script, nothing that is loaded, bounded in size.

The page's own policy (``Content-Security-Policy``) forbids scripts, plug-ins, forms and loading anything, so that not
even a mistake of ours could let a stranger's text do more than be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from inspector.export.report_content import Fit, Report
from inspector.export.report_depth import depth
from inspector.export.report_html import Html, join, name, note, section, table, text
from inspector.export.report_pictures import pictures
from inspector.export.report_shares import shares
from inspector.export.report_style import STYLE
from inspector.export.report_table import audit, shown_tensors, tensors
from inspector.number_words import number, percent, plural

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
#: Characters of a fact that takes a line of its own.
_LONG = 60
_TITLES = {
    "file": "File", "architecture": "Architecture", "audit": "Audit", "depth": "Depth", "shares": "Shares",
    "weights": "Weights", "tensors": "Tensors", "inside": "Inside",
}  # fmt: skip


def page(report: Report) -> Iterator[str]:
    """Yield the page, piece by piece."""
    shown = shown_tensors(report)
    parts = {
        "file": _file(report),
        "architecture": _architecture(report),
        "audit": audit(report, shown) if len(report.summary) else "",
        "depth": depth(report),
        "shares": shares(report),
        "weights": pictures(report),
        "tensors": " " if shown else "",
        "inside": _inside(report),
    }
    yield _head(report, [anchor for anchor, content in parts.items() if content])
    for anchor, content in parts.items():
        if anchor == "tensors":
            yield from tensors(report, shown)
        else:
            yield content
    yield f"</main>\n<footer><p>{text(report.made)}</p></footer>\n</body>\n</html>\n"


def _head(report: Report, anchors: list[str]) -> str:
    words = report.words
    links = "".join(f'<a href="#{anchor}">{_TITLES[anchor]}</a>' for anchor in anchors)
    warnings = "".join(f'<p class="warning">{text(warning)}</p>' for warning in words.warnings)
    title = text(words.title, 200)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta name="referrer" content="no-referrer"/>\n<meta name="color-scheme" content="light dark"/>\n'
        f"<title>{title} – Inspector</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<header><h1>{title}</h1><p class="verdict">{text(words.verdict)}.</p>'
        f'<p class="safety {text(words.tone)}">{text(words.safety)}</p>{warnings}</header>\n'
        f"<nav><div>{links}</div></nav>\n<main>\n"
    )


def _file(report: Report) -> Html:
    wide = (' class="wide"' if len(value) > _LONG else "" for _, value in report.words.facts)
    facts = "".join(
        f"<div{kind}><dt>{text(key)}</dt><dd>{text(value)}</dd></div>"
        for kind, (key, value) in zip(wide, report.words.facts, strict=True)
    )
    return section("file", "File", Html(f"<dl>{facts}</dl>"))


def _architecture(report: Report) -> Html:
    if report.match is None:
        return Html("")
    if not report.fits:
        return section("architecture", "Architecture", note("It is no architecture of torchvision's."))
    rows = [
        (
            name(" or ".join((fit.architecture, *fit.twins))),
            percent(fit.score),
            *(number(count) for count in (fit.matched, fit.missing, fit.unexpected, fit.mismatched)),
            "–" if fit.num_classes is None else number(fit.num_classes),
        )
        for fit in report.fits
    ]
    heads = ("torchvision architecture", "Likeness", "Matched", "Missing", "Unexpected", "Mismatched", "Classes")
    sentence = Html(f"<p>{_fit_sentence(report, report.fits[0])}</p>")
    return section("architecture", "Architecture", sentence, table(heads, rows, right=range(1, 7)))


def _fit_sentence(report: Report, best: Fit) -> Html:
    assert report.words.state_dict is not None
    all_tensors = report.summary.state_dicts[report.words.state_dict].tensors
    official = f", torchvision's own {report.words.official}" if report.words.official else ""
    told = {
        "exact": f"{official}: every key and shape fits.",
        "head": f" with a head of {plural(best.num_classes or 0, 'class', 'classes')}: everything else fits.",
        "part": f" in part: {number(best.matched)} of {plural(all_tensors, 'tensor')} fit.",
    }
    if report.match not in told:
        return join(("It is no architecture of torchvision's. It resembles ", name(best.architecture), " most."))
    return join(("It is ", name(best.architecture), told[report.match]))


def _inside(report: Report) -> Html:
    """Return what else is in the file: state_dicts, plain values, and what it names."""
    words, parts = report.words, []
    if words.state_dicts:
        heads = ("state_dict", "Role", "Wrapper", "Parameters", "Buffers", "Tensors")
        rows = [(name(row[0]), *row[1:]) for row in words.state_dicts]
        parts += [Html("<h3>state_dicts</h3>"), table(heads, rows, right=(3, 4, 5))]
    if words.metadata:
        parts += [Html("<h3>Metadata</h3>"), table(("Key", "Value"), [(name(a), name(b)) for a, b in words.metadata])]
        if words.left_out:
            parts.append(note(f"{plural(words.left_out, 'more value')} are left out."))
    if words.globals:
        rows = [(name(called), meaning) for called, meaning in words.globals]
        parts += [Html("<h3>Functions and classes that the file names</h3>"), table(("Name", "Meaning"), rows)]
    return section("inside", "What else is inside", *parts) if parts else Html("")
