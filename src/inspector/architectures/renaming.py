"""Keys renamed by patterns, to bring a file's spelling to an architecture's before the two are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from inspector.errors import InspectorError

#: Stars in a pattern, rules, and characters of a pattern at the most: what is tried for a key stays small.
MAX_STARS = 4
MAX_RULES = 50
MAX_CHARACTERS = 500

#: Characters of a name that a rule made longer: rules that follow one another could make it grow without end.
MAX_NAME = 2_000


class RenameError(InspectorError):
    """A rule can't be used, or two keys would be called the same."""


class Rename(NamedTuple):
    """One rule: keys that ``pattern`` describes are called ``replacement``.

    A star stands for any characters, dots included, and in the replacement for the same ones, in their order:
    ``encoder.block*.conv.*`` and ``layer*.conv.*``. A pattern without a star at an end ends (or begins) where the
    key does.
    """

    pattern: str
    replacement: str


def renamed(names: Sequence[str], rules: Sequence[Rename]) -> list[str]:
    """Return the keys under their new names, in their order; every rule sees what those before it made.

    Raises
    ------
    RenameError
        A rule makes no sense, or two keys would be called the same.
    """
    if len(rules) > MAX_RULES:
        raise RenameError(f"There are more than {MAX_RULES} rules.", "Put some of them together.")
    found = list(names)
    for rule in rules:
        _check(rule)
        before, after = rule.pattern.split("*"), rule.replacement.split("*")
        for place, name in enumerate(found):
            held = _held(name, before)
            if held is not None:
                found[place] = "".join(map(str.__add__, after, [*held[: len(after) - 1], ""]))
                if len(found[place]) > max(len(name), MAX_NAME):
                    raise RenameError(f"The rules make {name[:60]}… far too long.", "Change the rules.")
    if rules:
        _check_distinct(names, found)
    return found


def _check(rule: Rename) -> None:
    stars, wanted = rule.pattern.count("*"), rule.replacement.count("*")
    if not rule.pattern or max(map(len, rule)) > MAX_CHARACTERS:
        raise RenameError("A pattern is empty or too long.", "Write a key, with * for what varies in it.")
    if stars > MAX_STARS:
        raise RenameError(f"The pattern “{rule.pattern}” has more than {MAX_STARS} stars.", "Use two rules.")
    if wanted > stars:
        raise RenameError(
            f"“{rule.replacement}” has more stars than “{rule.pattern}”.",
            "Each star in the new name stands for one in the old.",
        )


def _held(name: str, pieces: Sequence[str]) -> list[str] | None:
    """Return what the stars between the pieces stand for, each as little as it can; None where they don't fit.

    It looks for each piece once from the left, so its cost is the name's length, whatever the pattern.
    """
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return [] if name == first else None
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return None
    held, start, end = [], len(first), len(name) - len(last)
    for piece in pieces[1:-1]:
        place = name.find(piece, start, end)
        if place < 0:
            return None
        held.append(name[start:place])
        start = place + len(piece)
    return [*held, name[start:end]]


def _check_distinct(names: Sequence[str], found: Sequence[str]) -> None:
    first: dict[str, str] = {}
    for old, new in zip(names, found, strict=True):
        if not new:
            raise RenameError(f"{old} would have an empty name.", "Change the rule.")
        if first.setdefault(new, old) != old:
            raise RenameError(f"{first[new]} and {old} would both be called {new}.", "Change the rules.")
