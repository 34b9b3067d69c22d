"""Filters that do nothing, and filters that do what another one does."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from inspector.findings import Finding
from inspector.weights.audit.subject import AuditTensor, Subject
from inspector.weights.audit.telling import Told, count, percent
from inspector.weights.audit.thresholds import (
    COARSE_SLICE,
    EMBEDDING_DEAD_SHARE,
    FEW_DUPLICATES,
    MIN_DUPLICATE_SLICE,
)

_DEAD = Told(
    "notable",
    "dead_filters",
    lambda name, note: f"{note} of {name} {'is' if note.startswith('1 ') else 'are'} all zeros.",
    lambda number: f"{count(number)} weights have filters that are all zeros.",
    "A filter of zeros answers the same to everything: its output is wasted, and it hardly comes back by training. "
    "Reported where every element of a filter (or of a row of a matrix) is exactly 0; the model can still be a good "
    "one.",
)
_DUPLICATES = Told(
    "notable",
    "duplicate_filters",
    lambda name, note: f"{note} of {name} repeat{'s' if note.startswith('1 ') else ''} another one.",
    lambda number: f"{count(number)} weights have filters that repeat another one.",
    "Filters that are equal bit by bit see the same, and training keeps them equal unless something else tells them "
    f"apart. Reported for filters (or rows of a matrix) of {MIN_DUPLICATE_SLICE} elements and more that are no zeros.",
)
_COARSE = Told(
    "info",
    "duplicate_filters",
    lambda name, note: f"{note} of {name} repeat{'s' if note.startswith('1 ') else ''} another one.",
    lambda number: f"{count(number)} weights have a few small filters that repeat another one.",
    f"Filters of fewer than {COARSE_SLICE} elements become equal where numbers were rounded, as in quantized models. "
    f"Information only where they are less than {percent(FEW_DUPLICATES)} of a layer's filters.",
)
_FIXED = Told(
    "info",
    "duplicate_filters",
    lambda name, note: f"All {note} of {name} are the same.",
    lambda number: f"{count(number)} weights repeat one filter throughout.",
    "Such is a fixed kernel, a blur for example, that is applied to each channel. A layer that was meant to learn "
    "would be broken.",
)

_TOKENS = Told(
    "info",
    "duplicate_filters",
    lambda name, note: f"{note} of {name} repeat{'s' if note.startswith('1 ') else ''} another one.",
    lambda number: f"{count(number)} embeddings have rows that repeat another one.",
    "Tokens that training never met, or that were added to a vocabulary later, often share a vector.",
)

Rows = list[tuple[int, str]]


def filters(subject: Subject) -> Iterator[Finding]:
    """Tell of dead and duplicate filters."""
    dead: Rows = []
    duplicates: Rows = []
    coarse: Rows = []
    fixed: Rows = []
    tokens: Rows = []
    for number, tensor, figures in subject.weights:
        if subject.is_constant(number) or tensor.is_token or tensor.shape[0] < 2:
            continue
        rows = tensor.shape[0]
        if _is_dead(tensor, figures.dead):
            dead.append((number, f"{count(figures.dead)} of {count(rows)} {_noun(tensor)}"))
        if figures.duplicates and prod(tensor.shape[1:]) >= MIN_DUPLICATE_SLICE:
            if figures.duplicates == rows - 1:
                fixed.append((number, f"{count(rows)} {_noun(tensor)}"))
                continue
            group = coarse if _is_coarse(tensor, figures.duplicates) else duplicates
            note = f"{count(figures.duplicates)} of {count(rows)} {_noun(tensor)}"
            (tokens if tensor.is_embedding else group).append((number, note))
    for told, found in (
        (_DEAD, dead),
        (_DUPLICATES, duplicates),
        (_COARSE, coarse),
        (_FIXED, fixed),
        (_TOKENS, tokens),
    ):
        yield from told.of(subject.tensors, found)


def _is_dead(tensor: AuditTensor, dead: int) -> bool:
    return dead > (max(1, EMBEDDING_DEAD_SHARE * tensor.shape[0]) if tensor.is_embedding else 0)


def _is_coarse(tensor: AuditTensor, duplicates: int) -> bool:
    return prod(tensor.shape[1:]) < COARSE_SLICE and duplicates < FEW_DUPLICATES * tensor.shape[0]


def _noun(tensor: AuditTensor) -> str:
    return "filters" if len(tensor.shape) > 2 else "rows"
