"""How each checkpoint's tree is first shown, and how it was left."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.checkpoint.summary import NODE_KINDS, CheckpointSummary
from inspector.gui.tree_rows import TreeRows
from inspector.gui.tree_search import TreeSearch

#: A tree of fewer nodes is expanded whole; of a larger one about as many rows as a screen shows.
_SMALL = 60
_FIRST_ROWS = 40


@dataclass(slots=True)
class Place:
    """How a person left one checkpoint's tree: its rows, the selected node, and how far it was scrolled, in pixels."""

    search: TreeSearch
    rows: TreeRows
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


def moved_place(place: Place, summary: CheckpointSummary) -> Place:
    """Return how the tree was left, in the tree of the same checkpoint read again: by names, not by numbers."""
    before = place.search.summary
    if before.parents == summary.parents and before.labels == summary.labels:
        return Place(TreeSearch(summary), place.rows.of(summary), place.node, place.query, place.scroll)
    expanded = place.rows.expanded_nodes()
    wanted = {*expanded, *(_way(before, place.node) if place.node >= 0 else ())}
    moved = _same_nodes(before, summary, wanted)
    rows = TreeRows(summary, [moved[node] for node in expanded if node in moved])
    return Place(TreeSearch(summary), rows, moved.get(place.node, -1), place.query, place.scroll)


def _way(summary: CheckpointSummary, node: int) -> list[int]:
    """Return a node and what it lies in."""
    way = []
    while node >= 0:
        way.append(node)
        node = summary.parents[node]
    return way


def _same_nodes(before: CheckpointSummary, after: CheckpointSummary, wanted: set[int]) -> dict[int, int]:
    """Return, by node of ``before``, the node of ``after`` that the same labels lead to."""
    moved, children = {0: 0}, dict[int, dict[str, int]]()
    for node in sorted(wanted - {0}):  # parents have smaller numbers
        above = moved.get(before.parents[node])
        if above is None:
            continue
        if above not in children:
            first = after.first_children[above]
            below = range(first, first + after.child_counts[above])
            children[above] = {after.labels[child]: child for child in reversed(below)}
        found = children[above].get(before.labels[node])
        if found is not None:
            moved[node] = found
    return moved
