"""Searching the module tree by name, shape and dtype, in slices that leave the event loop free. Plain Python."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inspector.checkpoint.summary import CheckpointSummary

#: Nodes looked at between two chances to pause: under 3 ms each.
_SLICE = 1_024

_BRACKETED = re.compile(r"[\[(]\s*(\d+(?:\s*[,x×]\s*\d+)*)\s*,?\s*[\])]")
_SIZES = re.compile(r"(?<!\S)\d+(?:\s*[,x×]\s*\d+)*(?!\S)")
_BETWEEN = re.compile(r"\s*[,x×]\s*")


@dataclass(frozen=True, slots=True)
class Found:
    """The part of a tree that a search shows: matches, what leads to them, and what lies in a matching module.

    Attributes
    ----------
    children
        By node: its shown children, in order. Nodes that show none are left out.
    nodes
        All shown nodes, from the top of the tree to its bottom.
    tensors
        How many tensors are shown.
    """

    children: dict[int, list[int]]
    nodes: array[int]
    tensors: int


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a search: text to find in a name or dtype, or sizes to find in a shape (``×64×3×``)."""

    text: str
    sizes: str = ""


def words_of(query: str) -> tuple[Word, ...]:
    """Split what was typed: all words must be found. ``64x3``, ``64 × 3``, ``[64, 3]`` and ``64`` are sizes."""
    spaced = _BRACKETED.sub(lambda found: f" {found[1]} ", query.casefold())
    words: list[Word] = []

    def take(found: re.Match[str]) -> str:
        words.append(Word(_BETWEEN.sub(lambda sign: sign[0].strip(), found[0]), _sizes(found[0])))
        return " "

    rest = _SIZES.sub(take, spaced)
    return (*words, *map(Word, rest.split()))


def _sizes(text: str) -> str:
    return f"×{_BETWEEN.sub('×', text)}×"


class TreeSearch:
    """The texts of one checkpoint's tree, gathered at the first search, and the searches in them."""

    def __init__(self, summary: CheckpointSummary) -> None:
        self.summary = summary
        self._texts: list[str] = []
        self._shapes: list[str] = []

    def run(self, query: str) -> Iterator[Found | None]:
        """Search; yield None wherever the search may pause, and at last what was found."""
        yield from self._gather()
        shown = bytearray(len(self._texts))
        whole = bytearray(len(shown))
        words = words_of(query)
        for start in range(0, len(shown), _SLICE):
            self._mark(words, range(start, min(start + _SLICE, len(shown))), shown, whole)
            yield None
        for stop in range(len(shown), 0, -_SLICE):
            self._mark_ways(range(stop - 1, max(0, stop - _SLICE) - 1, -1), shown)
            yield None
        found = Found({}, array("i"), 0)
        for start in range(0, len(shown), _SLICE):
            found = self._lay_out(range(start, min(start + _SLICE, len(shown))), shown, found)
            yield None
        yield from _put_in_order(found, [0] if shown and shown[0] else [])
        yield found

    def _gather(self) -> Iterator[None]:
        """Gather every node's text: a tensor's full name and dtype; anything else's label and detail."""
        summary = self.summary
        for start in range(len(self._texts), len(summary.kinds), _SLICE):
            for node in range(start, min(start + _SLICE, len(summary.kinds))):
                tensor = summary.tensors[node]
                if tensor >= 0:
                    shape = summary.shape(tensor)
                    text = f"{summary.names[tensor]}\n{summary.dtype(tensor)}{'' if shape else ' scalar'}"
                    self._shapes.append(f"×{'×'.join(map(str, shape))}×")
                else:
                    # the root holds everything, so that finding it would tell nothing
                    text = f"{summary.labels[node]}\n{summary.details[node]}" if node else ""
                    self._shapes.append("")
                self._texts.append(text.casefold())
            yield None

    def _mark(self, words: Sequence[Word], nodes: range, shown: bytearray, whole: bytearray) -> None:
        """Mark the matches and what lies in matching modules; parents come before their children."""
        parents, tensors = self.summary.parents, self.summary.tensors
        for node in nodes:
            if node and whole[parents[node]]:
                shown[node] = whole[node] = 1
            elif self._matches(words, node):
                shown[node] = 1
                whole[node] = tensors[node] < 0

    def _matches(self, words: Sequence[Word], node: int) -> bool:
        text, shape = self._texts[node], self._shapes[node]
        return all(word.text in text or (word.sizes and word.sizes in shape) for word in words)

    def _mark_ways(self, nodes: range, shown: bytearray) -> None:
        parents = self.summary.parents
        for node in nodes:
            if shown[node] and node:
                shown[parents[node]] = 1

    def _lay_out(self, nodes: range, shown: bytearray, found: Found) -> Found:
        summary, tensors = self.summary, found.tensors
        for node in nodes:
            if not shown[node]:
                continue
            tensors += summary.tensors[node] >= 0
            first = summary.first_children[node]
            children = [child for child in range(first, first + summary.child_counts[node]) if shown[child]]
            if children:
                found.children[node] = children
        return Found(found.children, found.nodes, tensors)


def _put_in_order(found: Found, top: list[int]) -> Iterator[None]:
    """Fill the nodes of what was found, each before what lies in it."""
    pending, steps = top, 0
    while pending:
        node = pending.pop()
        found.nodes.append(node)
        children = found.children.get(node)
        if children:
            pending += reversed(children)
        steps += 1
        if steps % _SLICE == 0:
            yield None
