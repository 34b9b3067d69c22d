"""Layers, and whole models, that are still as they were made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod, sqrt

from inspector.findings import Finding
from inspector.weights.audit.norms import is_untouched, norm_name
from inspector.weights.audit.subject import BatchNorm, Subject
from inspector.weights.audit.telling import Told, count, counted, figure, finding, percent
from inspector.weights.audit.thresholds import (
    MIN_TESTED,
    NOISE,
    SURE_NORMAL,
    SURE_UNIFORM,
    WHOLE_MODEL,
    WHOLE_MODEL_SURE,
)

_LAYERS = Told(
    "notable",
    "untrained",
    lambda name, _: f"{name} was never trained.",
    lambda number: f"{count(number)} layers were never trained.",
    "The values are spread just as they are drawn when the layer is made, while the rest of the model was trained: a "
    f"new head, perhaps, or a part that training left out. Reported for weights of {count(SURE_UNIFORM)} elements "
    f"and more that are evenly spread up to the bounds of a usual initial distribution, and of {count(SURE_NORMAL)} "
    "and more where it is a normal one.",
)
_NORMS = Told(
    "notable",
    "untrained",
    lambda name, _: f"{norm_name(name)} has never seen data.",
    lambda number: f"{count(number)} batch norms have never seen data.",
    "Mean 0, variance 1, scale 1 and bias 0 are how a batch norm is made; others of this model have been trained.",
)
_WHOLE = (
    f"At least {percent(WHOLE_MODEL)} of its weights are spread just as PyTorch draws them when a model is made, by "
    "bounds, spread and shape of the histogram. What it predicts is left to chance."
)


@dataclass(slots=True)
class _Model:
    """What is known of the weights of one state_dict."""

    tested: list[int] = field(default_factory=list)
    elements: int = 0
    bounded: dict[int, str] = field(default_factory=dict)
    normal: dict[int, str] = field(default_factory=dict)
    likely: dict[int, str] = field(default_factory=dict)
    embeddings: set[int] = field(default_factory=set)
    sure_elements: int = 0
    norms: list[BatchNorm] = field(default_factory=list)
    scales: list[int] = field(default_factory=list)
    moved_scales: int = 0

    @property
    def has_moved(self) -> bool:
        """Whether the scales of its norms, which are all made alike, show that it was trained."""
        return self.moved_scales > (1 - WHOLE_MODEL) * len(self.scales)

    @property
    def alike(self) -> dict[int, str]:
        """The weights that are at their start, and how they are."""
        return self.bounded | self.normal | self.likely

    @property
    def is_untrained(self) -> bool:
        return (
            bool(self.bounded or self.normal)
            and not self.has_moved
            and len(self.alike) >= WHOLE_MODEL * len(self.tested)
            and self.sure_elements >= WHOLE_MODEL_SURE * self.elements
        )

    @property
    def apart(self) -> dict[int, str]:
        """The layers that were not trained while the rest of it was.

        What is normally distributed may have been trained a little; where the norms' scales have moved, it was. Of
        an embedding, training may have reached a few rows only.
        """
        normal = {} if self.has_moved else self.normal
        return self.bounded | {number: words for number, words in normal.items() if number not in self.embeddings}


def untrained(subject: Subject) -> Iterator[Finding]:
    """Tell of models and layers that were not trained; this runs before the rules on zeros and on batch norms."""
    models = _models(subject)
    apart: list[tuple[int, str]] = []
    norms: list[tuple[int, str]] = []
    for path, model in models.items():
        if model.is_untrained:
            yield _whole(subject, path, model, sum(bool(other.tested) for other in models.values()) > 1)
            subject.settled.update(model.alike)
            for norm in model.norms:
                if is_untouched(subject, norm):
                    subject.settled.update({norm.mean, norm.variance, norm.weight, norm.bias} - {-1})
            continue
        apart += model.apart.items()
        norms += _fresh_norms(subject, model.norms)
    subject.settled.update(number for number, _ in (*apart, *norms))
    yield from _LAYERS.of(subject.tensors, apart)
    yield from _NORMS.of(subject.tensors, norms)


def _models(subject: Subject) -> dict[str, _Model]:
    """Test every weight, by state_dict."""
    models: dict[str, _Model] = defaultdict(_Model)
    for number, tensor, figures in subject.weights:
        if tensor.model is None or not tensor.is_real or tensor.layout != "strided" or tensor.numel < MIN_TESTED:
            continue
        model = models[tensor.model]
        model.tested.append(number)
        model.elements += tensor.numel
        if tensor.is_embedding:
            model.embeddings.add(number)
        if subject.is_constant(number):
            model.likely[number] = f"all {figure(figures.statistics.min or 0.0)}"
            continue
        found = subject.initials.get(number)
        if found is not None and (found.is_uniform or _has_fresh_bias(subject, number)):
            sure = model.bounded if found.is_uniform else model.normal
            (sure if found.is_sure else model.likely)[number] = found.words
            model.sure_elements += tensor.numel if found.is_sure else 0
    for norm in subject.batch_norms:
        path = subject.tensors[norm.mean].model
        if path is not None:
            models[path].norms.append(norm)
    for number in subject.scales:
        path = subject.tensors[number].model
        if path is not None:
            models[path].scales.append(number)
            models[path].moved_scales += not subject.is_constant(number)
    return models


def _has_fresh_bias(subject: Subject, number: int) -> bool:
    """Tell whether a weight has no bias that training has moved: one of a constant, of noise, or within its bounds."""
    tensor = subject.tensors[number]
    bias = subject.figures.get(subject.numbers.get(f"{tensor.module}.bias" if tensor.module else "bias", -1))
    if bias is None or not bias.statistics.std:
        return True
    largest = max(abs(bias.statistics.min or 0), abs(bias.statistics.max or 0))
    return largest < NOISE or largest <= 1 / sqrt(prod(tensor.shape[1:]))


def _whole(subject: Subject, path: str, model: _Model, has_others: bool) -> Finding:
    found = model.alike
    name = f"The model in {path}" if path and has_others else "This model"
    untouched = sum(is_untouched(subject, norm) for norm in model.norms)
    norms = f" So are {counted(untouched, 'batch norm')}." if untouched else ""
    title = (
        f"{name} was never trained: {count(len(found))} of {count(len(model.tested))} weights are as they were made."
    )
    return finding("serious", "untrained", sorted(found.items()), title, _WHOLE + norms)


def _fresh_norms(subject: Subject, norms: Sequence[BatchNorm]) -> list[tuple[int, str]]:
    """Return the batch norms that are as they were made, where others of the model are not: else they were folded."""
    fresh = [norm for norm in norms if is_untouched(subject, norm)]
    moved = any(not subject.is_constant(norm.mean, 0.0) and not subject.is_constant(norm.variance) for norm in norms)
    return [(norm.variance, "mean 0, variance 1, scale 1, bias 0") for norm in fresh] if moved else []
