"""How often a model is right on images whose class is known: accuracy, classes, confusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from inspector.session.results import ResultRow, class_label

#: Classes of a confusion matrix at the most: no screen shows more. The rarest share the last row and column.
MOST_CLASSES = 200

#: What the classes are called that have no row of their own.
OTHERS = -1


@dataclass(frozen=True, slots=True)
class ClassAccuracy:
    """One true class: how many images it has, of how many the model is right, and what it says else most often."""

    index: int
    label: str
    images: int
    right: int
    mistake: str = ""
    mistakes: int = 0

    @property
    def share(self) -> float:
        """The share that is right, 0 to 1."""
        return self.right / self.images


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What a model's answers are worth on the images whose class is known.

    Attributes
    ----------
    images
        All of them, whether their class is known or not.
    known
        Those whose class is known and that were predicted.
    right, among
        Of those, how many have the true class first, and how many among the first ``k``.
    classes
        By true class, in the classes' order.
    shown
        The classes of the confusion matrix's rows and columns, by number; `OTHERS` last where some share it.
    counts
        Images by true and predicted class.
    """

    images: int = 0
    known: int = 0
    right: int = 0
    among: int = 0
    k: int = 0
    classes: tuple[ClassAccuracy, ...] = ()
    shown: tuple[int, ...] = ()
    labels: dict[int, str] = field(default_factory=dict)
    counts: dict[tuple[int, int], int] = field(default_factory=dict)


def accuracy(rows: Iterable[ResultRow], labels: Sequence[str], most: int = MOST_CLASSES) -> Accuracy:
    """Return the accuracy over rows; those without a prediction, or whose class is not known, are left out.

    Parameters
    ----------
    labels
        The name of each class of the model.
    most
        Classes of the confusion matrix at the most.
    """
    images, known, right, among, k = 0, 0, 0, 0, 0
    pairs: Counter[tuple[int, int]] = Counter()
    for row in rows:
        images += 1
        if row.truth < 0 or row.best < 0:
            continue
        known += 1
        right += row.best == row.truth
        among += row.truth in row.ranks
        k = max(k, len(row.ranks))
        pairs[row.truth, row.best] += 1
    names = {index: class_label(labels[index], index) for pair in pairs for index in pair if index < len(labels)}
    shown, counts = _bounded(pairs, most)
    return Accuracy(images, known, right, among, k, _by_class(pairs, names), shown, names, counts)


def _by_class(pairs: Counter[tuple[int, int]], names: dict[int, str]) -> tuple[ClassAccuracy, ...]:
    images: Counter[int] = Counter()
    worst: dict[
        int, tuple[int, int]
    ] = {}  # the most frequent mistake: how often, and which class (the first of equals)
    for (truth, predicted), count in sorted(pairs.items()):
        images[truth] += count
        if predicted != truth and count > worst.get(truth, (0, 0))[0]:
            worst[truth] = (count, predicted)
    made = []
    for truth in sorted(images):
        mistakes, mistake = worst.get(truth, (0, -1))
        label = names.get(truth, f"class {truth}")
        other = names.get(mistake, f"class {mistake}") if mistakes else ""
        made.append(ClassAccuracy(truth, label, images[truth], pairs[truth, truth], other, mistakes))
    return tuple(made)


def _bounded(pairs: Counter[tuple[int, int]], most: int) -> tuple[tuple[int, ...], dict[tuple[int, int], int]]:
    """Return the classes that get a row and a column, and the counts with all others as `OTHERS`."""
    seen: Counter[int] = Counter()
    for (truth, predicted), count in pairs.items():
        seen[truth] += count
        seen[predicted] += count
    if len(seen) <= most:
        return tuple(sorted(seen)), dict(pairs)
    kept = {index for index, _ in sorted(seen.items(), key=lambda found: (-found[1], found[0]))[: most - 1]}
    counts: Counter[tuple[int, int]] = Counter()
    for (truth, predicted), count in pairs.items():
        counts[truth if truth in kept else OTHERS, predicted if predicted in kept else OTHERS] += count
    return (*sorted(kept), OTHERS), dict(counts)
