"""Looking at all tensors of a checkpoint: a worker of its own tells their figures one after the other."""

from __future__ import annotations

import base64
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from inspector.checkpoint.forwarding import forward
from inspector.checkpoint.source import InspectedFile
from inspector.checkpoint.summary import CheckpointSummary
from inspector.findings import Finding
from inspector.session.failure import Failure
from inspector.session.job import Job
from inspector.session.loop import Loop
from inspector.session.store import Store
from inspector.session.survey_state import Survey, SurveyFigures
from inspector.survey_rows import rows_from

#: Checkpoints of so many bytes are surveyed without being asked for: some seconds of two cores.
BY_ITSELF_BYTES = 8_000_000_000
_TOLD_SECONDS = 0.1
#: Surveys that are remembered, also of files that were closed: half a MB for a thousand tensors.
_MOST_KEPT = 8
_MADE_NO_SENSE = Failure("The worker's answer about this file makes no sense.", "Report this file.", "ProtocolError")


class Surveying:
    """The surveys of the open checkpoints. A file that is closed or read again loses its own.

    Parameters
    ----------
    cache
        A folder where figures are kept; none are where it is None.
    """

    def __init__(self, store: Store, loop: Loop, cache: str | None = None) -> None:
        self._store = store
        self._loop = loop
        self._cache = cache
        self._jobs: dict[int, Job] = {}
        self._summaries: dict[int, CheckpointSummary] = {}
        self._kept: OrderedDict[tuple[InspectedFile, ...], Survey] = OrderedDict()  # of closed files too
        store.checkpoints_changed.connect(self._forget_closed)
        store.checkpoints_changed.connect(self.look_at_shown)
        store.checkpoint_changed.connect(self._look)
        self.look_at_shown()

    def begin(self, number: int) -> None:
        """Survey a checkpoint, unless it is being or has been."""
        found = self._store.checkpoints.get(number)
        if found is None or found.summary is None:
            return
        if found.survey is not None and found.survey.phase in ("running", "ready"):
            return
        summary = found.summary
        self._summaries[number] = summary
        kept = self._kept.get(summary.files)
        if kept is not None and len(kept.figures) == len(summary):
            self._kept.move_to_end(summary.files)
            self._store.set_survey(number, kept)
            return
        figures = SurveyFigures(len(summary))
        total = sum(file.identity.size for file in summary.files)
        self._store.set_survey(number, Survey("running", 0, total, figures))
        header, columns = forward(summary)
        taking = _Taking(
            self._store, self._loop, number, figures, lambda survey: self._keep(summary, survey), self._end
        )
        params = {"summary": header, "bins": figures.bins, "cache": self._cache}
        self._jobs[number] = Job(
            self._loop,
            "survey",
            params,
            columns,
            done=lambda result, _: taking.finish(result),
            failed=taking.fail,
            progress=taking.take,
        )

    def cancel(self, number: int) -> None:
        """Give a survey up; what it has found stays."""
        self._end(number)
        found = self._store.checkpoints.get(number)
        if found is not None and found.survey is not None and found.survey.phase == "running":
            self._store.set_survey(number, replace(found.survey, phase="cancelled"))

    def close(self) -> None:
        """End every process."""
        for number in list(self._jobs):
            self._end(number)

    def _keep(self, summary: CheckpointSummary, survey: Survey) -> None:
        self._kept[summary.files] = survey
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    def _end(self, number: int) -> None:
        job = self._jobs.pop(number, None)
        if job is not None:
            job.cancel()

    def _forget_closed(self) -> None:
        for number in self._summaries.keys() - self._store.checkpoints.keys():
            self._end(number)
            del self._summaries[number]

    def look_at_shown(self) -> None:
        """Look at the checkpoint that is shown: another may have been when its first tensor was read."""
        if self._store.current is not None:
            self._look(self._store.current)

    def _look(self, number: int) -> None:
        """Begin a survey by itself, once the first tensor is shown; anew where the file was read again."""
        found = self._store.checkpoints.get(number)
        if found is None:  # whoever was told before closed it, as a file that can't be read
            return
        known, view = found.survey, found.tensor_view
        read_again = known is not None and found.summary is not self._summaries.get(number)
        if read_again:
            self._end(number)
            self._store.set_survey(number, None)
        is_looked_at = known is None and view is not None and view.phase != "running"
        if (read_again or is_looked_at) and found.summary is not None:
            is_shown = self._store.current == number
            if is_shown and found.summary.size <= BY_ITSELF_BYTES:
                self.begin(number)


class _Taking:
    """Takes what the worker tells of one checkpoint, one piece a turn: a kept survey comes all at once."""

    def __init__(
        self,
        store: Store,
        loop: Loop,
        number: int,
        figures: SurveyFigures,
        keep: Callable[[Survey], None],
        end: Callable[[int], None],
    ) -> None:
        self._store = store
        self._loop = loop
        self._number = number
        self._figures = figures
        self._keep = keep
        self._end = end
        self._shown = 0.0
        self._waiting: deque[Callable[[], None]] = deque()

    def take(self, told: dict[str, Any]) -> None:
        """Fill in rows, and show them ten times a second."""
        self._later(lambda: self._fill(told))

    def finish(self, result: dict[str, Any]) -> None:
        """Take what the audit found."""
        self._later(lambda: self._finish(result))

    def fail(self, failure: Failure) -> None:
        """Tell what went wrong."""
        self._later(lambda: self._fail(failure))

    def _later(self, call: Callable[[], None]) -> None:
        self._waiting.append(call)
        if len(self._waiting) == 1:
            self._loop.post_turn(self._next)

    def _next(self) -> None:
        try:
            self._waiting[0]()
        finally:
            self._waiting.popleft()
            if self._waiting:
                self._loop.post_turn(self._next)

    def _fill(self, told: dict[str, Any]) -> None:
        survey = self._survey()
        if survey is None:
            return
        try:
            fill(survey.figures, told)
            done, total = int(told["done"]), int(told["total"])
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            self._fail(_MADE_NO_SENSE)
            return
        if (now := time.monotonic()) - self._shown >= _TOLD_SECONDS:
            self._shown = now
            self._store.set_survey(self._number, replace(survey, done=done, total=total))

    def _finish(self, result: dict[str, Any]) -> None:
        survey = self._survey()
        if survey is None:
            return
        try:
            findings = tuple(Finding.from_json(found, len(survey.figures)) for found in result["findings"])
        except (KeyError, TypeError, ValueError):
            self._fail(_MADE_NO_SENSE)
            return
        ready = replace(survey, phase="ready", done=survey.total, findings=findings)
        self._keep(ready)
        self._store.set_survey(self._number, ready)

    def _fail(self, failure: Failure) -> None:
        survey = self._survey()
        if survey is not None:
            self._end(self._number)
            self._store.set_survey(self._number, replace(survey, phase="failed", failure=failure))

    def _survey(self) -> Survey | None:
        """Return the survey that this is told for, None where it was given up or another one has taken its place."""
        found = self._store.checkpoints.get(self._number)
        survey = found.survey if found is not None else None
        running = survey is not None and survey.phase == "running" and survey.figures is self._figures
        return survey if running else None


def fill(figures: SurveyFigures, told: dict[str, Any], rows: Mapping[int, int] | None = None) -> None:
    """Take what the worker's ``survey`` tells into figures.

    Parameters
    ----------
    rows
        By tensor number its row in the figures, where they are not of all tensors.

    Raises
    ------
    ValueError, KeyError, TypeError
        It makes no sense.
    """
    tensors = [rows[number] if rows is not None else int(number) for number in told["tensors"]]
    if tensors and not 0 <= min(tensors) <= max(tensors) < len(figures):
        raise ValueError("rows of tensors that are not there")
    found = rows_from(base64.b64decode(told["rows"]), figures.bins)
    for tensor, row in zip(tensors, found, strict=True):
        figures.fill(tensor, row)
    for number, problem in told["problems"]:
        tensor = rows[number] if rows is not None else int(number)
        if not 0 <= tensor < len(figures):
            raise ValueError("a problem of a tensor that is not there")
        figures.fail(tensor, str(problem))
