"""Two checkpoints on the same images: where they agree, where they do not, and which one is right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from inspector.session import words
from inspector.session.results import ResultRow
from inspector.session.true_classes import plain_label

Right = Literal["", "first", "second", "both", "neither"]


class Difference(NamedTuple):
    """One image that two checkpoints answer differently, and which of them is right where that is known."""

    first: ResultRow
    second: ResultRow
    right: Right = ""

    @property
    def image(self) -> int:
        """The image's id."""
        return self.first.image


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two checkpoints stand to each other on the images that both have answered.

    Attributes
    ----------
    compared, agreed
        Images that both have answered; those with the same best class.
    unfinished
        Images that one of them has not answered yet.
    known
        Compared images whose true class both know.
    first_right, second_right
        How many of those each is right on.
    differences
        In the images' order.
    """

    compared: int = 0
    agreed: int = 0
    unfinished: int = 0
    known: int = 0
    first_right: int = 0
    second_right: int = 0
    differences: tuple[Difference, ...] = ()


def agreement(
    first: Iterable[ResultRow], second: Iterable[ResultRow], labels: tuple[tuple[str, ...], tuple[str, ...]]
) -> Agreement:
    """Compare two checkpoints' rows, image by image.

    Where both models have the same classes in the same order, these are compared by number, since names can stand for
    two classes; else by their names, whatever their numbers.

    Parameters
    ----------
    labels
        The names of each model's classes.
    """
    by_number = labels[0] == labels[1]
    others = {row.image: row for row in second}
    compared = agreed = unfinished = known = first_right = second_right = 0
    differences: list[Difference] = []
    for row in first:
        other = others.get(row.image)
        if other is None or not row.label or not other.label:
            unfinished += 1
            continue
        compared += 1
        is_known = row.right is not None and other.right is not None
        if is_known:
            known += 1
            first_right += bool(row.right)
            second_right += bool(other.right)
        if row.best == other.best if by_number else plain_label(row.label) == plain_label(other.label):
            agreed += 1
        else:
            differences.append(Difference(row, other, _who(row, other) if is_known else ""))
    return Agreement(compared, agreed, unfinished, known, first_right, second_right, tuple(differences))


def _who(first: ResultRow, second: ResultRow) -> Right:
    if first.right:
        return "both" if second.right else "first"
    return "second" if second.right else "neither"


def sentence(found: Agreement, first: str, second: str) -> str:
    """Return how two checkpoints agree, in one or two sentences; ``first`` and ``second`` are their names."""
    if not found.compared:
        return "No image has been answered by both yet."
    images = words.plural(found.compared, "image")
    said = f"They agree on {words.number(found.agreed)} of {images} ({words.percent(found.agreed / found.compared)})."
    if found.known:
        shares = (words.percent(right / found.known) for right in (found.first_right, found.second_right))
        where = (
            "" if found.known == found.compared else f" on the {words.plural(found.known, 'image')} with a known class"
        )
        said += f" {first} is right on {next(shares)}, {second} on {next(shares)}{where}."
    return said
