"""Tensors that were expanded: dimensions along which they only repeat themselves are measured once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from inspector.weights.figures import TensorFigures


@dataclass(frozen=True, slots=True)
class Repeats:
    """How a tensor repeats itself.

    Attributes
    ----------
    shape
        Of what is repeated: 1 along each such dimension.
    times
        How often it is.
    first
        How often along the first of at least two dimensions; 1 where it is not.
    """

    shape: tuple[int, ...]
    times: int
    first: int


def repeats_of(shape: Sequence[int], stride: Sequence[int]) -> Repeats:
    """Find the dimensions along which a tensor repeats itself: those of stride 0."""
    along = [size if step == 0 and size > 1 else 1 for size, step in zip(shape, stride, strict=True)]
    if math.prod(shape) == 0:
        along = [1] * len(along)
    left = tuple(1 if times > 1 else size for size, times in zip(shape, along, strict=True))
    return Repeats(left, math.prod(along), along[0] if len(along) > 1 else 1)


def repeated(figures: TensorFigures, repeats: Repeats) -> TensorFigures:
    """Return the figures of a tensor from those of what it repeats."""
    times, found = repeats.times, figures.statistics
    if times == 1:
        return figures
    statistics = replace(
        found,
        numel=found.numel * times,
        norm=found.norm * math.sqrt(times),
        zeros=found.zeros * times,
        nan=found.nan * times,
        inf=found.inf * times,
    )
    dead, duplicates = figures.dead * repeats.first, figures.duplicates
    if repeats.first > 1 and not dead:
        duplicates = repeats.first - 1
    counts = tuple(count * times for count in figures.counts)
    return replace(figures, statistics=statistics, counts=counts, dead=dead, duplicates=duplicates)
