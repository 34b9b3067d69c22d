"""What is marked in a tensor's row: NaN and Inf, findings of the audit, nothing but zeros. Plain Python."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from enum import IntEnum

from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui.slices import Work
from inspector.session import words
from inspector.session.survey_state import Survey

#: Tensors or nodes gone through between two chances to pause.
_STEPS = 2_048
#: Titles of findings that are told of one tensor.
_TITLES = 4


class Mark(IntEnum):
    """How loud a row is marked; the greater the worse."""

    NONE = 0
    ZERO = 1  # holds nothing but zeros: often rightly so
    INFO = 2
    NOTABLE = 3
    SERIOUS = 4


_OF_SEVERITY = {"info": Mark.INFO, "notable": Mark.NOTABLE, "serious": Mark.SERIOUS}


class TensorMarks:
    """The marks of one survey's tensors, as far as it is."""

    def __init__(self, summary: CheckpointSummary, survey: Survey) -> None:
        self._summary, self._figures = summary, survey.figures
        self._is_audited = survey.phase == "ready" and not any(finding.more for finding in survey.findings)
        self._found: dict[int, Mark] = {}
        self._titles: dict[int, list[str]] = {}
        for finding in survey.findings:
            for tensor in finding.tensors:
                self._found[tensor] = max(self._found.get(tensor, Mark.NONE), _OF_SEVERITY[finding.severity])
                self._titles.setdefault(tensor, []).append(finding.title)

    def mark(self, tensor: int) -> Mark:
        """Return how a tensor is marked."""
        figures = self._figures
        if figures.known[tensor] == 2:
            return Mark.NOTABLE
        if not figures.known[tensor]:
            return Mark.NONE
        if figures.nan[tensor] or (figures.inf[tensor] and not self._is_meant(tensor)):
            return Mark.SERIOUS
        found = self._found.get(tensor, Mark.NONE)
        return max(found, Mark.ZERO) if self._is_all_zero(tensor) else found

    def _is_meant(self, tensor: int) -> bool:
        """Tell whether the audit takes infinity for what a tensor should hold: masks keep attention away by it."""
        return self._is_audited and tensor not in self._found

    def _is_all_zero(self, tensor: int) -> bool:
        # most tensors are ruled out without their shape
        return self._figures.zeros[tensor] > 0 and self._figures.zeros[tensor] == self._summary.numel(tensor)

    def short(self, tensor: int) -> str:
        """Return what is wrong in a word or two; empty where nothing is."""
        figures = self._figures
        if figures.known[tensor] == 1 and figures.nan[tensor]:
            return "NaN"
        if figures.known[tensor] == 1 and figures.inf[tensor]:
            return "Inf"
        return "all 0" if figures.known[tensor] == 1 and self._is_all_zero(tensor) else ""

    def sentences(self, tensor: int) -> list[str]:
        """Return what is marked, line by line."""
        figures, said = self._figures, list[str]()
        if figures.known[tensor] == 2:
            return [f"Can't be read: {figures.problem.get(tensor, '')}"]
        if figures.known[tensor] != 1:
            return []
        counts = [(figures.nan[tensor], "NaN"), (figures.inf[tensor], "Inf")]
        if any(count for count, _ in counts):
            said.append("Holds " + " and ".join(f"{words.number(count)} {name}" for count, name in counts if count))
        titles = self._titles.get(tensor, [])
        said += titles[:_TITLES]
        if self._is_all_zero(tensor) and not titles:
            said.append("All of its values are zero")
        return said

    def of_nodes(self) -> Work[dict[int, Mark]]:
        """Return the nodes of the tree that hold something serious or notable, with the worst of it."""
        summary = self._summary
        bad: dict[int, Mark] = {}
        nodes = array("i")
        for first in range(0, len(summary.tensors), _STEPS):
            part: Sequence[int] = summary.tensors[first : first + _STEPS]
            for place, tensor in enumerate(part, first):
                if tensor >= 0 and (mark := self.mark(tensor)) >= Mark.NOTABLE:
                    bad[place] = mark
                    nodes.append(place)
            yield
        for place, node in enumerate(nodes):
            mark, above = bad[node], summary.parents[node]
            while above >= 0 and bad.get(above, Mark.NONE) < mark:
                bad[above] = mark
                above = summary.parents[above]
            if place % _STEPS == _STEPS - 1:
                yield
        return bad
