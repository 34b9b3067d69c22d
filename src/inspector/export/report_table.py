"""The table over all tensors of a report, with a small histogram in each row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from inspector.checkpoint.dtypes import FLOATING
from inspector.export.report_content import Report, known
from inspector.export.report_html import Html, join, name, note, section, text
from inspector.findings import SEVERITIES, Severity
from inspector.number_words import figure, number, plural, shape_text
from inspector.survey_rows import SurveyRow, coarser

#: Rows of the table: what a browser lays out in a moment, and about 4 MB.
MOST_ROWS = 5_000
#: Bars of a histogram, and its size in the units of its drawing.
_BARS, _WIDTH, _HEIGHT = 32, 64, 16

_HEADERS = ("Name", "Values", "Shape", "Dtype", "Min", "Max", "Mean", "Std", "Norm", "Zeros", "NaN", "Inf")
_FIGURES_FROM = 4


def shown_tensors(report: Report) -> list[int]:
    """Return the tensors that have a row, in the file's order: all, or those of findings and of the model first."""
    summary = report.summary
    if len(summary) <= MOST_ROWS:
        return list(range(len(summary)))
    model = report.words.state_dict
    found = dict.fromkeys(finding.tensors[0] for finding in report.findings)
    found |= dict.fromkeys(summary.tensors_of(model) if model is not None else ())
    found |= dict.fromkeys(tensor for finding in report.findings for tensor in finding.tensors)
    found |= dict.fromkeys(range(len(summary)))
    return sorted(list(found)[:MOST_ROWS])


def tensors(report: Report, shown: Sequence[int]) -> Iterator[Html]:
    """Yield the table, row by row."""
    total = len(report.summary)
    if not total:
        return
    yield Html(f'<section id="tensors"><h2>Tensors <small>{number(total)}</small></h2>')
    if len(shown) < total:
        yield note(
            f"{number(len(shown))} of {plural(total, 'tensor')} are shown, those of the model and of the audit first. "
            f"{number(total - len(shown))} are left out, so that this page stays small: "
            "inspector stats tells the figures of them all."
        )
    heads = "".join(f"<th>{head}</th>" for head in _HEADERS[:_FIGURES_FROM])
    heads += "".join(f'<th class="r">{head}</th>' for head in _HEADERS[_FIGURES_FROM:])
    yield Html(f'<table class="tensors"><thead><tr>{heads}</tr></thead><tbody>\n')
    worst = _severities(report)
    for tensor in shown:
        yield _row(report, tensor, worst.get(tensor))
    yield Html("</tbody></table></section>\n")


def _severities(report: Report) -> dict[int, Severity]:
    """Return the worst that was found of each tensor."""
    worst: dict[int, Severity] = {}
    for severity in reversed(SEVERITIES):
        for finding in report.findings:
            if finding.severity == severity:
                worst |= dict.fromkeys(finding.tensors, severity)
    return worst


def _row(report: Report, tensor: int, severity: Severity | None) -> Html:
    summary, row = report.summary, report.figures[tensor]
    mark = f'<i class="{severity}" title="Audit: {severity}"></i>' if severity and severity != "info" else ""
    head = Html(
        f'<tr id="t{tensor}"><td>{mark}{name(report.name(tensor))}</td><td>{histogram(row) if row else ""}</td>'
        f"<td>{text(shape_text(summary.shape(tensor)))}</td><td>{text(summary.dtype(tensor))}</td>"
    )
    if row is None:
        problem = report.figures.problems.get(tensor, "It was not read.")
        span = len(_HEADERS) - _FIGURES_FROM
        return join((head, Html(f'<td colspan="{span}" class="problem">'), problem, Html("</td></tr>\n")))
    least, greatest, mean, std, norm = row.figures[:5]
    zeros, nan, inf = row.tallies[:3]
    cells = [_figure(value, whole=summary.dtype(tensor) not in FLOATING) for value in (least, greatest)]
    cells += [figure(known(value)) for value in (mean, std, norm)]
    counts = [_count(zeros, "all" if zeros and zeros == summary.numel(tensor) else "")]
    counts += [_count(count, "bad" if count else "") for count in (nan, inf)]
    return join((head, *(Html(f'<td class="r">{text(cell)}</td>') for cell in cells), *counts, Html("</tr>\n")))


def _figure(value: float, *, whole: bool) -> str:
    """Return a value of a tensor's own: of integers without a fraction."""
    return figure(int(value)) if whole and value.is_integer() else figure(known(value))


def _count(count: int, tone: str) -> Html:
    return Html(f'<td class="r{f" {tone}" if tone else "" if count else " quiet"}">{number(count)}</td>')


def histogram(row: SurveyRow) -> Html:
    """Return a tensor's distribution as a small drawing: what is below zero and what is above in two colours.

    Heights are square roots, so that few values are seen as well.
    """
    counts = coarser(row.counts, min(_BARS, len(row.counts)))
    highest = max(counts, default=0)
    if not highest:
        return Html("")
    low, high = row.figures[5:7]
    step, bar = (high / len(counts) - low / len(counts)), _WIDTH / len(counts)
    paths = {"n": "", "p": ""}
    for place, count in enumerate(counts):
        if count:
            side = "n" if low + step * (place + 0.5) < 0 else "p"
            tall = max(1.0, _HEIGHT * math.sqrt(count / highest))
            paths[side] += f"M{place * bar:g} {_HEIGHT}v{-tall:.1f}h{bar:g}v{tall:.1f}"
    drawn = "".join(f'<path class="{side}" d="{path}"/>' for side, path in paths.items() if path)
    title = f"{figure(low)} … {figure(high)}"
    return Html(
        f'<svg class="h" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
        f"<title>{text(title)}</title>{drawn}</svg>"
    )


def audit(report: Report, shown: Sequence[int]) -> Html:
    """Return what the audit found, the worst first; each tensor leads to its row."""
    if not report.findings:
        return section("audit", "Audit", note("Nothing is wrong with the weights: no NaN or Inf, nothing dead or odd."))
    rows = set(shown)
    cards = [_card(report, number, rows) for number in range(min(len(report.findings), _MOST_FINDINGS))]
    more = len(report.findings) - len(cards)
    if more:
        cards.append(note(f"{plural(more, 'more finding')} are left out."))
    counts = ", ".join(
        f"{sum(found.severity == severity for found in report.findings)} {severity}"
        for severity in SEVERITIES
        if any(found.severity == severity for found in report.findings)
    )
    return section("audit", Html(f"Audit <small>{text(counts)}</small>"), *cards)


#: Findings, and tensors of each, that are told.
_MOST_FINDINGS, _MOST_NAMED = 100, 24


def _card(report: Report, place: int, rows: set[int]) -> Html:
    finding = report.findings[place]
    notes = finding.notes or [""] * len(finding.tensors)
    named = []
    for tensor, said in list(zip(finding.tensors, notes, strict=True))[:_MOST_NAMED]:
        told = name(report.name(tensor))
        link = f'<a href="#t{tensor}">{told}</a>' if tensor in rows else told
        named.append(f"<li>{link}{f' <span>{text(said)}</span>' if said else ''}</li>")
    more = len(finding.tensors) - len(named)
    named += [f"<li>and {number(more)} more</li>"] if more > 0 else []
    return Html(
        f'<article class="finding {finding.severity}"><h3><b>{finding.severity}</b> {text(finding.title)}</h3>'
        f"<p>{text(finding.explanation)}</p><ul>{''.join(named)}</ul></article>"
    )
