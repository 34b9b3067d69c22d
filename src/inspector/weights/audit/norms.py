"""Batch norms: variances that have exploded or collapsed, and batch norms that were folded away."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from inspector.findings import Finding
from inspector.weights.audit.subject import BatchNorm, Subject
from inspector.weights.audit.telling import Told, count, figure, percent
from inspector.weights.audit.thresholds import (
    COLLAPSED_SHARE,
    COLLAPSED_VARIANCE,
    EXPLODED_VARIANCE,
    FOLDED_SLACK,
    HOPELESS_VARIANCE,
    UNLIKE_RATIO,
    UNLIKE_VARIANCE,
)


def norm_name(variance: str) -> str:
    """Return what a batch norm is called whose running variance is called so."""
    module = variance.rpartition(".")[0]
    return f"The batch norm {module}" if module else "The batch norm"


_NEGATIVE = Told(
    "serious",
    "batch_norm_variance",
    lambda name, note: f"{name} goes below zero: {note}.",
    lambda number: f"{count(number)} running variances go below zero.",
    "A variance can't be negative: the batch norm divides by its root, which gives NaN. Reported for any value "
    "below 0.",
)
_HOPELESS = Told(
    "serious",
    "batch_norm_variance",
    lambda name, note: f"{name} has exploded: up to {note}.",
    lambda number: f"{count(number)} running variances of batch norms have exploded.",
    "The activations that it stands for are in the millions, where float16 overflows and float32 gets coarse: "
    f"training has diverged. Reported above {figure(HOPELESS_VARIANCE)}.",
)
_EXPLODED = Told(
    "notable",
    "batch_norm_variance",
    lambda name, note: f"{name} is very large: up to {note}.",
    lambda number: f"{count(number)} running variances of batch norms are very large.",
    "The activations before it are far larger than usual: training may have diverged, or inputs were not scaled. "
    f"Reported above {figure(EXPLODED_VARIANCE)}, and above {figure(UNLIKE_VARIANCE)} where it is "
    f"{figure(UNLIKE_RATIO)} times the median of the model's batch norms.",
)
_COLLAPSED = Told(
    "notable",
    "batch_norm_variance",
    lambda name, note: f"{name} has collapsed: {note}.",
    lambda number: f"{count(number)} running variances of batch norms have collapsed.",
    "What comes into this layer hardly changes from image to image, so that it can tell them apart no more. Reported "
    f"where every channel is below {figure(COLLAPSED_VARIANCE)}, or {percent(COLLAPSED_SHARE)} of the channels are "
    "exactly 0.",
)
_FOLDED = Told(
    "info",
    "folded_batch_norm",
    lambda name, _: f"{norm_name(name)} was folded.",
    lambda number: f"{count(number)} batch norms were folded.",
    "Their mean is exactly 0 and their variance 1: what they had gathered is now in their scale and bias, or in the "
    "convolution before them. That changes no prediction; only training on from here would start them anew.",
)
_IDLE = Told(
    "info",
    "folded_batch_norm",
    lambda name, _: f"{norm_name(name)} passes on what comes in.",
    lambda number: f"{count(number)} batch norms pass on what comes in.",
    "Mean 0, variance 1, scale 1 and bias 0, each exactly: they were folded whole into the layers before them, or were "
    "never used.",
)


def is_unit(subject: Subject, norm: BatchNorm) -> bool:
    """Tell whether a batch norm's mean is 0 and its variance 1, as it is made and as folding leaves it."""
    if not subject.is_constant(norm.mean, 0.0) or not subject.is_constant(norm.variance):
        return False
    value = subject.figures[norm.variance].statistics.min
    return value is not None and 1 - FOLDED_SLACK <= value <= 1


def is_untouched(subject: Subject, norm: BatchNorm) -> bool:
    """Tell whether a batch norm is as it was made: it has seen no data and learned nothing."""
    return (
        is_unit(subject, norm)
        and subject.is_constant(norm.variance, 1.0)
        and (norm.tracked < 0 or subject.is_constant(norm.tracked, 0))
        and (norm.weight < 0 or subject.is_constant(norm.weight, 1.0) or subject.is_constant(norm.weight, 0.0))
        and (norm.bias < 0 or subject.is_constant(norm.bias, 0.0))
    )


def norms(subject: Subject) -> Iterator[Finding]:
    """Tell of batch norms' variances, and of those that were folded."""
    negative, hopeless, exploded, collapsed = [], [], [], []
    usual = _usual(subject)
    for norm in subject.batch_norms:
        statistics = subject.figures[norm.variance].statistics
        lowest, highest = statistics.min, statistics.max
        if lowest is None or highest is None:
            continue
        if lowest < 0:
            negative.append((norm.variance, figure(lowest)))
        elif highest > HOPELESS_VARIANCE:
            hopeless.append((norm.variance, figure(highest)))
        elif highest > EXPLODED_VARIANCE or (highest > UNLIKE_VARIANCE and highest > UNLIKE_RATIO * usual):
            exploded.append((norm.variance, figure(highest)))
        elif highest < COLLAPSED_VARIANCE:
            collapsed.append((norm.variance, f"at most {figure(highest)}"))
        elif statistics.zeros >= COLLAPSED_SHARE * statistics.numel:
            collapsed.append((norm.variance, f"{count(statistics.zeros)} of {count(statistics.numel)} channels are 0"))
    for told, found in ((_NEGATIVE, negative), (_HOPELESS, hopeless), (_EXPLODED, exploded), (_COLLAPSED, collapsed)):
        yield from told.of(subject.tensors, found)
    yield from _folded(subject)


def _folded(subject: Subject) -> Iterator[Finding]:
    folded: list[tuple[int, str]] = []
    idle: list[tuple[int, str]] = []
    for norm in subject.batch_norms:
        if norm.variance not in subject.settled and is_unit(subject, norm):
            (idle if is_untouched(subject, norm) else folded).append((norm.variance, "mean 0, variance 1"))
    for told, found in ((_FOLDED, folded), (_IDLE, idle)):
        yield from told.of(subject.tensors, found)


def _usual(subject: Subject) -> float:
    """Return the median over the batch norms of their largest variances."""
    largest = [subject.figures[norm.variance].statistics.max for norm in subject.batch_norms]
    return median([value for value in largest if value is not None] or [1.0])
