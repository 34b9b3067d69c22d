"""The worker's pass over all tensors of a checkpoint: their figures as they become known, then what they tell."""

from __future__ import annotations

import base64
import math
import os
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles.serving import Progress, Reply
from inspector.survey_rows import SurveyRow, coarser

if TYPE_CHECKING:
    from inspector.checkpoint.tensor_bytes import TensorPlace
    from inspector.weights.audit import Audit, AuditTensor
    from inspector.weights.figures import TensorFigures

#: Between two words of how far it is, and rows in one: the window takes them in between two pictures.
_PROGRESS_SECONDS = 0.1
_ROWS = 512


def survey(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Tell of every tensor of a checkpoint, which ``params["summary"]`` and the buffers forward.

    It tells ``{"done", "total"}`` in bytes, with ``"tensors"`` (numbers), ``"rows"`` (theirs, of ``params["bins"]``
    bins, as base64) and ``"problems"`` (pairs of a number and why it could not be read).
    """
    # Two threads reckon; a library's own threads below them would only be in their way. Before numpy is imported.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from inspector.weights.survey import survey as measure

    summary = CheckpointSummary(params["summary"], buffers)
    wanted = params.get("tensors")
    work = Work(summary, range(len(summary)) if wanted is None else [int(number) for number in wanted])
    teller = _Teller(summary, work, int(params["bins"]), progress)
    measured = measure(summary.files, work.places(), teller.advance)
    first = next(measured, None)  # threads measure the next ones while the audit is made ready
    # of some tensors alone, nothing can be said about the model
    audit = _audit(summary) if wanted is None else None
    for index, found in chain([first] if first else [], measured):
        teller.take(work.numbers[index], found)
        if audit is not None and not isinstance(found, TensorReadError):
            for number in work.numbers[index]:
                audit.take(number, found)
    teller.flush()
    findings = audit.findings() if audit is not None else []
    return {"findings": [finding.to_json() for finding in findings]}, []


def _audit(summary: CheckpointSummary) -> Audit:
    from inspector.weights.audit import Audit

    return Audit(audited_tensors(summary))


def audited_tensors(summary: CheckpointSummary) -> list[AuditTensor]:
    """Return a checkpoint's tensors as its audit wants them."""
    from inspector.weights.audit import audit_tensors

    paths = [found.path for found in summary.state_dicts]
    numbers = range(len(summary))
    return audit_tensors(
        summary.names,
        [summary.role(tensor) for tensor in numbers],
        [paths[owner] if owner >= 0 else None for owner in summary.owners],
        [_place(summary, tensor) for tensor in numbers],
    )


def _place(summary: CheckpointSummary, tensor: int) -> TensorPlace | None:
    try:
        return summary.place(tensor)
    except TensorReadError:
        return None


class Work:
    """Which tensors are read; those on the same elements in the same way are read once.

    Attributes
    ----------
    numbers
        The tensors of each place, in order.
    total
        Bytes of them all.
    """

    def __init__(self, summary: CheckpointSummary, tensors: Sequence[int]) -> None:
        self._summary = summary
        self.total = sum(map(summary.tensor_nbytes, tensors))
        together: dict[int, list[int]] = {}
        firsts: dict[TensorPlace, int] = {}
        roots = {found for found in summary.shared if found >= 0}
        for tensor in tensors:
            first = tensor
            if (summary.shared[tensor] >= 0 or tensor in roots) and not summary.problems[tensor]:
                first = firsts.setdefault(summary.place(tensor), tensor)
            together.setdefault(first, []).append(tensor)
        self.numbers = list(together.values())

    def places(self) -> Iterator[TensorPlace | TensorReadError]:
        """Yield where they lie, as they are needed."""
        for first, *_ in self.numbers:
            try:
                yield self._summary.place(first)
            except TensorReadError as error:
                yield error


class _Teller:
    """Gathers what was found, and tells it ten times a second or when there is much of it."""

    def __init__(self, summary: CheckpointSummary, work: Work, bins: int, progress: Progress) -> None:
        self._summary, self._work, self._bins, self._progress = summary, work, bins, progress
        self._done = 0
        self._told = time.monotonic()
        self._tensors: list[int] = []
        self._rows: list[bytes] = []
        self._problems: list[tuple[int, str]] = []

    def advance(self, index: int, share: float) -> None:
        """Tell how much of a large tensor was seen."""
        if self._is_time():
            first = self._work.numbers[index][0]
            self.flush(int(share * self._summary.tensor_nbytes(first)))

    def take(self, numbers: Sequence[int], found: TensorFigures | TensorReadError) -> None:
        """Take what was found of tensors on the same elements."""
        for number in numbers:
            if isinstance(found, TensorReadError):
                self._problems.append((number, found.sentence))
            else:
                self._tensors.append(number)
                self._rows.append(row_of(found, self._bins).to_bytes())
            self._done += self._summary.tensor_nbytes(number)
        if self._is_time() or len(self._tensors) + len(self._problems) >= _ROWS:
            self.flush()

    def _is_time(self) -> bool:
        return time.monotonic() - self._told >= _PROGRESS_SECONDS

    def flush(self, beyond: int = 0) -> None:
        """Tell everything that was gathered; ``beyond`` bytes of the next tensor were seen as well."""
        self._told = time.monotonic()
        told = {
            "done": self._done + beyond,
            "total": self._work.total,
            "tensors": self._tensors,
            "rows": base64.b64encode(b"".join(self._rows)).decode("ascii"),
            "problems": self._problems,
        }
        self._tensors, self._rows, self._problems = [], [], []
        self._progress(told)


def row_of(figures: TensorFigures, bins: int) -> SurveyRow:
    """Return figures as a row of so many bins."""
    found = figures.statistics
    middle = (found.min, found.max, found.mean, found.std)
    return SurveyRow(
        (*(math.nan if figure is None else float(figure) for figure in middle), found.norm, figures.low, figures.high),
        (found.zeros, found.nan, found.inf, figures.dead, figures.duplicates),
        coarser(figures.counts, bins),
    )
