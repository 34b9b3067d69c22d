"""Which views there are. A view's own module is imported when it is first looked at, not when it is offered."""

from __future__ import annotations

from inspector.gui.views.form_kinds import form_kinds
from inspector.gui.views.plot_kinds import plot_kinds
from inspector.gui.views.raster_kinds import raster_kinds
from inspector.gui.views.registry import ViewKind, register

_registered = False


def register_all() -> None:
    """Register every view, once."""
    global _registered
    if not _registered:
        _registered = True
        for kind in _kinds():
            register(kind)


def _kinds() -> list[ViewKind]:
    return [*form_kinds(), *raster_kinds(), *plot_kinds()]
