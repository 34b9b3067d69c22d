"""What the cells of the module tree say: texts, icons and tooltips of a node, from the checkpoint's columns."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import Qt

from inspector.checkpoint.summary import NODE_KINDS, CheckpointSummary
from inspector.session import words
from inspector.session.match_state import MatchReport

_MARK_TEXTS = {"matched": "✓", "mismatched": "✗", "unexpected": "unexpected"}
_ROLE_WORDS = {"parameter": "Parameter", "buffer": "Buffer", "optimizer": "Optimizer state", "other": "Tensor"}


class Column(IntEnum):
    """The columns, from the left."""

    NAME = 0
    SHAPE = 1
    DTYPE = 2
    PARAMETERS = 3
    SIZE = 4
    VALUES = 5
    MATCH = 6


class Role(IntEnum):
    """What the delegate asks for, beside Qt's own roles."""

    ICON = Qt.ItemDataRole.UserRole + 1  # an icon's name
    DETAIL = Qt.ItemDataRole.UserRole + 2  # a few words after the name
    QUIET = Qt.ItemDataRole.UserRole + 3  # whether a number is secondary
    MARK = Qt.ItemDataRole.UserRole + 4  # "matched", "mismatched", "unexpected", "all", "some", ""
    VALUES = Qt.ItemDataRole.UserRole + 5  # a survey's figures and the tensor's number, None where it is not known
    WORRY = Qt.ItemDataRole.UserRole + 6  # how its values are marked, or the worst of those in a module


class TreeCells:
    """The cells of one checkpoint, compared with an architecture or not."""

    def __init__(self, summary: CheckpointSummary, report: MatchReport | None) -> None:
        self.summary = summary
        self.report = report
        self._totals = _totals(summary, report) if report is not None else {}

    def path(self, node: int) -> str:
        """Return a node's full name: a tensor's own, else the labels that lead to it, joined by dots."""
        if self.summary.tensors[node] >= 0:
            return self.summary.names[self.summary.tensors[node]]
        labels: list[str] = []
        while node > 0:
            labels.append(self.summary.labels[node])
            node = self.summary.parents[node]
        return ".".join(reversed(labels))

    def text(self, node: int, column: int) -> str:
        """Return what a cell shows."""
        summary, tensor = self.summary, self.summary.tensors[node]
        if column == Column.NAME:
            return (summary.labels[node] or words.NO_NAME) if node else words.root_name(summary)
        if column == Column.MATCH:
            return self._match_text(node)
        if column == Column.VALUES:
            return ""
        if column == Column.SIZE:
            return words.size(summary.nbytes[node]) if summary.nbytes[node] or tensor >= 0 else ""
        if tensor < 0:
            parameters = summary.parameters[node]
            return words.number(parameters) if column == Column.PARAMETERS and parameters else ""
        if column == Column.SHAPE:
            return words.shape_text(summary.shape(tensor))
        return summary.dtype(tensor) if column == Column.DTYPE else words.number(summary.numel(tensor))

    def _match_text(self, node: int) -> str:
        matched, total = self._totals.get(node, (0, 0))
        if total:
            return "all" if matched == total else f"{words.number(matched)} of {words.number(total)}"
        return _MARK_TEXTS.get(self.mark(node), "")

    def mark(self, node: int) -> str:
        """Return how a node fits the architecture: a tensor's mark, "all" or "some" of a module's, or nothing."""
        matched, total = self._totals.get(node, (0, 0))
        if total:
            return "all" if matched == total else "some"
        tensor = self.summary.tensors[node]
        return self.report.marks.get(tensor, "") if self.report is not None and tensor >= 0 else ""

    def is_quiet(self, node: int, column: int) -> bool:
        """Tell whether a cell is secondary; the counts of parameters are not."""
        tensor = self.summary.tensors[node]
        counted = tensor < 0 or (self.summary.role(tensor) == "parameter" and self.summary.shared[tensor] < 0)
        return column != Column.NAME and not (column == Column.PARAMETERS and counted)

    def icon(self, node: int) -> str:
        """Return the name of a node's icon."""
        tensor = self.summary.tensors[node]
        if tensor >= 0:
            if self.summary.problems[tensor]:
                return "warning"
            role = self.summary.role(tensor)
            return role if role in ("parameter", "buffer") else "tensor"
        return "module" if node == 0 or NODE_KINDS[self.summary.kinds[node]] == "module" else "value"

    def detail(self, node: int) -> str:
        """Return a value, or what a module is without its class's package and arguments."""
        detail = self.summary.details[node]
        if NODE_KINDS[self.summary.kinds[node]] in ("value", "dict", "list"):
            return detail
        return detail.partition(" · ")[0].rpartition(".")[2]

    def tooltip_lines(self, node: int) -> list[str]:
        """Return all that is known of a node, line by line."""
        summary, tensor = self.summary, self.summary.tensors[node]
        lines = [self.path(node) or summary.path]
        if tensor >= 0:
            lines.append(f"{words.shape_text(summary.shape(tensor))} · {summary.dtype(tensor)}")
            counts = f"{words.plural(summary.numel(tensor), 'element')}, {words.size(summary.nbytes[node])}"
            lines.append(f"{_ROLE_WORDS[summary.role(tensor)]} of {counts}")
            if summary.moments[tensor] >= 0:
                lines.append(f"Of {summary.names[summary.moments[tensor]]}")
            if summary.shared[tensor] >= 0:
                lines.append(f"Shares its elements with {summary.names[summary.shared[tensor]]}")
            if summary.problems[tensor]:
                lines.append(f"Can't be read: {summary.problems[tensor]}")
        elif summary.nbytes[node]:
            parameters = words.plural(summary.parameters[node], "parameter")
            lines.append(f"{parameters}, {words.size(summary.nbytes[node])}")
        lines.append(summary.details[node])
        lines.append(self.match_sentence(node))
        return lines

    def match_sentence(self, node: int) -> str:
        """Return in words how a node fits the chosen architecture; empty where nothing is compared."""
        mark, report = self.mark(node), self.report
        if report is None or not mark:
            return ""
        if mark in ("all", "some"):
            matched, total = self._totals[node]
            return f"{words.number(matched)} of {words.plural(total, 'key')} match {report.architecture}"
        target = report.targets.get(self.summary.tensors[node], "")
        if mark == "unexpected":
            return f"{report.architecture} has no such key"
        if mark == "mismatched":
            sizes = {key: (expected, found) for key, expected, found in report.mismatched}.get(target)
            shapes = f": {words.shape_text(sizes[0])} expected, {words.shape_text(sizes[1])} found" if sizes else ""
            return f"Shape differs from {target} of {report.architecture}{shapes}"
        return f"Matches {target} of {report.architecture}"

    def spoken(self, node: int, column: int) -> str:
        """Return what a screen reader says of a cell."""
        if column == Column.MATCH:
            return self.match_sentence(node)
        text = self.text(node, column)
        if column != Column.NAME:
            return text
        detail = self.detail(node)
        return f"{text}, {detail}" if detail else text


def _totals(summary: CheckpointSummary, report: MatchReport) -> dict[int, tuple[int, int]]:
    """Return, by node that holds compared tensors, how many of them match and how many there are."""
    totals: dict[int, tuple[int, int]] = {}
    for node, tensor in enumerate(summary.tensors):
        mark = report.marks.get(tensor) if tensor >= 0 else None
        if mark is not None and node:
            above = summary.parents[node]
            matched, total = totals.get(above, (0, 0))
            totals[above] = (matched + (mark == "matched"), total + 1)
    # children have greater numbers than their parents, so that each is whole before it is added above
    for node in range(max(totals, default=0), 0, -1):
        if node in totals:
            above, (matched, total) = summary.parents[node], totals[node]
            so_far = totals.get(above, (0, 0))
            totals[above] = (so_far[0] + matched, so_far[1] + total)
    return totals
