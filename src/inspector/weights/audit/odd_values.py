"""Weights far out of the ordinary, and numbers of kinds that are odd for weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from inspector.findings import Finding
from inspector.weights.audit.subject import AuditTensor, Subject
from inspector.weights.audit.telling import Told, count, figure, percent
from inspector.weights.audit.thresholds import (
    FLOAT16_MAX,
    FLOAT16_RISK,
    HUGE_WEIGHT,
    OUTLIER_DEVIATIONS,
    OUTLIER_NUMEL,
    OUTLIER_SHARE,
)
from inspector.weights.statistics import TensorStatistics

_OUTLIERS = Told(
    "info",
    "outliers",
    lambda name, note: f"{name} has an extreme outlier: {note}.",
    lambda number: f"{count(number)} weights have extreme outliers.",
    "A few values outweigh all the others: numbers of 16 or 8 bits lose the rest beside them, and a flipped bit in a "
    f"damaged file looks like that. Reported beyond {OUTLIER_DEVIATIONS:g} standard deviations, or where one value "
    f"makes up {percent(OUTLIER_SHARE)} of the variance of {count(OUTLIER_NUMEL)} elements and more.",
)
_HUGE = Told(
    "notable",
    "outliers",
    lambda name, note: f"{name} has huge values: {note}.",
    lambda number: f"{count(number)} weights have huge values.",
    f"Weights of layers hardly ever go beyond 100: training may have diverged. Reported from {figure(HUGE_WEIGHT)} on.",
)
_OVERFLOW = Told(
    "notable",
    "dtype",
    lambda name, note: f"{name} is close to what float16 can hold: {note}.",
    lambda number: f"{count(number)} tensors are close to what float16 can hold.",
    f"Beyond {count(int(FLOAT16_MAX))} float16 knows only infinity. Reported from {count(int(FLOAT16_RISK))} on.",
)
_TOO_LARGE = Told(
    "info",
    "dtype",
    lambda name, note: f"{name} would not fit float16: {note}.",
    lambda number: f"{count(number)} tensors would not fit float16.",
    f"In half precision what is beyond {count(int(FLOAT16_MAX))} becomes infinity; bfloat16 holds it.",
)
_DOUBLE = Told(
    "info",
    "dtype",
    lambda name, _: f"{name} is stored as float64.",
    lambda number: f"{count(number)} parameters are stored as float64.",
    "That takes twice the room of float32, is slow on GPUs, and fits no input that is float32.",
)
_MIXED = Told(
    "info",
    "dtype",
    lambda name, note: f"{name} is {note}, unlike the other parameters.",
    lambda number: f"{count(number)} parameters are of another type than most.",
    "That can be meant: norms are often kept in float32 beside half-precision weights. Without autocast, layers of "
    "different types can't be chained.",
)
_INTEGERS = Told(
    "notable",
    "dtype",
    lambda name, note: f"{name} is {note}, where weights are floating point.",
    lambda number: f"{count(number)} weights are integers.",
    "torch can't load them into an ordinary layer without losing what they stand for, and no scale is stored beside "
    "them that would make them a quantized model.",
)

Rows = list[tuple[int, str]]

_SCALES = ("scale", "scales", "zero_point", "zeros", "qzeros", "SCB", "weight_scale", "weight_scale_inv", "absmax")
_INTEGER_KINDS = ("int8", "int16", "int32", "int64", "uint8", "bool")


def outliers(subject: Subject) -> Iterator[Finding]:
    """Tell of extreme outliers and huge values."""
    found, huge = [], []
    for number, tensor, figures in subject.weights:
        statistics = figures.statistics
        if not tensor.is_real or statistics.min is None or statistics.max is None:
            continue
        largest = max(-statistics.min, statistics.max)
        if largest >= HUGE_WEIGHT:
            huge.append((number, f"up to {figure(largest)}"))
        elif note := _outlier(statistics):
            found.append((number, note))
    for told, rows in ((_OUTLIERS, found), (_HUGE, huge)):
        yield from told.of(subject.tensors, rows)


def _outlier(statistics: TensorStatistics) -> str:
    """Return in words how far out the outermost value lies; empty where that is not extreme."""
    if not statistics.std or statistics.mean is None or statistics.min is None or statistics.max is None:
        return ""
    off = max(statistics.max - statistics.mean, statistics.mean - statistics.min) / statistics.std
    size = statistics.numel - statistics.nan - statistics.inf
    weighs = size >= OUTLIER_NUMEL and off * off / size >= OUTLIER_SHARE
    if off < OUTLIER_DEVIATIONS and not weighs:
        return ""
    outermost = max(statistics.min, statistics.max, key=abs)
    return f"{figure(outermost)}, {off:.0f} standard deviations out"


def dtypes(subject: Subject) -> Iterator[Finding]:
    """Tell of kinds of numbers that are odd for weights."""
    risky: Rows = []
    large: Rows = []
    double: Rows = []
    integers: Rows = []
    for number, tensor, figures in subject.known:
        if tensor.role not in ("parameter", "buffer"):
            continue
        statistics = figures.statistics
        largest = max(abs(statistics.min or 0), abs(statistics.max or 0))
        if tensor.dtype == "float16" and largest >= FLOAT16_RISK:
            risky.append((number, f"up to {figure(largest)}"))
        elif tensor.is_real and tensor.role == "parameter" and largest > FLOAT16_MAX:
            large.append((number, f"up to {figure(largest)}"))
        if tensor.dtype == "float64" and tensor.role == "parameter" and len(tensor.shape) > 1:
            double.append((number, "float64"))
        if _is_integer_weight(tensor) and not _has_scale(tensor, subject):
            integers.append((number, tensor.dtype))
    for told, rows in (
        (_OVERFLOW, risky),
        (_INTEGERS, integers),
        (_TOO_LARGE, large),
        (_DOUBLE, double),
        (_MIXED, _mixed(subject)),
    ):
        yield from told.of(subject.tensors, rows)


def _is_integer_weight(tensor: AuditTensor) -> bool:
    return (
        tensor.key == "weight"
        and tensor.dtype in _INTEGER_KINDS
        and len(tensor.shape) > 1
        and tensor.layout == "strided"
    )


def _has_scale(tensor: AuditTensor, subject: Subject) -> bool:
    """Tell whether scales are stored beside a weight, or below it as bitsandbytes does (``weight.absmax``)."""
    return any(f"{above}.{scale}" in subject.numbers for above in (tensor.module, tensor.name) for scale in _SCALES)


def _mixed(subject: Subject) -> list[tuple[int, str]]:
    """Return the parameters whose kind of number is not that of most elements of their state_dict."""
    by_model: dict[str, Counter[str]] = {}
    rows = [
        (number, tensor)
        for number, tensor, _ in subject.known
        if tensor.role == "parameter" and tensor.is_real and tensor.model is not None
    ]
    for _, tensor in rows:
        by_model.setdefault(tensor.model or "", Counter())[tensor.dtype] += tensor.numel
    return [
        (number, tensor.dtype)
        for number, tensor in rows
        if tensor.dtype != by_model[tensor.model or ""].most_common(1)[0][0]
    ]
