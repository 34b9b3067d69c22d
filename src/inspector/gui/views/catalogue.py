"""Which views there are. A view's own module is imported when it is first looked at, not when it is offered."""

from __future__ import annotations

import math

from inspector.gui.views.registry import Subject, ViewKind, WeightView, register
from inspector.session import Session

_registered = False


def register_all() -> None:
    """Register every view, once."""
    global _registered
    if not _registered:
        _registered = True
        for kind in _kinds():
            register(kind)


def _kinds() -> list[ViewKind]:
    return [
        ViewKind("heatmap", "Heatmap", "Any two dimensions as colours", _suits_heatmap, _heatmap),
    ]


def _elements(subject: Subject) -> int:
    return math.prod(subject.shape)


def _suits_heatmap(subject: Subject) -> int:
    if _elements(subject) < 2:
        return 0
    return 50 if len(subject.shape) > 1 else 20


def _heatmap(session: Session) -> WeightView:
    from inspector.gui.views.heatmap_view import HeatmapView

    return HeatmapView(session)
