"""Which tensors the table shows, and in which order: in slices, however many there are. Plain Python."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

from inspector.checkpoint.dtypes import DTYPE_NAMES
from inspector.checkpoint.summary import ROLES, CheckpointSummary
from inspector.gui.slices import Work
from inspector.gui.tree_search import Word, words_of
from inspector.session.survey_state import SurveyFigures

#: Rows looked at between two chances to pause: under 3 ms each.
_SLICE = 2_048
#: Rows sorted, or merged, in one go.
_RUN = 4_096

_DIGITS = re.compile(r"[0-9]+")
#: The most digits whose number one character tells.
_LONGEST = 0x7FF

Keys = Sequence[float] | Sequence[str] | Mapping[int, str]
Only = Literal["all", "parameters", "broken", "zeros"]


class Column(IntEnum):
    """The columns of the table, from the left."""

    NAME = 0
    VALUES = 1
    MINIMUM = 2
    MAXIMUM = 3
    MEAN = 4
    STD = 5
    NORM = 6
    ZEROS = 7
    NAN = 8
    INF = 9
    DEAD = 10
    SHAPE = 11
    DTYPE = 12


#: The column of the figures that a column of the table shows, and sorts by.
FIELDS = {
    Column.MINIMUM: "minimum",
    Column.MAXIMUM: "maximum",
    Column.MEAN: "mean",
    Column.STD: "std",
    Column.NORM: "norm",
    Column.ZEROS: "zeros",
    Column.NAN: "nan",
    Column.INF: "inf",
    Column.DEAD: "dead",
}
#: Those of them that count elements.
COUNTS = (Column.ZEROS, Column.NAN, Column.INF, Column.DEAD)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tensors are shown, and in which order.

    Attributes
    ----------
    text
        Words that must be found in names, shapes and dtypes.
    only
        ``"parameters"``; ``"broken"``: with NaN or Inf; ``"zeros"``: with zeros.
    column
        What they are sorted by; None for the file's own order.
    """

    text: str = ""
    only: Only = "all"
    column: Column | None = None
    descending: bool = False

    @property
    def filters(self) -> bool:
        """Whether some tensors may be left out."""
        return bool(self.text.strip()) or self.only != "all"

    @property
    def follows_figures(self) -> bool:
        """Whether the rows depend on figures, which may still be coming in."""
        return self.only in ("broken", "zeros") or self.column in FIELDS or self.column == Column.VALUES


class TableRows:
    """Chooses and sorts the tensors of one checkpoint; what takes long to reckon is kept."""

    def __init__(self, summary: CheckpointSummary) -> None:
        self.summary = summary
        self._names: array[int] | None = None  # each tensor's place in the order of names
        self._numels: array[float] | None = None

    def chosen(self, choice: Choice, figures: SurveyFigures | None) -> Work[array[int]]:
        """Return the tensors that are shown, in their order."""
        shown = yield from self._passing(choice, figures)
        if choice.column is None:
            return shown
        keys = yield from self._keys(choice.column, figures)
        return (yield from _sorted(shown, keys, descending=choice.descending))

    # -- filtering ---------------------------------------------------------------------------------------------

    def _passing(self, choice: Choice, figures: SurveyFigures | None) -> Work[array[int]]:
        shown, words = array("i"), words_of(choice.text)
        role = ROLES.index("parameter") if choice.only == "parameters" else -1
        for part in _parts(len(self.summary)):
            found: Sequence[int] = part
            if role >= 0:
                found = [tensor for tensor in found if self.summary.roles[tensor] == role]
            elif choice.only != "all":
                found = _counted(found, figures, ("nan", "inf") if choice.only == "broken" else ("zeros",))
            shown.extend(tensor for tensor in found if self._matches(tensor, words)) if words else shown.extend(found)
            yield
        return shown

    def _matches(self, tensor: int, words: Sequence[Word]) -> bool:
        summary = self.summary
        text = f"{summary.names[tensor]}\n{summary.dtype(tensor)}".casefold()
        shape = f"×{'×'.join(map(str, summary.shape(tensor)))}×" if any(word.sizes for word in words) else ""
        return all(word.text in text or (word.sizes and word.sizes in shape) for word in words)

    # -- sorting -----------------------------------------------------------------------------------------------

    def _keys(self, column: Column, figures: SurveyFigures | None) -> Work[Sequence[float]]:
        """Return what each tensor is sorted by; NaN for those that have none."""
        if column == Column.NAME:
            return (yield from self._name_places())
        if column == Column.SHAPE:
            return (yield from self._element_counts())
        if column == Column.DTYPE:
            order = sorted(range(len(DTYPE_NAMES)), key=lambda code: DTYPE_NAMES[code])
            places = {code: place for place, code in enumerate(order)}
            return bytes(self.summary.dtypes).translate(bytes(places.get(code, 255) for code in range(256)))
        if figures is None:
            return array("d", [float("nan")]) * len(self.summary)
        return (yield from self._figures_of(column, figures))

    def _figures_of(self, column: Column, figures: SurveyFigures) -> Work[Sequence[float]]:
        if column != Column.VALUES and column not in COUNTS:
            found: Sequence[float] = getattr(figures, FIELDS[column])
            return found
        made = array("d")
        for part in _parts(len(self.summary)):
            if column == Column.VALUES:
                made.extend(figures.high[tensor] - figures.low[tensor] for tensor in part)
            else:
                counts = getattr(figures, FIELDS[column])
                made.extend(counts[tensor] if figures.known[tensor] == 1 else float("nan") for tensor in part)
            yield
        return made

    def _name_places(self) -> Work[array[int]]:
        if self._names is None:
            keys: list[str] = []
            for part in _parts(len(self.summary)):
                keys += [natural_text(self.summary.names[tensor]) for tensor in part]
                yield
            order = yield from in_order(range(len(keys)), keys, descending=False)
            places = array("i", bytes(4 * len(order)))
            for part in _parts(len(order)):
                for place in part:
                    places[order[place]] = place
                yield
            self._names = places
        return self._names

    def _element_counts(self) -> Work[array[float]]:
        if self._numels is None:
            numels = array("d")
            for part in _parts(len(self.summary)):
                numels.extend(float(self.summary.numel(tensor)) for tensor in part)
                yield
            self._numels = numels
        return self._numels


def natural_text(name: str) -> str:
    """Return a text whose order is the natural one of a name: numbers by how many digits they have, then by them."""
    return _DIGITS.sub(_number, name.casefold())


def _number(found: re.Match[str]) -> str:
    digits = found[0].lstrip("0")
    return f"\0{chr(1 + min(len(digits), _LONGEST))}{digits}"


def _parts(count: int) -> Iterator[range]:
    return (range(first, min(first + _SLICE, count)) for first in range(0, count, _SLICE))


def _counted(tensors: Sequence[int], figures: SurveyFigures | None, names: Sequence[str]) -> list[int]:
    """Return the tensors that have any of what is counted under some names."""
    if figures is None:
        return []
    columns = [getattr(figures, name) for name in names]
    return [tensor for tensor in tensors if any(column[tensor] > 0 for column in columns)]


def _sorted(tensors: array[int], keys: Sequence[float], *, descending: bool) -> Work[array[int]]:
    """Return tensors in the order of their keys; those without one come last, whichever way it goes."""
    valued, without = array("i"), array("i")
    for part in _parts(len(tensors)):
        some = tensors[part.start : part.stop]
        valued.extend(tensor for tensor in some if keys[tensor] == keys[tensor])  # NaN is unlike itself
        without.extend(tensor for tensor in some if keys[tensor] != keys[tensor])
        yield
    order = yield from in_order(valued, keys, descending=descending)
    return array("i", order) + without


def in_order(items: Sequence[int], keys: Keys, *, descending: bool) -> Work[list[int]]:
    """Sort stably: short runs first, which are then merged two by two."""
    key = keys.__getitem__
    if descending:
        items = items[::-1]
    runs: list[list[int]] = []
    for first in range(0, len(items), _RUN):
        runs.append(sorted(items[first : first + _RUN], key=key))
        yield
    while len(runs) > 1:
        merged = []
        for place in range(0, len(runs) - 1, 2):
            merged.append((yield from _merged(runs[place], runs[place + 1], key)))
        runs = merged + runs[2 * len(merged) :]
    found = runs[0] if runs else []
    return found[::-1] if descending else found


def _merged(left: list[int], right: list[int], key: Callable[[int], Any]) -> Work[list[int]]:
    """Merge two runs piece by piece; of equals those of the left come first."""
    made: list[int] = []
    start, begin = 0, 0
    while start < len(left) and begin < len(right):
        stop = min(start + _RUN, len(left))
        end = bisect_left(right, key(left[stop - 1]), begin, key=key)
        if end - begin > _RUN:
            end = begin + _RUN
            stop = bisect_right(left, key(right[end - 1]), start, stop, key=key)
        both = left[start:stop] + right[begin:end]
        both.sort(key=key)  # two sorted runs, in linear time
        made += both
        start, begin = stop, end
        yield
    made += left[start:]
    made += right[begin:]
    return made
