"""Names as files spell them, brought to the names that torchvision's builders use.

A model saved from inside another module has a prefix on every key: ``module.`` (DataParallel), ``_orig_mod.``
(torch.compile), ``model.``, ``net.``, several of them, or any attribute's name. Such a prefix is a wrapper.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple

_DEEPEST = 6  # dotted names in a wrapper
_MOST = 12  # wrappers to try
_SAMPLE = 2_000  # names looked at to find wrappers
_SHARE = 0.2  # of the names that a wrapper holds at least: a file may hold several models

# Names that torchvision changed and its official files keep: densenet's `norm.1`, vision transformers'
# `mlp.linear_1`. And modules wrapped one by one, like `features.module.0` of torch's own ImageNet example.
_OLD_NAMES = (
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)"), r"\1\2"),
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_1\."), r"\1.0."),
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_2\."), r"\1.3."),
    (re.compile(r"(?<=\.)(?:(?:module|_orig_mod)\.)+"), ""),
)
_OLD_HINTS = ("denselayer", ".linear_", ".module.", "._orig_mod.")


class Unwrapped(NamedTuple):
    """A state_dict's names without one wrapper.

    ``names`` maps the builder's spelling to the file's full name; ``strays`` are the file's names that do not
    have the wrapper, or that come out like another.
    """

    wrapper: str
    names: dict[str, str]
    strays: tuple[str, ...]


def plain_name(name: str) -> str:
    """Return a name, already without its wrapper, in today's spelling of torchvision.

    >>> plain_name("features.module.denseblock1.denselayer1.norm.1.weight")
    'features.denseblock1.denselayer1.norm1.weight'
    """
    for pattern, replacement in _OLD_NAMES:
        name = pattern.sub(replacement, name)
    return name


def candidate_wrappers(names: Collection[str]) -> tuple[str, ...]:
    """Return the prefixes that may be a wrapper: none first, then by how many names have them, most first."""
    step = len(names) // _SAMPLE + 1
    counts: Counter[str] = Counter()
    for name in islice(names, 0, None, step):
        dot = -1
        for _ in range(_DEEPEST):
            dot = name.find(".", dot + 1)
            if dot < 0:
                break
            counts[name[: dot + 1]] += 1
    enough = _SHARE * (len(names) // step)
    common = (prefix for prefix, count in counts.most_common(_MOST) if count >= enough)
    return ("", *common)


def unwrap(names: Collection[str], wrapper: str) -> Unwrapped:
    """Strip one wrapper from the names and bring them to the builder's spelling."""
    start = len(wrapper)
    inside = [name for name in names if name.startswith(wrapper)] if wrapper else list(names)
    strays = [name for name in names if not name.startswith(wrapper)] if len(inside) < len(names) else []
    blob = "\n".join(inside)
    if not any(hint in blob for hint in _OLD_HINTS):
        return Unwrapped(wrapper, {name[start:]: name for name in inside}, tuple(strays))
    found: dict[str, str] = {}
    for name in inside:
        if found.setdefault(plain_name(name[start:]), name) is not name:
            strays.append(name)
    return Unwrapped(wrapper, found, tuple(strays))
