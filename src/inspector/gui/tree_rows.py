"""Which rows of a tree are shown, from top to bottom: numbers in an array, however many there are. Plain Python."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui.tree_search import Found

#: Expanded nodes gone through between two chances to pause: about 1 ms.
_STEPS = 512


class TreeRows:
    """The shown rows of a checkpoint's tree, whole or only what a search found.

    Parameters
    ----------
    expanded
        Nodes to begin with; of a search everything is expanded.

    Attributes
    ----------
    nodes
        The node of every row.
    found
        What of the tree is shown, None for all of it.
    """

    def __init__(self, summary: CheckpointSummary, expanded: Iterable[int] = (), found: Found | None = None) -> None:
        self.summary = summary
        self.found = found
        self.nodes = array("i")
        self._expanded = bytearray(len(summary.kinds))
        self._kept: dict[int, array[int]] = {}  # rows below collapsed nodes, as they were
        for node in expanded if found is None else found.children:
            self._expanded[node] = len(self.children(node)) > 0
        if found is not None:
            self.nodes.extend(found.nodes)
        else:
            self.nodes.append(0)
            if self._expanded[0]:
                self.nodes.extend(self.below(0))

    def of(self, summary: CheckpointSummary) -> TreeRows:
        """Return the same rows of another tree that has the same nodes."""
        made = TreeRows(summary)
        made.nodes, made._expanded = self.nodes[:], self._expanded[:]
        return made

    # -- nodes -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.nodes)

    def children(self, node: int) -> Sequence[int]:
        """Return the children of a node that can be shown."""
        if self.found is not None:
            return self.found.children.get(node, ())
        first = self.summary.first_children[node]
        return range(first, first + self.summary.child_counts[node])

    def is_expanded(self, node: int) -> bool:
        """Tell whether a node's children are shown wherever it is shown itself."""
        return bool(self._expanded[node])

    def expanded_nodes(self) -> list[int]:
        """Return all expanded nodes."""
        return list(compress(range(len(self._expanded)), self._expanded))

    def row(self, node: int) -> int:
        """Return the row of a node, -1 where it is not shown."""
        try:
            return self.nodes.index(node)
        except ValueError:
            return -1

    def depth(self, node: int) -> int:
        """Return how many nodes a node lies in."""
        depth, parents = 0, self.summary.parents
        while (node := parents[node]) >= 0:
            depth += 1
        return depth

    def span(self, row: int) -> int:
        """Return how many rows are shown below a row, within it."""
        node = self.nodes[row]
        if not self._expanded[node]:
            return 0
        after = self._next_outside(node)
        return (self.nodes.index(after, row + 1) if after >= 0 else len(self.nodes)) - row - 1

    def _next_outside(self, node: int) -> int:
        """Return the node that comes after all that lies in a shown one, -1 for none."""
        while node > 0:
            above = self.summary.parents[node]
            siblings = self.children(above)
            place = siblings.index(node) + 1
            if place < len(siblings):
                return siblings[place]
            node = above
        return -1

    # -- changes -----------------------------------------------------------------------------------------------

    def below(self, node: int) -> array[int]:
        """Return the rows that expanding a collapsed node shows."""
        kept = self._kept.get(node)
        if kept is not None:
            return kept
        rows = array("i")
        for _ in self._walk(node, rows):
            pass
        return rows

    def insert(self, row: int, below: array[int]) -> None:
        """Expand a row: show what `below` returned for it."""
        node = self.nodes[row]
        self._kept.pop(node, None)
        self._expanded[node] = 1
        self.nodes[row + 1 : row + 1] = below

    def remove(self, row: int, count: int) -> None:
        """Collapse a row: hide the ``count`` rows that `span` told of."""
        node = self.nodes[row]
        self._expanded[node] = 0
        self._kept[node] = self.nodes[row + 1 : row + 1 + count]
        del self.nodes[row + 1 : row + 1 + count]

    def collapsed_ways(self, node: int) -> list[int]:
        """Return the collapsed nodes that hide a node, from the top."""
        way = []
        while (node := self.summary.parents[node]) >= 0:
            if not self._expanded[node]:
                way.append(node)
        return way[::-1]

    def reveal(self, node: int) -> None:
        """Expand all that hides a node; only of rows that no model shows."""
        for above in self.collapsed_ways(node):
            self.insert(self.row(above), self.below(above))

    def top(self) -> TreeRows:
        """Return the rows with everything but the first collapsed."""
        made = TreeRows(self.summary, (), self.found)
        made._expanded, made.nodes = bytearray(len(self._expanded)), array("i", self.nodes[:1])
        if made.nodes and len(made.children(0)):
            made.insert(0, made.below(0))
        return made

    def whole(self) -> Iterator[TreeRows | None]:
        """Expand everything: yield None wherever that may pause, at last the new rows."""
        made = TreeRows(self.summary, (), self.found)
        if self.found is None:
            made._expanded = bytearray(map(bool, self.summary.child_counts))
            yield from made._walk(0, made.nodes)
        yield made

    def _walk(self, top: int, rows: array[int]) -> Iterator[None]:
        """Append what is shown within a node; pause now and then."""
        pending, steps = [(self.children(top), 0)], 0
        while pending:
            children, start = pending.pop()
            stop = self._next_expanded(children, start)
            rows.extend(children[start:stop])
            if stop < len(children):
                node = children[stop]
                rows.append(node)
                pending.append((children, stop + 1))
                pending.append((self.children(node), 0))
            steps += 1
            if steps % _STEPS == 0:
                yield None

    def _next_expanded(self, children: Sequence[int], start: int) -> int:
        """Return the place of the first expanded one among children, from a place on; their number where none is."""
        if isinstance(children, range):
            found = self._expanded.find(1, children.start + start, children.stop)
            return found - children.start if found >= 0 else len(children)
        while start < len(children) and not self._expanded[children[start]]:
            start += 1
        return start


def tensors_below(summary: CheckpointSummary, node: int) -> list[int]:
    """Return the tensors of a node and of all below it, in the tree's order."""
    found, pending = [], [node]
    while pending:
        here = pending.pop()
        if (tensor := summary.tensors[here]) >= 0:
            found.append(tensor)
        first = summary.first_children[here]
        pending += range(first + summary.child_counts[here] - 1, first - 1, -1)
    return found
