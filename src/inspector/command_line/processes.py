"""The processes for verbs that need one answer and no session."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from inspector.checkpoint.forwarding import forward
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_name
from inspector.command_line.problems import EngineFailedError, error_of
from inspector.desktop.settings import SettingsStore
from inspector.export.errors import TargetExistsError
from inspector.processes.client import ProcessClient, ProcessError
from inspector.pythons import Surroundings, describe, look_up
from inspector.session import QueueLoop
from inspector.session.clients import Readers, Worker
from inspector.session.comparison_state import ComparisonRows
from inspector.session.converting import Conversion, Copy
from inspector.session.differing import Side, comparison_job
from inspector.session.failure import Failure
from inspector.session.file_job import FileJob, Request
from inspector.session.job import Job
from inspector.session.pythons import own_python
from inspector.session.survey_state import SurveyFigures
from inspector.session.surveying import fill
from inspector.survey_rows import BINS

T = TypeVar("T")
Answer = tuple[dict[str, Any], list[bytearray]]


class Processes:
    """A context in which the processes can be asked, one question after the other.

    Parameters
    ----------
    timeout
        Seconds after which an answer is given up.
    """

    def __init__(self, timeout: float = 3_600.0) -> None:
        self._timeout = timeout
        self._loop = QueueLoop()
        self._readers = Readers(self._loop, keep_warm=False)
        self._worker = Worker(self._loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._readers.close()
        self._worker.close()

    def start_worker(self) -> None:
        """Start the worker, so that it is there when it is asked."""
        self._worker.start()

    def read(self, path: str) -> CheckpointSummary:
        """Read a checkpoint in a process of its own.

        Raises
        ------
        CommandError
            It can't be read.
        """
        answers: list[CheckpointSummary | Failure] = []
        self._readers.read(Path(os.path.abspath(path)), answers.append, answers.append)
        return self._result(answers)

    def convert(
        self, summary: CheckpointSummary, state_dict: int, out: Path, *, force: bool, progress: Callable[[float], None]
    ) -> Copy:
        """Write a clean copy of one of a checkpoint's state_dicts, by processes of their own.

        Raises
        ------
        CommandError
            It can't be written. Nothing is left of it, neither when the person interrupts.
        """
        answers: list[Copy | Failure] = []
        conversion = Conversion(
            self._loop,
            self._readers,
            summary,
            state_dict,
            out,
            force=force,
            done=answers.append,
            failed=lambda failure: answers.append(_with_force(failure)),
            progress=progress,
        )
        try:
            return self._result(answers)
        finally:
            conversion.cancel()

    def compare(self, a: Side, b: Side, progress: Callable[[float], None]) -> tuple[str, ComparisonRows]:
        """Compare two checkpoints in a process of its own; return a sentence, and what became of each tensor.

        Raises
        ------
        CommandError
            They can't be compared.
        """
        answers: list[Answer | Failure] = []
        job = comparison_job(
            self._loop,
            a,
            b,
            done=lambda result, out: answers.append((result, out)),
            failed=answers.append,
            progress=lambda told: progress(told["done"] / max(1, told["total"])),
        )
        try:
            result, columns = self._result(answers)
        finally:
            job.cancel()
        return str(result["sentence"]), ComparisonRows(columns)

    def write_file(
        self, method: str, request: Request, out: Path, *, force: bool, progress: Callable[[float], None]
    ) -> dict[str, Any]:
        """Have a worker of its own write a file, and return its answer.

        Raises
        ------
        CommandError
            It can't be written. Nothing is left of it, neither when the person interrupts.
        """
        answers: list[dict[str, Any] | Failure] = []
        job = FileJob(
            self._loop,
            method,
            *request,
            out,
            force=force,
            done=answers.append,
            failed=lambda failure: answers.append(_with_force(failure)),
            progress=progress,
        )
        try:
            return self._result(answers)
        finally:
            job.cancel()

    def ask_worker(self, method: str, params: dict[str, Any], buffers: list[bytes]) -> Answer:
        """Ask the worker.

        Raises
        ------
        CommandError
            It failed.
        """
        answers: list[Answer | Failure] = []
        self._worker.request(method, params, buffers, lambda result, out: answers.append((result, out)), answers.append)
        return self._result(answers)

    def survey(
        self, summary: CheckpointSummary, tensors: Sequence[int], progress: Callable[[float], None]
    ) -> SurveyFigures:
        """Reckon the figures of tensors, in their order, with histograms of 256 bins.

        Raises
        ------
        CommandError
            It failed. What is wrong with single tensors is in the figures.
        """
        answers: list[SurveyFigures | Failure] = []
        figures = SurveyFigures(len(tensors), BINS)
        rows = {tensor: row for row, tensor in enumerate(tensors)}

        def take(told: dict[str, Any]) -> None:
            fill(figures, told, rows)
            progress(told["done"] / max(1, told["total"]))

        header, columns = forward(summary)
        job = Job(
            self._loop,
            "survey",
            {"summary": header, "tensors": list(tensors), "bins": BINS},
            columns,
            done=lambda _, __: answers.append(figures),
            failed=answers.append,
            progress=take,
        )
        try:
            return self._result(answers)
        finally:
            job.cancel()

    def ask_engine(self, python: str | None, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Ask an engine that is started for this one question.

        Raises
        ------
        CommandError
            It can't be started, or failed.
        """
        answers: list[dict[str, Any] | Failure] = []
        try:
            client = ProcessClient("engine", python=python)
        except OSError as error:
            reason = error.strerror or str(error)
            raise EngineFailedError(f"{python} can't be started: {reason}.", "Choose another Python.") from None

        def failed(error: ProcessError) -> None:
            words = client.last_words().splitlines() if error.kind == "ProcessDied" else []
            message = f"{error.message} {words[-1][:300]}" if words else error.message
            failure = Failure(message, error.hint, error.kind)
            self._loop.post(lambda: answers.append(failure))

        client.request(
            method, params, done=lambda result, _: self._loop.post(lambda: answers.append(result)), failed=failed
        )
        try:
            return self._result(answers)
        finally:
            client.close()

    def _result(self, answers: list[T | Failure]) -> T:
        self._loop.run_until(lambda: bool(answers), self._timeout)
        answer = answers[0]
        if isinstance(answer, Failure):
            raise error_of(answer)
        return answer


def _with_force(failure: Failure) -> Failure:
    """Return a failure with the advice that is of use on the command line."""
    exists = failure.kind == TargetExistsError.__name__
    return replace(failure, hint="Choose another name, or give --force.") if exists else failure


def engine_python(given: str | None) -> str | None:
    """Return the Python the engine runs on: the one given, else the person's setting, else None for ours.

    The engine is started in a folder of its own, so a relative path is made absolute. A bare name is looked up on the
    path, never in the current folder.
    """
    python = given or SettingsStore().settings.engine_python
    if not python or os.path.dirname(python):
        return os.path.abspath(python) if python else None
    return look_up(python, Surroundings.here()) or python


def usable_engine_python(given: str | None) -> str | None:
    """Return what `engine_python` does, when its files speak against nothing; it is not run yet.

    Raises
    ------
    EngineFailedError
        It is gone, too old, or lacks torch; the hint is the command that mends it.
    """
    python = engine_python(given)
    if python is None:
        return None
    if not os.path.isabs(python):
        raise EngineFailedError(f"There is no program {python} on the path.", "Give the path of a Python.")
    found = describe(python, Surroundings.here(own=own_python()))
    if found.problem:
        chosen = "" if given else ", chosen in the settings,"
        mend = f"Mend it: {found.mend}" if found.mend else "Choose another one."
        raise EngineFailedError(f"{clean_name(python)}{chosen} can't be used: {found.problem}", mend)
    return python
