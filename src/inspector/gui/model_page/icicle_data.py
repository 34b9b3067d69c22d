"""Shares of a whole as an icicle: which boxes there are, a row for each level. Plain Python, in slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui.slices import Work

#: Nodes gone through between two chances to pause.
_STEPS = 1_024
#: Boxes narrower than this many pixels are put together.
NARROWEST = 3.0


@dataclass(frozen=True, slots=True)
class Box:
    """One node, or several small ones beside each other.

    Attributes
    ----------
    node, count
        The first of them, and how many: they are siblings, one after the other.
    level
        How far below the top they are.
    left, width
        In pixels.
    value
        What they come to.
    """

    node: int
    count: int
    level: int
    left: float
    width: float
    value: int


def boxes(
    summary: CheckpointSummary, values: Sequence[int], top: int, width: float, levels: int, count: int = 1
) -> Work[list[Box]]:
    """Return the boxes below a node, itself included, as wide as their shares of it.

    Parameters
    ----------
    count
        How many siblings are at the top, the first of them ``top``.
    values
        By node; a node's are the sum of its children's, or more.
    """
    whole = sum(values[top : top + count])
    made = [Box(top, count, 0, 0.0, width, whole)]
    scale = width / whole if whole else 0.0
    pending, steps = [0], 0
    while pending:
        box = made[pending.pop()]
        if (box.count > 1 and box.level) or box.level + 1 >= levels or box.width < NARROWEST:
            continue
        first, below = summary.first_children[box.node], summary.child_counts[box.node]
        if box.count > 1:
            first, below = box.node, box.count
        left, start, gathered = box.left, first, 0
        stop = first + below
        for node in range(first, stop):
            steps += 1
            if steps % _STEPS == 0:
                yield
            gathered += values[node]
            wide = gathered * scale
            is_last = node + 1 == stop
            # a wide one is not put together with the small ones before it
            if wide < NARROWEST and not (is_last or values[node + 1] * scale >= NARROWEST):
                continue
            if gathered:
                made.append(Box(start, node + 1 - start, box.level + 1, left, wide, gathered))
                pending.append(len(made) - 1)
                left += wide
            start, gathered = node + 1, 0
    return made
