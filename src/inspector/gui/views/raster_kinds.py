"""The views that show cells: as colours, and as numbers."""

from __future__ import annotations

import math

from inspector.gui.views.registry import Subject, ViewKind, WeightView
from inspector.session import Session


def raster_kinds() -> list[ViewKind]:
    """Return the views that show cells."""
    return [
        ViewKind("heatmap", "Heatmap", "Any two dimensions as colours", _suits_heatmap, _heatmap),
        ViewKind("values", "Values", "Every value, as a table", _suits_values, _values),
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


def _suits_values(subject: Subject) -> int:
    return 1 if _elements(subject) else 0


def _values(session: Session) -> WeightView:
    from inspector.gui.views.values_view import ValuesView

    return ValuesView(session)
