"""The worker writes a report: all tensors are measured and audited, some are drawn, and one page is put in place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector import __version__
from inspector.checkpoint.errors import TensorReadError
from inspector.checkpoint.summary import CheckpointSummary
from inspector.processes.roles.serving import Progress, Reply
from inspector.processes.roles.surveying import Work, audited_tensors, row_of
from inspector.processes.roles.telling import now_and_then

if TYPE_CHECKING:
    from inspector.export.report_content import Fit, Report, ReportWords, WeightsPicture

#: Of all that is to be done, the share of measuring; the rest is drawing. In thousandths.
_MEASURING, _WHOLE = 900, 1_000
#: Architectures that are named.
_MOST_FITS = 5


def report(params: dict[str, Any], buffers: list[bytearray], progress: Progress) -> Reply:
    """Write a report about the checkpoint that ``params["summary"]`` and the buffers forward.

    ``params["words"]`` are those of `inspector.export.report_content.ReportWords`.
    """
    # Two threads reckon; a library's own threads below them would only be in their way. Before numpy is imported.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from inspector.checkpoint.source import InspectedFiles
    from inspector.export.report import page
    from inspector.export.report_content import ReportWords
    from inspector.export.target import Target

    summary, words = CheckpointSummary(params["summary"], buffers), ReportWords.from_json(params["words"])
    out, token, tell = Path(params["out"]), str(params["token"]), now_and_then(progress)
    own = [file.identity for file in summary.files]
    with Target(out, token, force=bool(params["force"]), own=own) as target, InspectedFiles(summary.files) as files:
        content = _measured(summary, words, tell)
        made: list[WeightsPicture] = []
        for done, total, picture in _pictures(content, files):
            made += [picture] if picture is not None else []
            tell(_MEASURING + (_WHOLE - _MEASURING) * done // total, _WHOLE)
        for piece in page(replace(content, pictures=made)):
            target.file.write(piece.encode())
        for index in range(len(summary.files)):
            files[index].check_unchanged()
        nbytes = target.file.tell()
        target.commit()
    return {"tensors": len(summary), "bytes": nbytes, "findings": len(content.findings)}, []


def _measured(summary: CheckpointSummary, words: ReportWords, tell: Any) -> Report:
    """Measure and audit all tensors, and find what architecture they make."""
    from inspector.export.report_content import Figures, Report
    from inspector.weights.audit import Audit
    from inspector.weights.survey import survey as measure

    work, figures = Work(summary, range(len(summary))), Figures(len(summary))
    audit, done = Audit(audited_tensors(summary)), 0

    def advance(index: int, share: float) -> None:
        large = summary.tensor_nbytes(work.numbers[index][0])
        tell(round(_MEASURING * (done + share * large) / max(1, work.total)), _WHOLE)

    for index, found in measure(summary.files, work.places(), advance):
        for number in work.numbers[index]:
            done += summary.tensor_nbytes(number)
            if isinstance(found, TensorReadError):
                figures.fail(number, found.sentence)
            else:
                figures.fill(number, row_of(found, figures.bins))
                audit.take(number, found)
        tell(round(_MEASURING * done / max(1, work.total)), _WHOLE)
    match, fits = _identified(summary, words.state_dict)
    made = f"Made by Inspector {__version__} on {date.today().isoformat()}. Every figure is exact, of all elements."
    return Report(words, summary, figures, audit.findings(), match, fits, made=made)


def _identified(summary: CheckpointSummary, state_dict: int | None) -> tuple[str | None, list[Fit]]:
    from inspector.architectures import identify
    from inspector.export.report_content import Fit

    if state_dict is None:
        return None, []
    shapes = {summary.key(tensor): summary.shape(tensor) for tensor in summary.tensors_of(state_dict)}
    found = identify(shapes, class_name=summary.state_dicts[state_dict].class_name or "")
    fits = [
        Fit(
            candidate.architecture,
            candidate.score,
            candidate.matched,
            len(candidate.missing),
            len(candidate.unexpected),
            len(candidate.mismatched),
            candidate.num_classes,
            tuple(candidate.twins),
        )
        for candidate in found.candidates
    ]
    twins = {twin: place for place, fit in reversed([*enumerate(fits)]) for twin in fit.twins}
    distinct = [fit for place, fit in enumerate(fits) if twins.get(fit.architecture, place) >= place]
    return found.match, distinct[:_MOST_FITS]


def _pictures(content: Report, files: Any) -> Iterator[tuple[int, int, WeightsPicture | None]]:
    from inspector.export.report_pictures import chosen_tensors, draw

    chosen = chosen_tensors(content)
    for place, picture in enumerate(draw(content, files, chosen), 1):
        yield place, len(chosen), picture
