"""Names as files spell them, brought to the names that torchvision's builders use.

A model saved from inside another module has a prefix on every key: ``module.`` (DataParallel), ``_orig_mod.``
(torch.compile), ``model.``, ``net.``, several of them, or any attribute's name. Such a prefix is a wrapper. What
stands behind it may be spelled as another library spells it; see `inspector.architectures.spellings`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import islice
from typing import NamedTuple

from inspector.architectures.shared_names import known_prefixes
from inspector.architectures.spelling_tables import SPELLINGS
from inspector.architectures.spellings import Spelling, spelled

_DEEPEST = 6  # dotted names in a wrapper
_MOST = 12  # wrappers to try
_SAMPLE = 2_000  # names looked at to find wrappers
_SHARE = 0.2  # of the names that a wrapper holds at least: a file may hold several models
_KNOWN_AT_LEAST = 4  # names of torchvision's behind a wrapper, however few of all names have it
_KNOWN_SHARE = 0.1  # of the names of torchvision's behind the best wrapper, at least behind any other

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
    have the wrapper, or that come out like another. ``spelling`` is the library's whose names these were, None for
    torchvision's own.
    """

    wrapper: str
    names: dict[str, str]
    strays: tuple[str, ...]
    spelling: Spelling | None = None


def plain_name(name: str) -> str:
    """Return a name, already without its wrapper, in today's spelling of torchvision.

    >>> plain_name("features.module.denseblock1.denselayer1.norm.1.weight")
    'features.denseblock1.denselayer1.norm1.weight'
    """
    for pattern, replacement in _OLD_NAMES:
        name = pattern.sub(replacement, name)
    return name


def candidate_wrappers(names: Collection[str]) -> tuple[str, ...]:
    """Return the prefixes that may be a wrapper: none first, then those before most names of torchvision's.

    After these come the prefixes that many names have, whatever stands behind them.
    """
    return tuple(dict.fromkeys(("", *_before_known_names(names), *_frequent(names))))


def _before_known_names(names: Collection[str]) -> list[str]:
    counts = known_prefixes(names, _DEEPEST).most_common(_MOST)
    enough = max(_KNOWN_AT_LEAST, counts[0][1] * _KNOWN_SHARE)
    return [prefix for prefix, count in counts if count >= enough]


def _frequent(names: Collection[str]) -> list[str]:
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
    return [prefix for prefix, count in counts.most_common(_MOST) if count >= enough]


def views(names: Collection[str], wrapper: str | None = None) -> list[Unwrapped]:
    """Return the ways to read a file's names as torchvision's, each without a wrapper and from one spelling.

    Parameters
    ----------
    names
        A file's names, with fast membership.
    wrapper
        The wrapper to take off; None for all that come into question.
    """
    blob = "".join(f"{name}\n" for name in names)
    old = any(hint in blob for hint in _OLD_HINTS)
    if wrapper is None:
        # names in a former spelling are known only once they are brought to today's
        wrappers = list(dict.fromkeys(("", *_before_known_names(names), *(_frequent(names) if old else ()))))
    else:
        wrappers = [wrapper]
    found = [_unwrapped(names, each, old) for each in wrappers]
    foreign = spelled(names, blob, SPELLINGS)
    found += [_respelled(names, each, old, table) for each, table in foreign if wrapper in (None, each)]
    return found


def _unwrapped(names: Collection[str], wrapper: str, old: bool) -> Unwrapped:
    start = len(wrapper)
    inside = [name for name in names if name.startswith(wrapper)] if wrapper else list(names)
    strays = [name for name in names if not name.startswith(wrapper)] if len(inside) < len(names) else []
    if not old:
        return Unwrapped(wrapper, {name[start:]: name for name in inside}, tuple(strays))
    pairs = ((plain_name(name[start:]), name) for name in inside)
    return Unwrapped(wrapper, *_first_of_each(pairs, strays))


def _respelled(names: Collection[str], wrapper: str, old: bool, spelling: Spelling) -> Unwrapped:
    plain = _unwrapped(names, wrapper, old)
    pairs = ((new, plain.names[name]) for name, new in spelling.translated(plain.names).items())
    return Unwrapped(wrapper, *_first_of_each(pairs, list(plain.strays)), spelling)


def _first_of_each(pairs: Iterable[tuple[str, str]], strays: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the file's name for each of torchvision's, and those left over because another is called the same."""
    found: dict[str, str] = {}
    for new, name in pairs:
        if found.setdefault(new, name) is not name:
            strays.append(name)
    return found, tuple(strays)
