"""Other libraries' names for torchvision's tensors: the same weights, spelled otherwise.

timm, transformers and the authors of Swin and ConvNeXt publish models with torchvision's weights in torchvision's
shapes under names of their own. A `Spelling` is a table of rules for one family of architectures; the tables are in
`inspector.architectures.spelling_tables`. What has no anchor of a table among its names is never looked at twice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import prod

_NUMBERS = r"(?<![^.])(\d+)(?![^.])"  # segments that are a number
_FIELD = re.compile(r"\{(\d*)([a-z])([+-]\d+)?\}")
_MOST_PLACES = 4  # wrappers in which one file may hold a spelling

Numbers = tuple[int, ...]
_Writer = Callable[[Mapping[str, int]], str]


@dataclass(frozen=True)
class Block:
    """One kind of block, which a family's networks mix: told by its children, each of which has a place.

    Attributes
    ----------
    has
        Children that make a block of this kind, if all are there.
    rules
        As `Spelling.rules`, from the names inside the block.
    """

    has: frozenset[str]
    rules: Mapping[str, str]


@dataclass(frozen=True)
class Spelling:
    """How one library names the tensors of one family of architectures.

    A rule's left side is a module's name, or a tensor's, in which ``#`` stands for a number. The right side is
    torchvision's, in which ``{a}``, ``{b}`` are the numbers in their order; ``{2a+1}`` and the like reckon with them.
    Inside a block, ``{n}`` is the block's place among all blocks, from 0; everywhere, ``{m}`` is the highest first
    number of any block. Names without a rule stay as they are.

    Attributes
    ----------
    library
        Where the names come from, as a person knows it.
    families
        Beginnings of the builders' names.
    anchor
        The name of one tensor; what stands before it is the wrapper.
    rules
        See above.
    signs
        Further names that must be there, where other spellings have the same anchor.
    inner
        A prefix that the names inside the model have, the head's excepted; absent where only the inside was saved.
    block
        Beginning of the names inside a block, such as ``blocks.#.#.``.
    kinds
        The kinds of blocks; the first that fits a block is it.
    tops
        Torchvision's names for the first part of names without a rule.
    reshaped
        Ends of torchvision's names whose tensors have the same values, in the same order, in another shape.
    numbers
        Pattern of the numbers in a name, with one group.
    caveats
        By the beginnings of builders' names, the first that fits: a sentence for the person where torchvision's
        model computes something else from the same tensors.
    """

    library: str
    families: tuple[str, ...]
    anchor: str
    rules: Mapping[str, str]
    signs: tuple[str, ...] = ()
    inner: str = ""
    block: str = ""
    kinds: tuple[Block, ...] = ()
    tops: Mapping[str, str] = field(default_factory=dict)
    reshaped: tuple[str, ...] = ()
    numbers: str = _NUMBERS
    caveats: Mapping[str, str] = field(default_factory=dict)

    def is_for(self, name: str) -> bool:
        """Tell whether a builder belongs to the families."""
        return name.removeprefix("quantized_").startswith(self.families)

    def caveat_for(self, name: str) -> str:
        """Return the sentence that holds for a builder, empty for none."""
        return next((caveat for start, caveat in self.caveats.items() if name.startswith(start)), "")

    def reshapes(self, key: str, expected: tuple[int, ...], found: tuple[int, ...]) -> bool:
        """Tell whether a tensor of torchvision's name has its values in another shape in this spelling."""
        return bool(self.reshaped) and key.endswith(self.reshaped) and prod(expected) == prod(found)

    def translated(self, names: Collection[str]) -> dict[str, str]:
        """Return torchvision's name for each of a model's names, already without their wrapper."""
        split = re.compile(self.numbers).split
        parsed: list[tuple[str, str, Numbers]] = []
        children: defaultdict[Numbers, set[str]] = defaultdict(set)
        start = len(self.block)
        for name in names:
            pieces = split(name.removeprefix(self.inner))
            outline, numbers = "#".join(pieces[::2]), tuple(map(int, pieces[1::2]))
            parsed.append((name, outline, numbers))
            if start and outline.startswith(self.block):
                children[numbers[:2]].add(outline[start:].partition(".")[0])
        kinds = {numbers: self._kind(found) for numbers, found in children.items()}
        places = {numbers: place for place, numbers in enumerate(sorted(children))}
        most = max((numbers[0] for numbers in children), default=0)
        found: dict[str, str] = {}
        for name, outline, numbers in parsed:
            rules, inside, values = self.rules, outline, dict(zip("abc", numbers, strict=False)) | {"m": most}
            if numbers[:2] in places and outline.startswith(self.block):
                kind = kinds[numbers[:2]]
                rules, inside = kind.rules if kind else {}, outline[start:]
                values["n"] = places[numbers[:2]]
            found[name] = _written(rules, inside, values) or self._below_top(name)
        return found

    def _below_top(self, name: str) -> str:
        top, dot, rest = name.partition(".")
        return self.tops.get(top, top) + dot + rest

    def _kind(self, children: set[str]) -> Block | None:
        return next((kind for kind in self.kinds if kind.has <= children), None)


def spelled(names: Collection[str], blob: str, tables: Collection[Spelling]) -> Iterator[tuple[str, Spelling]]:
    """Yield the spellings that a file's names show, each with the wrapper before them.

    Parameters
    ----------
    names
        A file's names, with fast membership.
    blob
        The same, each between two line ends.
    tables
        The spellings to look for.
    """
    anchors: dict[str, list[str]] = {}
    for table in tables:
        prefixes = anchors.get(table.anchor)
        if prefixes is None:
            prefixes = anchors[table.anchor] = list(_before(table.anchor, blob))
        for prefix in prefixes:
            if all(prefix + sign in names for sign in table.signs):
                yield prefix.removesuffix(table.inner) if f".{prefix}".endswith(f".{table.inner}") else prefix, table


def _before(anchor: str, blob: str) -> Iterator[str]:
    """Yield what stands before a name, wherever it is a whole name or the end of a dotted one."""
    end, places = -1, 0
    while places < _MOST_PLACES:
        end = blob.find(f"{anchor}\n", end + 1)
        if end < 0:
            return
        prefix = blob[blob.rfind("\n", 0, end) + 1 : end]
        if not prefix or prefix.endswith("."):
            places += 1
            yield prefix


def _written(rules: Mapping[str, str], name: str, values: Mapping[str, int]) -> str:
    """Return torchvision's name after the rule for this tensor, or for its module; empty where there is none."""
    target = rules.get(name)
    leaf = ""
    if target is None:
        module, dot, last = name.rpartition(".")
        target, leaf = rules.get(module), dot + last
    try:
        return _writer(target)(values) + leaf if target else ""
    except KeyError:  # fewer numbers than the rule wants: a name of another kind
        return ""


@cache
def _writer(target: str) -> _Writer:
    pieces = _FIELD.split(target)  # text, factor, letter, summand, text, ...
    texts = pieces[::4]
    fields = [
        (int(factor or 1), letter, int(summand or 0))
        for factor, letter, summand in zip(pieces[1::4], pieces[2::4], pieces[3::4], strict=True)
    ]

    def write(values: Mapping[str, int]) -> str:
        numbers = [str(factor * values[letter] + summand) for factor, letter, summand in fields]
        return "".join(text + number for text, number in zip(texts, [*numbers, ""], strict=True))

    return write
