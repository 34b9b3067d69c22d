"""What two checkpoints have to do with each other, in a sentence: which layers were trained and which frozen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from inspector.weights.differences import Row

#: Of a group's tensors, above which it is looked into: a model is often one attribute of something.
_DOMINATING = 0.6
_MOST_GROUPS = 60
#: Names in a sentence at the most.
_LISTED = 4
#: The median cosine of matrices below which two models have nothing to do with each other.
_UNRELATED = 0.1
_NUMBERED = re.compile(r"(.*?)([0-9]+)")


@dataclass(slots=True)
class _Group:
    """A module near the top, and what became of its tensors. ``trained`` are parameters, ``tracked`` buffers."""

    name: str
    trained: list[Row] = field(default_factory=list)
    tracked: list[Row] = field(default_factory=list)
    kept: int = 0

    @property
    def change(self) -> float:
        """The median relative change of its parameters."""
        found = [row.difference.relative_l2 for row in self.trained if row.difference is not None]
        usual = [value for value in found if value < float("inf")]
        return median(usual) if usual else 0.0


def fine_tuning_sentence(rows: Sequence[Row], is_buffer: Sequence[bool], dtypes: tuple[str, str] = ("", "")) -> str:
    """Return one or two sentences about rows as `inspector.weights.differences.compare_checkpoints` gives them.

    Parameters
    ----------
    is_buffer
        By row, whether the tensor is a buffer, such as a batch norm's running mean.
    dtypes
        Those of a and b, where all their tensors that changed have one.
    """
    said = [_about_common(rows, is_buffer, dtypes)]
    only_a, only_b, unread = (sum(row.kind == kind for row in rows) for kind in ("only_a", "only_b", "unread"))
    alone = [f"{_tensors(count)} only in {side}" for count, side in ((only_a, "A"), (only_b, "B")) if count]
    if alone and len(alone) < len(rows):
        joined = " and ".join(alone)
        said.append(f"{joined[0].upper()}{joined[1:]}.")
    odd = [row.name for row in rows if row.difference is not None and row.difference.not_finite]
    if odd:
        has = f"{odd[0]} has" if len(odd) == 1 else f"{_tensors(len(odd))} have"
        said.append(f"{has} NaN or infinite values in one of them alone.")
    if unread:
        said.append(f"{_tensors(unread)} could not be compared.")
    return " ".join(filter(None, said))


def _about_common(rows: Sequence[Row], is_buffer: Sequence[bool], dtypes: tuple[str, str]) -> str:
    compared = [row.kind in ("equal", "changed", "shape") for row in rows]
    common = [row for row, counts in zip(rows, compared, strict=True) if counts]
    changed = [row for row in common if row.kind != "equal"]
    if not common:
        return "They have no tensor in common that can be compared." if rows else "Neither holds a tensor."
    if not changed:
        every = "Every tensor is" if len(common) == len(rows) else f"The {_tensors(len(common))} of both are"
        return f"{every} identical."
    if all(row.difference is not None and row.difference.rounded for row in changed):
        narrow = min(dtypes, key=_width) if all(dtypes) else "a narrower dtype"
        return f"The same numbers, rounded to {narrow}: nothing else changed."
    groups = _groups([(row, buffer) for row, buffer, counts in zip(rows, is_buffer, compared, strict=True) if counts])
    if not any(group.trained for group in groups):
        return "Only buffers changed, such as batch-norm statistics: every parameter is identical."
    unrelated = _unrelated(changed)
    return unrelated if unrelated and len(changed) > 0.5 * len(common) else _trained_and_frozen(groups)


def _trained_and_frozen(groups: Sequence[_Group]) -> str:
    trained = [group for group in groups if group.trained]
    frozen = [group for group in groups if not group.trained and group.kept]
    most = max(trained, key=lambda group: group.change)
    strongest = f", the most in {most.name}" if len(trained) > 1 and most.change else ""
    if not frozen:
        whole = all(not group.kept for group in trained)
        return f"{'Everything' if whole else 'Every layer'} changed{strongest}."
    moved = any(group.tracked for group in frozen)
    still = "are frozen but for their buffers" if moved else "are identical (frozen)"
    still_one = "is frozen but for its buffers" if moved else "is identical (frozen)"
    names, count = _named(groups, trained)
    if len(frozen) < len(trained) and len(trained) > 1:
        held_names, held = _named(groups, frozen)
        return f"{_capital(held_names)} {still_one if held == 1 else still}; everything else was changed{strongest}."
    others, held = _named(groups, frozen, "the other ")
    was = "was" if count == 1 else "were"
    return f"Only {names} {was} changed{strongest}: {others} {still_one if held == 1 else still}."


def _capital(text: str) -> str:
    """Return a sentence's beginning; a name stays as it is spelled."""
    return text[0].upper() + text[1:] if text.startswith("the ") else text


def _unrelated(changed: Sequence[Row]) -> str:
    """Say that both were trained apart, where their weights point in unrelated directions."""
    cosines = [row.difference.cosine for row in changed if row.difference is not None and row.name.endswith("weight")]
    usual = [value for value in cosines if value == value and abs(value) <= 1]  # no NaN
    if len(usual) < 3 or median(usual) > _UNRELATED:
        return ""
    return f"They look trained apart: their weights have little in common (median cosine {median(usual):.2f})."


def _groups(rows: Sequence[tuple[Row, bool]]) -> list[_Group]:
    """Sort tensors into modules near the top, in their order; one that holds nearly all is looked into."""
    names = [row.name for row, _ in rows]
    prefixes = {_head("", name): None for name in names}
    while len(prefixes) <= _MOST_GROUPS:
        counts = dict.fromkeys(prefixes, 0)
        owners = [_owner(name, prefixes) for name in names]
        for owner in owners:
            counts[owner] += 1
        largest = max(counts, key=lambda prefix: counts[prefix])
        inside = {_head(largest, name): None for name, owner in zip(names, owners, strict=True) if owner == largest}
        if counts[largest] <= _DOMINATING * len(names) or inside.keys() == {largest}:
            break
        if len(prefixes) + len(inside) - 1 > _MOST_GROUPS:
            break
        prefixes = {new: None for old in prefixes for new in (inside if old == largest else {old: None})}
    groups = {prefix: _Group(prefix) for prefix in prefixes}
    for row, is_buffer in rows:
        group = groups[_owner(row.name, prefixes)]
        if row.kind == "equal":
            group.kept += 1
        else:
            (group.tracked if is_buffer else group.trained).append(row)
    return list(groups.values())


def _head(prefix: str, name: str) -> str:
    """Return the module one level below a prefix that a name is in; the prefix where its last part follows."""
    start = len(prefix) + 1 if prefix else 0
    dot = name.find(".", start)
    return name[:dot] if dot >= 0 else prefix or name


def _owner(name: str, prefixes: dict[str, None]) -> str:
    """Return the longest of the prefixes that a name is in."""
    while name not in prefixes:
        name = name.rpartition(".")[0]
    return name


def _named(groups: Sequence[_Group], chosen: Sequence[_Group], before_count: str = "") -> tuple[str, int]:
    """Return groups in words, neighbours that are numbered as a range, and how many nouns that are.

    Too many to be named are counted, with ``before_count`` before it: "the other" once some were told of.
    """
    wanted = {group.name for group in chosen}
    runs: list[list[str]] = []
    before = ""
    for group in groups:
        if group.name in wanted:
            if runs and before == runs[-1][-1] and _follows(before, group.name):
                runs[-1].append(group.name)
            else:
                runs.append([group.name])
        before = group.name
    words = [run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    if len(words) > _LISTED:
        return f"{before_count}{len(chosen)} layers" if len(chosen) < len(groups) else "all layers", 2
    joined = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return joined, sum(map(len, runs))


def _follows(first: str, second: str) -> bool:
    """Whether two names are alike but for a number at their end, which goes on by one."""
    a, b = _NUMBERED.fullmatch(first), _NUMBERED.fullmatch(second)
    return a is not None and b is not None and a[1] == b[1] and int(b[2]) == int(a[2]) + 1


def _tensors(count: int) -> str:
    return f"{count:,} tensor{'' if count == 1 else 's'}".replace(",", "\u202f")


def _width(dtype: str) -> int:
    digits = "".join(character for character in dtype.partition("_")[0] if character.isdigit())
    return int(digits or 64)
