"""Which of the catalogue's architectures have a tensor of some name: the first, quick look at a file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Set
from functools import cache
from itertools import chain

from inspector.architectures.collection import catalogue


@cache
def known_names(quantized: bool = False) -> Mapping[str, tuple[str, ...]]:
    """Return every name of the catalogue's tensors, with the layouts that have it, on demand quantized ones too."""
    layouts = {chosen.layout_name: chosen.layout for chosen in catalogue().values()}
    for chosen in catalogue().values() if quantized else ():
        if chosen.quantized:
            layouts[chosen.converted_layout_name] = chosen.layout_with({"quantize": True})
    found: defaultdict[str, list[str]] = defaultdict(list)
    for layout_name, layout in layouts.items():
        for name in layout.tensors:
            found[name].append(layout_name)
    return {name: tuple(owners) for name, owners in found.items()}


def shared_names(names: Set[str], quantized: bool) -> Counter[str]:
    """Count for each layout how many of a file's names it has.

    Parameters
    ----------
    names
        A file's names, without their wrapper and in torchvision's spelling.
    quantized
        Whether the file has any quantized layer: else there is no need to read how quantized ones look.
    """
    known = known_names(quantized)
    return Counter(chain.from_iterable(known[name] for name in known.keys() & names))


def known_prefixes(names: Collection[str], deepest: int) -> Counter[str]:
    """Count for each prefix, of so many dotted names at the most, behind how many of its names one is known.

    The empty prefix is counted too.
    """
    known = known_names()
    counts: Counter[str] = Counter({"": sum(name in known for name in names)})
    for name in names:
        dot = -1
        for _ in range(deepest):
            dot = name.find(".", dot + 1)
            if dot < 0:
                break
            if name[dot + 1 :] in known:
                counts[name[: dot + 1]] += 1
    return counts
