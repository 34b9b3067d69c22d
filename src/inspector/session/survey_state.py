"""What is known of all tensors of a checkpoint: the state of a survey."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Literal

from inspector.findings import Finding
from inspector.session.failure import Failure
from inspector.survey_rows import SurveyRow, row_bins

SurveyPhase = Literal["running", "ready", "failed", "cancelled"]

UNKNOWN, KNOWN, UNREADABLE = 0, 1, 2


class SurveyFigures:
    """The figures of a checkpoint's tensors, as columns by tensor number, filled while a survey runs.

    Attributes
    ----------
    known
        `UNKNOWN`, `KNOWN`, or `UNREADABLE`: then ``problem`` says why.
    minimum, maximum, mean, std, norm
        Of the finite elements; NaN where there is none (the norm is 0 then).
    zeros, nan, inf
        Elements that are zero, NaN, infinite.
    dead, duplicates
        Slices along the first dimension of zeros alone; of those with something else, how many equal an earlier one.
    low, high
        The range of the histogram.
    bins
        How many bins a histogram has.
    counts
        The histograms one after another, ``bins`` each.
    """

    def __init__(self, tensors: int, bins: int | None = None) -> None:
        self.known = bytearray(tensors)
        self.problem: dict[int, str] = {}
        self.minimum, self.maximum, self.mean, self.std, self.norm, self.low, self.high = (
            array("d", [math.nan]) * tensors for _ in range(7)
        )
        self.zeros, self.nan, self.inf, self.dead, self.duplicates = (array("q", [0]) * tensors for _ in range(5))
        self.bins = row_bins(tensors) if bins is None else bins
        self.counts = array("q", [0]) * (self.bins * tensors)

    def __len__(self) -> int:
        return len(self.known)

    def row_counts(self, tensor: int) -> array[int]:
        """Return a tensor's histogram."""
        return self.counts[tensor * self.bins : (tensor + 1) * self.bins]

    def fill(self, tensor: int, row: SurveyRow) -> None:
        """Set what is known of a tensor."""
        columns = (self.minimum, self.maximum, self.mean, self.std, self.norm, self.low, self.high)
        for column, figure in zip(columns, row.figures, strict=True):
            column[tensor] = figure
        tallies = (self.zeros, self.nan, self.inf, self.dead, self.duplicates)
        for tally, count in zip(tallies, row.tallies, strict=True):
            tally[tensor] = count
        self.counts[tensor * self.bins : (tensor + 1) * self.bins] = array("q", row.counts)
        self.known[tensor] = KNOWN

    def fail(self, tensor: int, problem: str) -> None:
        """Set why a tensor could not be read."""
        self.problem[tensor] = problem
        self.known[tensor] = UNREADABLE


@dataclass(frozen=True, slots=True)
class Survey:
    """A pass over all tensors of a checkpoint: how far it is, and what it has found.

    Attributes
    ----------
    done, total
        Bytes of tensors.
    figures
        Filled while it runs: the same object from beginning to end.
    findings
        What the audit tells, once it is ready, the worst first.
    """

    phase: SurveyPhase
    done: int
    total: int
    figures: SurveyFigures
    findings: tuple[Finding, ...] = ()
    failure: Failure | None = None
