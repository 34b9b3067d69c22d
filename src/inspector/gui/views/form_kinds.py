"""The views of filters, spectra and projections: which tensors they suit. They are imported when first looked at."""

from __future__ import annotations

from math import prod

from inspector.gui.views.registry import Subject, ViewKind, WeightView
from inspector.session import Session

_WORDS_OF_EMBEDDINGS = ("embed", "wte", "wpe", "token", "codebook", "vocab")
#: Rows from which on a matrix is worth looking at as points.
_CLOUD = 8


def form_kinds() -> list[ViewKind]:
    """Return the views."""
    return [
        ViewKind("filters", "Filters", "Every filter as a small picture, sorted as you like", _suits_filters, _filters),
        ViewKind(
            "spectrum", "Spectrum", "Singular values: how many directions it really uses", _suits_spectrum, _spectrum
        ),
        ViewKind(
            "projection", "Projection", "Rows as points, near where they are alike", _suits_projection, _projection
        ),
    ]


def _suits_filters(subject: Subject) -> int:
    shape = subject.shape
    if not 3 <= len(shape) <= 5 or 0 in shape or prod(shape[2:]) < 2:
        return 0
    return 96 if len(shape) == 4 else 50


def _suits_spectrum(subject: Subject) -> int:
    shape = subject.shape
    return 40 if len(shape) >= 2 and 0 not in shape and shape[0] > 1 and prod(shape[1:]) > 1 else 0


def _suits_projection(subject: Subject) -> int:
    shape, dtype = subject.shape, subject.summary.dtype(subject.tensor)
    if len(shape) < 2 or 0 in shape or shape[0] < _CLOUD or prod(shape[1:]) < 2 or dtype.startswith("complex"):
        return 0
    is_embedding = len(shape) == 2 and any(word in subject.name.lower() for word in _WORDS_OF_EMBEDDINGS)
    return 85 if is_embedding else 20


def _filters(session: Session) -> WeightView:
    from inspector.gui.views.filters_view import FiltersView

    return FiltersView(session)


def _spectrum(session: Session) -> WeightView:
    from inspector.gui.views.spectrum_view import SpectrumView

    return SpectrumView(session)


def _projection(session: Session) -> WeightView:
    from inspector.gui.views.projection_view import ProjectionView

    return ProjectionView(session)
