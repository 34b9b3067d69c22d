"""NaN, infinity, and weights that hold one value only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector.findings import Finding
from inspector.weights.audit.subject import AuditTensor, Subject
from inspector.weights.audit.telling import Told, count, figure
from inspector.weights.audit.thresholds import MIN_CONSTANT

_MASK = re.compile(r"mask|causal|alibi")
"""What keeps attention from looking somewhere does so by minus infinity."""

_NAN = "One NaN spreads to every answer that it has a part in. There should be none at all."
_NAN_TOLD = Told(
    "serious",
    "nan",
    lambda name, note: f"{name} holds NaN: {note}.",
    lambda number: f"{count(number)} tensors of the model hold NaN.",
    f"{_NAN} Training has most likely diverged, or the file is damaged.",
)
_NAN_ASIDE = Told(
    "notable",
    "nan",
    lambda name, note: f"{name} holds NaN: {note}.",
    lambda number: f"{count(number)} tensors beside the model hold NaN.",
    "The model itself does not use them, but training that goes on from this file does.",
)
_INF_TOLD = Told(
    "serious",
    "inf",
    lambda name, note: f"{name} holds infinity: {note}.",
    lambda number: f"{count(number)} tensors of the model hold infinity.",
    "Infinity turns into NaN with the first subtraction. There should be none at all, save in masks of attention.",
)
_INF_ASIDE = Told(
    "notable",
    "inf",
    lambda name, note: f"{name} holds infinity: {note}.",
    lambda number: f"{count(number)} tensors beside the model hold infinity.",
    "The model itself does not use them, but training that goes on from this file does.",
)
_ZERO = Told(
    "serious",
    "zero",
    lambda name, _: f"{name} is all zeros.",
    lambda number: f"{count(number)} weights are all zeros.",
    "A layer with such a weight gives the same answer whatever it is shown. That is right only for a part that is "
    "meant to start with zeros and was not trained yet. Reported for weights with every element exactly 0; biases, "
    "offsets and masks may be.",
)
_SCALE = Told(
    "notable",
    "zero",
    lambda name, _: f"{name}, the scale of a normalization, is all zeros.",
    lambda number: f"{count(number)} scales of normalizations are all zeros.",
    "What it normalizes is switched off. Residual blocks are often started like that, but training moves them. "
    "Reported where every element is exactly 0.",
)
_CONSTANT = Told(
    "notable",
    "constant",
    lambda name, note: f"Every element of {name} is {note}.",
    lambda number: f"{count(number)} weights hold one and the same value throughout.",
    f"A trained weight is never constant; a fixed kernel such as a blur may be. Reported for weights of {MIN_CONSTANT} "
    "elements and more; biases, scales of normalizations and masks may be constant.",
)

Rows = list[tuple[int, str]]


def not_finite(subject: Subject) -> Iterator[Finding]:
    """Tell of NaN and infinity."""
    nan: Rows = []
    nan_aside: Rows = []
    inf: Rows = []
    inf_aside: Rows = []
    for number, tensor, figures in subject.known:
        statistics, is_model = figures.statistics, tensor.role in ("parameter", "buffer")
        if statistics.nan:
            note = f"{count(statistics.nan)} of {count(statistics.numel)}"
            (nan if is_model else nan_aside).append((number, note))
        # a metric's best value so far starts at infinity
        if statistics.inf and (is_model or statistics.numel > 1):
            note = f"{count(statistics.inf)} of {count(statistics.numel)}"
            if not _is_mask(tensor):
                (inf if is_model else inf_aside).append((number, note))
    for told, found in ((_NAN_TOLD, nan), (_NAN_ASIDE, nan_aside), (_INF_TOLD, inf), (_INF_ASIDE, inf_aside)):
        yield from told.of(subject.tensors, found)


def _is_mask(tensor: AuditTensor) -> bool:
    """Tell whether a tensor may hold infinity; a state_dict does not always tell buffers from parameters."""
    name = tensor.name.lower()
    return bool(_MASK.search(name)) or (tensor.role == "buffer" and tensor.key == "bias")


def one_value(subject: Subject) -> Iterator[Finding]:
    """Tell of weights that are all zeros or constant."""
    zero, constant = [], []
    for number, tensor, figures in subject.weights:
        if number in subject.settled or tensor.is_token or not subject.is_constant(number):
            continue
        value = figures.statistics.min or 0.0
        if value == 0 and tensor.numel > 1:
            zero.append((number, f"{count(tensor.numel)} zeros"))
        elif value and tensor.numel >= MIN_CONSTANT and sum(size > 1 for size in tensor.shape) > 1:
            constant.append((number, figure(value)))
    scales = [
        (norm.weight, f"{count(subject.tensors[norm.weight].numel)} zeros")
        for norm in subject.batch_norms
        if norm.weight >= 0 and norm.weight not in subject.settled and subject.is_constant(norm.weight, 0.0)
    ]
    subject.settled.update(number for number, _ in (*zero, *constant))
    for told, found in ((_ZERO, zero), (_SCALE, scales), (_CONSTANT, constant)):
        yield from told.of(subject.tensors, found)
