"""How each checkpoint's tree is first shown, and how it was left."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.checkpoint.summary import NODE_KINDS, CheckpointSummary
from inspector.gui.tree_search import TreeSearch

#: A tree of fewer nodes is expanded whole; of a larger one about as many rows as a screen shows.
_SMALL = 60
_FIRST_ROWS = 40


@dataclass(slots=True)
class Place:
    """How a person left one checkpoint's tree; ``expanded`` and ``node`` are nodes, ``scroll`` is in pixels."""

    search: TreeSearch
    expanded: set[int]
    node: int = -1
    query: str = ""
    scroll: int = 0


def first_expanded(summary: CheckpointSummary) -> set[int]:
    """Return the nodes that are expanded when a checkpoint is opened: all of a small tree, else the first levels."""
    counts = summary.child_counts
    if len(counts) < _SMALL:
        return {node for node, count in enumerate(counts) if count}
    expanded, rows, level = {0}, 1 + counts[0], [0]
    while level and rows < _FIRST_ROWS:
        below = [
            child
            for node in level
            for child in range(summary.first_children[node], summary.first_children[node] + min(counts[node], 200))
            if counts[child] and NODE_KINDS[summary.kinds[child]] != "list"
        ]
        # modules before the plain values beside them
        level = []
        for node in sorted(below, key=lambda child: summary.nbytes[child] == 0):
            if rows + counts[node] <= _FIRST_ROWS:
                rows += counts[node]
                expanded.add(node)
                level.append(node)
    return expanded
