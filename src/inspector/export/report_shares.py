"""Where the parameters are: the share of each module, as one drawing of a report."""

from __future__ import annotations

from dataclasses import dataclass, field

from inspector.checkpoint.summary import CheckpointSummary
from inspector.export.report_content import Report
from inspector.export.report_html import MOST_CHARACTERS, Html, note, section, text
from inspector.number_words import percent, plural, short_number

_WIDTH, _ROW, _GAP = 1_160, 34, 2
#: Levels below the whole, and units that a box needs to be drawn by itself and to be named.
_LEVELS, _NARROWEST, _PER_LETTER = 4, 3.0, 6.8


@dataclass(slots=True)
class Module:
    """A module with its parameters, those of its children included."""

    path: str
    value: int = 0
    children: dict[str, Module] = field(default_factory=dict)


def module_tree(summary: CheckpointSummary, state_dict: int) -> Module:
    """Return the modules of a state_dict down to its parameters; what shares its elements with another counts once."""
    root = Module("")
    for tensor in summary.tensors_of(state_dict):
        if summary.role(tensor) != "parameter" or summary.shared[tensor] >= 0:
            continue
        numel, here = summary.numel(tensor), root
        here.value += numel
        for part in summary.key(tensor).split(".")[:_LEVELS]:
            path = f"{here.path}.{part}" if here.path else part
            here = here.children.setdefault(part, Module(path))
            here.value += numel
    return root


def shares(report: Report) -> Html:
    """Return the drawing; nothing where the file holds no model, or just one tensor of it."""
    model = report.words.state_dict
    root = module_tree(report.summary, model) if model is not None else Module("")
    if len(root.children) < 2 and not any(len(child.children) > 1 for child in root.children.values()):
        return Html("")
    boxes: list[str] = []
    deepest = _draw(root, "the model", 0, 0.0, _WIDTH / root.value, boxes, root.value) if root.value else 0
    tall = (deepest + 1) * (_ROW + _GAP)
    drawing = Html(
        f'<svg class="shares" viewBox="0 0 {_WIDTH} {tall}" role="img" aria-label="Share of each module">'
        f"{''.join(boxes)}</svg>"
    )
    told = "Every box is as wide as its share of the parameters; below it are its parts, the small ones put together."
    return section("shares", "Where the parameters are", drawing, note(told))


def _draw(module: Module, name: str, level: int, left: float, scale: float, boxes: list[str], total: int) -> int:
    """Draw a module and what is below it; return the deepest level."""
    boxes.append(_box(module.path or name, name, level, left, module.value * scale, module.value, total))
    deepest, gathered, count, start = level, 0, 0, left
    children = list(module.children.items()) if level < _LEVELS else []
    for place, (part, child) in enumerate(children):
        if child.value * scale >= _NARROWEST:
            deepest = max(deepest, _draw(child, part, level + 1, start, scale, boxes, total))
            start += child.value * scale
            continue
        gathered, count = gathered + child.value, count + 1
        follows = children[place + 1][1].value * scale < _NARROWEST if place + 1 < len(children) else False
        if not follows or gathered * scale >= _NARROWEST:
            if gathered * scale >= 1:
                called = plural(count, "small part")
                boxes.append(_box(called, "", level + 1, start, gathered * scale, gathered, total))
                deepest = max(deepest, level + 1)
            start, gathered, count = start + gathered * scale, 0, 0
    return deepest


def _box(path: str, label: str, level: int, left: float, width: float, value: int, total: int) -> str:
    y, wide = level * (_ROW + _GAP), max(0.5, width - _GAP)
    told = f"{path if len(path) < MOST_CHARACTERS else path[:MOST_CHARACTERS] + '…'}: {short_number(value)}"
    title = f"<title>{text(f'{told}, {percent(value / total)}')}</title>"
    room = int((wide - 12) / _PER_LETTER)
    figures = f"{short_number(value)} · {percent(value / total)}"
    named = ""
    if label and room >= min(3, len(label)):
        shown = label if len(label) <= room else f"{label[: room - 1]}…"
        both = len(shown) + len(figures) + 2 <= room
        named = f'<text x="{left + 8:.1f}" y="{y + 22}">{text(shown)}'
        named += f' <tspan class="share">{text(figures)}</tspan></text>' if both else "</text>"
    box = f'<rect class="l{level}" x="{left:.1f}" y="{y}" width="{wide:.1f}" height="{_ROW}" rx="3"/>'
    return f"<g>{box}{title}{named}</g>"
