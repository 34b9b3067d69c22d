"""Questions about tensors: answered by processes, dropped when nobody wants the answer any more."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inspector.session import QueueLoop, Session

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo" / "digits.pth"
Answer = tuple[dict[str, Any], list[bytearray]]


@pytest.fixture
def opened() -> Any:
    loop = QueueLoop()
    session = Session(loop)
    number = session.open(DEMO)
    loop.run_until(lambda: session.store.checkpoints[number].summary is not None, 60)
    yield session, loop, number
    session.close_processes()


def _ask(ask: Callable[..., Any], number: int, answers: list[Any], *more: Any) -> Any:
    params = {"bins": 16}
    return ask(number, "describe_tensors", [0], params, lambda *answer: answers.append(answer), answers.append, *more)


def test_an_unknown_method_is_told_as_a_failure(opened: Any) -> None:
    session, loop, number = opened
    answers: list[Any] = []
    _ask(session.weights.ask, number, answers)
    loop.run_until(lambda: bool(answers), 60)
    assert answers[0].kind == "ProtocolError"


def test_a_dropped_answer_is_never_told(opened: Any) -> None:
    session, loop, number = opened
    dropped: list[Any] = []
    wanted: list[Any] = []
    _ask(session.weights.ask, number, dropped)()
    _ask(session.weights.ask, number, wanted)
    loop.run_until(lambda: bool(wanted), 60)
    assert not dropped


def test_a_job_ends_with_its_answer_or_when_it_is_cancelled(opened: Any) -> None:
    session, loop, number = opened
    cancelled: list[Any] = []
    answers: list[Any] = []
    _ask(session.weights.begin, number, cancelled, lambda told: None)()
    _ask(session.weights.begin, number, answers, lambda told: None)
    loop.run_until(lambda: bool(answers), 60)
    assert answers[0].kind == "ProtocolError"
    assert not cancelled
    assert all(job.is_over for job in session.weights._jobs)


def test_a_closed_file_ends_what_was_asked_about_it(opened: Any, tmp_path: Path) -> None:
    session, loop, number = opened
    other = session.open(Path(shutil.copy(DEMO, tmp_path)))
    loop.run_until(lambda: session.store.checkpoints[other].summary is not None, 60)
    answers: list[Any] = []
    dropped: list[Any] = []
    _ask(session.weights.ask, number, answers)
    loop.run_until(lambda: bool(answers), 60)
    client = session.weights._worker.start()
    _ask(session.weights.begin, number, dropped, lambda told: None)
    (job,) = session.weights._jobs
    session.close(number)
    assert job.is_over
    assert not session.weights._jobs
    assert client.process.wait(60) is not None, "the tensor that it keeps is of no open file"
    _ask(session.weights.ask, other, answers)
    loop.run_until(lambda: len(answers) == 2, 60)
    assert not dropped
