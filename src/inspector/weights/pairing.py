"""Which tensors of two checkpoints belong together: by their names without what the way of saving put before them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product

from inspector.checkpoint.insides import wrapper_of
from inspector.checkpoint.summary import CheckpointSummary

#: Modules that wrap others one by one: data parallel's and the compiler's.
_INNER = re.compile(r"(?:(?<=\.)|^)(?:(?:module|_orig_mod)\.)+")
#: Names that weight averaging and the like add beside the wrapped model's.
_BESIDE = frozenset({"n_averaged"})
_DEEPEST = 4  # dotted names in a prefix
_MOST = 8  # prefixes tried
_SAMPLE = 2_000  # names looked at to find prefixes
_SHARE = 0.3  # of the names that a prefix holds at least
_NEARLY_ALL = 0.9  # of the names, where a prefix is taken off both sides
#: Of the smaller side's names that another prefix must bring together, above what is together without.
_GAIN = 0.1


@dataclass(frozen=True, slots=True)
class Pairing:
    """The tensors of two checkpoints, by name.

    Attributes
    ----------
    pairs
        ``(name, tensor of a, tensor of b)``, in a's order.
    only_a, only_b
        ``(name, tensor)``, in their file's order.
    """

    pairs: tuple[tuple[str, int, int], ...]
    only_a: tuple[tuple[str, int], ...]
    only_b: tuple[tuple[str, int], ...]


def pair(a: Sequence[str], b: Sequence[str]) -> Pairing:
    """Pair two lists of keys; the numbers in the answer are places in these lists.

    Wrappers (``module.``, ``_orig_mod.``, ``model.``, several of them) are taken off each side. Where the two still
    have few names in common, a prefix that most names of one side have is taken off too, if that brings them together:
    a backbone beside the whole detector, or a model that was an attribute of something.

    >>> pair(["module.fc.weight", "module.fc.bias"], ["fc.weight", "head.bias"])
    Pairing(pairs=(('fc.weight', 0, 0),), only_a=(('fc.bias', 1),), only_b=(('head.bias', 1),))
    """
    first, second = without_wrapper(a), without_wrapper(b)
    prefixes = _best_prefixes(first, second)
    first, second = _without(first, prefixes[0]), _without(second, prefixes[1])
    places = _places(second)
    taken: set[int] = set()
    pairs, only_a = [], []
    for number, name in enumerate(first):
        other = places.get(name)
        if other is None or other in taken:
            only_a.append((name, number))
        else:
            taken.add(other)
            pairs.append((name, number, other))
    only_b = ((name, number) for number, name in enumerate(second) if number not in taken)
    return Pairing(tuple(pairs), tuple(only_a), tuple(only_b))


def without_wrapper(keys: Sequence[str]) -> list[str]:
    """Return the keys without the wrapper that all of them have, and without those of single modules."""
    wrapper = wrapper_of(key for key in keys if key not in _BESIDE) or ""
    found = _without(keys, wrapper)
    plain = [_INNER.sub("", name) for name in found]
    return plain if len(set(plain)) == len(set(found)) else found


def chosen_tensors(summary: CheckpointSummary, state_dict: int | None) -> tuple[list[str], list[int]]:
    """Return the keys and tensors of a state_dict, of all that the file holds where None."""
    if state_dict is None:
        return list(summary.names), list(range(len(summary)))
    tensors = summary.tensors_of(state_dict)
    return [summary.key(tensor) for tensor in tensors], tensors


def _places(names: Sequence[str]) -> dict[str, int]:
    """Return the first place of each name."""
    return {name: number for number, name in reversed(list(enumerate(names)))}


def _without(names: Sequence[str], prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in names] if prefix else list(names)


def _best_prefixes(a: Sequence[str], b: Sequence[str]) -> tuple[str, str]:
    """Return the prefix to take off each side so that most names are in both; none where that helps little."""
    set_a, set_b = set(a), set(b)
    best, prefixes = len(set_a & set_b), ("", "")
    smaller = min(len(set_a), len(set_b))
    if best == smaller:
        return prefixes
    best += int(_GAIN * smaller)
    tried = [(prefix, "") for prefix in _frequent(a, _SHARE)] + [("", prefix) for prefix in _frequent(b, _SHARE)]
    tried += product(_frequent(a, _NEARLY_ALL), _frequent(b, _NEARLY_ALL))
    for one, other in tried:
        common = len((set(_inside(a, one)) if one else set_a) & (set(_inside(b, other)) if other else set_b))
        if common > best:
            best, prefixes = common, (one, other)
    return prefixes


def _inside(names: Sequence[str], prefix: str) -> list[str]:
    return [name[len(prefix) :] for name in names if name.startswith(prefix)]


def _frequent(names: Sequence[str], share: float) -> list[str]:
    """Return the prefixes that such a share of the names have, the most frequent first."""
    step = len(names) // _SAMPLE + 1
    sample = list(islice(names, 0, None, step))
    counts: Counter[str] = Counter()
    for name in sample:
        dot = -1
        for _ in range(_DEEPEST):
            dot = name.find(".", dot + 1)
            if dot < 0:
                break
            counts[name[: dot + 1]] += 1
    return [prefix for prefix, count in counts.most_common(_MOST) if count >= share * len(sample)]
