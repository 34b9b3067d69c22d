"""Processes that die or stall: the session says so in a sentence, starts new ones, and loses nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inspector.processes.client import ProcessClient
from inspector.processes.starting import Role
from inspector.session import clients
from inspector.session.state import Attachment

from .conftest import Driven, picture, saved

STALLED = signal.SIGSTOP


def slow(path: Path, **beside: object) -> Path:
    """Save a model that takes some seconds for each image."""
    words = {"preprocessing": {"crop_size": 1_024, "resize_size": 1_024}, **beside}
    return saved(path, inspector={"architecture": "squeezenet1_1", **words})


def kill_engine(driven: Driven) -> None:
    pid = driven.session.engine.process_id
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_the_engine_killed_in_the_middle_of_a_prediction(driven: Driven, tmp_path: Path) -> None:
    images = [picture(tmp_path / f"{place}.png", place) for place in range(4)]
    number = driven.attached(slow(tmp_path / "a.pth"))
    first_engine = driven.session.engine.process_id
    driven.session.add_images(images[:3])
    driven.until(lambda: any(found.phase == "running" for found in driven.store.predictions.values()))
    kill_engine(driven)
    predictions = driven.predict(number, *images[:3])
    assert [found.phase for found in predictions] == ["ready"] * 3
    assert "The engine stopped" in driven.texts()
    assert [notice.level for notice in driven.notices] == ["warning", "info"]  # the warning is taken back
    assert driven.session.engine.process_id not in (None, first_engine)
    assert driven.checkpoint(number).attachment.phase == "ready"
    assert driven.predict(number, images[3])[0].phase == "ready"
    assert driven.session.unfinished_predictions == 0


def test_an_image_that_kills_the_engine_twice_is_given_up(driven: Driven, tmp_path: Path) -> None:
    number = driven.attached(slow(tmp_path / "a.pth"))
    driven.session.add_images([picture(tmp_path / "a.png")])
    for _ in range(2):
        driven.until(lambda: any(found.phase == "running" for found in driven.store.predictions.values()))
        kill_engine(driven)
        driven.until(lambda: all(found.phase != "running" for found in driven.store.predictions.values()))
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")
    (prediction,) = driven.store.predictions.values()
    assert prediction.phase == "failed"
    assert prediction.failure is not None
    assert "signal 9" in prediction.failure.sentence
    assert driven.predict(number, picture(tmp_path / "b.png", 2))[0].phase == "ready"


def test_two_checkpoints_are_both_restored(driven: Driven, tmp_path: Path) -> None:
    first = driven.attached(saved(tmp_path / "a.pth", 3))
    second = driven.attached(saved(tmp_path / "b.pth", 4))
    kill_engine(driven)
    driven.until(lambda: "The engine stopped" in driven.texts())
    for number, classes in ((second, 4), (first, 3)):
        driven.until(lambda number=number: driven.checkpoint(number).attachment.phase == "ready")  # type: ignore[misc]
        driven.session.show(number)
        (prediction,) = driven.predict(number, picture(tmp_path / "a.png"))
        assert len(prediction.classes) == classes


def test_three_deaths_in_a_minute_and_a_restart(driven: Driven, tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png")
    number = driven.open(saved(tmp_path / "a.pth"))
    driven.session.attach(number)
    for death in range(1, 4):
        kill_engine(driven)
        driven.until(lambda death=death: len(driven.notices) == death)  # type: ignore[misc]
    assert driven.store.engine.phase == "failed"
    assert driven.store.engine.failure is not None
    assert "3 times within a minute" in driven.store.engine.failure.sentence
    assert driven.checkpoint(number).attachment.phase == "failed"
    assert driven.session.engine.process_id is None
    driven.session.engine.restart()
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")
    assert driven.store.engine.failure is None
    assert driven.predict(number, image)[0].phase == "ready"


def test_images_that_wait_when_the_engine_is_given_up_are_predicted_by_the_next(driven: Driven, tmp_path: Path) -> None:
    images = [picture(tmp_path / f"{place}.png", place) for place in range(3)]
    number = driven.attached(slow(tmp_path / "a.pth"))
    driven.session.add_images(images)
    driven.until(lambda: any(found.phase == "running" for found in driven.store.predictions.values()))
    for death in range(1, 4):
        kill_engine(driven)
        driven.until(lambda death=death: len(driven.notices) == death)  # type: ignore[misc]
    driven.until(lambda: driven.session.unfinished_predictions == 0)
    assert driven.checkpoint(number).attachment.phase == "failed"
    driven.session.engine.restart()
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")
    assert [found.phase for found in driven.predict(number, *images)] == ["ready"] * 3


def test_cancelling_an_attachment_lets_the_images_that_wait_for_it_go(driven: Driven, tmp_path: Path) -> None:
    number = driven.open(saved(tmp_path / "a.pth"))
    driven.session.add_images([picture(tmp_path / "a.png")])
    driven.until(lambda: driven.session.unfinished_predictions == 1)
    assert driven.checkpoint(number).attachment.phase == "running"
    driven.session.cancel_attach(number)
    assert driven.session.unfinished_predictions == 0
    assert driven.store.predictions == {}


def test_a_restart_in_the_middle_of_a_prediction_loses_no_image(driven: Driven, tmp_path: Path) -> None:
    images = [picture(tmp_path / f"{place}.png", place) for place in range(3)]
    number = driven.attached(slow(tmp_path / "a.pth"))
    driven.session.add_images(images)
    driven.until(lambda: any(found.phase == "running" for found in driven.store.predictions.values()))
    driven.session.engine.restart()
    assert [found.phase for found in driven.predict(number, *images)] == ["ready"] * 3
    assert driven.session.unfinished_predictions == 0
    assert "stopped" not in driven.texts()


def test_cancelling_an_attachment(driven: Driven, tmp_path: Path) -> None:
    other = driven.attached(saved(tmp_path / "other.pth"))
    number = driven.open(saved(tmp_path / "a.pth"))
    driven.session.attach(number)
    assert driven.checkpoint(number).attachment.phase == "running"
    driven.session.cancel_attach(number)
    assert driven.checkpoint(number).attachment == Attachment()
    driven.until(lambda: driven.checkpoint(other).attachment.phase == "ready")
    assert driven.checkpoint(number).attachment == Attachment()
    driven.session.attach(number)
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")


def test_closing_while_attaching_frees_it(driven: Driven, tmp_path: Path) -> None:
    number = driven.open(saved(tmp_path / "a.pth"))
    driven.session.attach(number)
    driven.session.close(number)
    other = driven.attached(saved(tmp_path / "b.pth"))
    assert driven.checkpoint(other).attachment.phase == "ready"
    assert number not in driven.store.checkpoints
    assert driven.notices == []


def test_cancelling_predictions(driven: Driven, tmp_path: Path) -> None:
    images = [picture(tmp_path / f"{place}.png", place) for place in range(6)]
    number = driven.attached(slow(tmp_path / "a.pth"))
    driven.session.add_images(images)
    driven.until(lambda: any(found.phase == "running" for found in driven.store.predictions.values()))
    driven.session.cancel_predictions()
    assert driven.session.unfinished_predictions == 0
    driven.until(lambda: {found.phase for found in driven.store.predictions.values()} <= {"ready"})
    assert len(driven.store.predictions) < 6
    assert "Cancelled" in driven.texts()
    assert [found.phase for found in driven.predict(number, *images)] == ["ready"] * 6


def test_closing_while_predicting(driven: Driven, tmp_path: Path) -> None:
    number = driven.attached(slow(tmp_path / "a.pth"))
    driven.session.add_images([picture(tmp_path / f"{place}.png", place) for place in range(3)])
    driven.until(lambda: any(found.phase == "running" for found in driven.store.predictions.values()))
    driven.session.close(number)
    driven.until(lambda: driven.session.unfinished_predictions == 0)
    assert driven.store.predictions == {}


def test_an_engine_python_that_is_none(tmp_path: Path) -> None:
    driven = Driven(engine_python=str(tmp_path / "python"))
    number = driven.open(saved(tmp_path / "a.pth"))
    driven.session.attach(number)
    attachment = driven.checkpoint(number).attachment
    assert attachment.phase == "failed"
    assert attachment.failure is not None
    assert "Python" in attachment.failure.sentence
    driven.session.close_processes()


# -- the reader and the worker: no engine is started ------------------------------------------------------------


@pytest.fixture
def stalled(driven: Driven) -> Callable[[], int]:
    """Stop the warm reader, so that it answers nothing, and give its process id."""

    def stop() -> int:
        driven.session._readers.warm_up()
        warm = driven.session._readers._warm
        assert warm is not None
        os.kill(warm.process.pid, STALLED)
        return warm.process.pid

    return stop


def test_a_reader_that_overstays_is_killed(
    driven: Driven, stalled: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled()
    monkeypatch.setattr(clients, "READER_SECONDS", 0.2)
    number = driven.open(saved(tmp_path / "a.pth"))
    failure = driven.checkpoint(number).failure
    assert failure is not None
    assert failure.kind == "LimitError"
    assert "a.pth takes far longer" in failure.sentence
    monkeypatch.undo()
    assert driven.checkpoint(driven.open(saved(tmp_path / "b.pth"))).phase == "ready"


def test_a_reader_that_was_killed_from_outside_is_not_blamed_on_the_file(
    driven: Driven, stalled: Callable[[], int], tmp_path: Path
) -> None:
    pid = stalled()
    number = driven.session.open(saved(tmp_path / "a.pth"))
    os.kill(pid, signal.SIGKILL)
    driven.until(lambda: driven.checkpoint(number).phase != "running")
    assert driven.checkpoint(number).phase == "ready"
    assert driven.notices == []


def test_a_file_on_which_two_readers_die_is_a_sentence(
    driven: Driven, stalled: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = [stalled()]

    def start_stalled(role: Role) -> ProcessClient:
        made = ProcessClient(role)
        if len(pids) == 1:  # not the one that is warmed up after it
            os.kill(made.process.pid, STALLED)
            pids.append(made.process.pid)
        return made

    monkeypatch.setattr(clients, "ProcessClient", start_stalled)
    number = driven.session.open(saved(tmp_path / "a.pth"))
    os.kill(pids[0], signal.SIGKILL)
    driven.until(lambda: len(pids) == 2)
    os.kill(pids[1], signal.SIGKILL)
    driven.until(lambda: driven.checkpoint(number).phase == "failed")
    failure = driven.checkpoint(number).failure
    assert failure is not None
    assert "a.pth made the reader stop" in failure.sentence
    monkeypatch.undo()
    assert driven.checkpoint(driven.open(tmp_path / "a.pth")).phase == "ready"


def test_a_file_closed_while_its_second_reader_reads(
    driven: Driven, stalled: Callable[[], int], tmp_path: Path
) -> None:
    pid = stalled()
    number = driven.session.open(saved(tmp_path / "a.pth"))
    (first,) = driven.session._readers._busy
    os.kill(pid, signal.SIGKILL)
    driven.until(lambda: driven.session._readers._busy not in ({first}, set()))
    (second,) = driven.session._readers._busy
    driven.session.close(number)
    assert second.process.wait(5) == -signal.SIGKILL
    assert driven.store.checkpoints == {}


def test_closing_while_reading_ends_the_reader(driven: Driven, stalled: Callable[[], int], tmp_path: Path) -> None:
    stalled()
    number = driven.session.open(saved(tmp_path / "a.pth"))
    (client,) = driven.session._readers._busy
    driven.session.close(number)
    assert client.process.wait(5) == -signal.SIGKILL
    other = driven.open(saved(tmp_path / "b.pth"))
    assert list(driven.store.checkpoints) == [other]
    assert driven.store.current == other
    assert driven.notices == []


def test_the_worker_dies_and_what_was_asked_is_asked_again(driven: Driven, tmp_path: Path) -> None:
    number = driven.open(saved(tmp_path / "a.pth"))
    worker = driven.session._worker.start()
    os.kill(worker.process.pid, STALLED)
    driven.session.select_tensor(number, 0)
    os.kill(worker.process.pid, signal.SIGKILL)
    driven.until(lambda: _phase(driven, number) != "running")
    assert _phase(driven, number) == "ready"
    assert driven.notices == []


def _phase(driven: Driven, number: int) -> str:
    view = driven.checkpoint(number).tensor_view
    return "none" if view is None else view.phase


def test_hostile_files_do_not_disturb_the_others(driven: Driven, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.pth"
    bomb.write_bytes(b"\x80\x02" + b"]" * 4_000_000 + b"a" * 3_999_999 + b".")
    first, second = driven.session.open(bomb), driven.session.open(saved(tmp_path / "a.pth"))
    driven.until(lambda: driven.checkpoint(second).match_report is not None)
    driven.until(lambda: driven.checkpoint(first).phase != "running")
    torch.save({"a.weight": torch.ones(1)}, tmp_path / "b.pth")
    assert driven.checkpoint(driven.open(tmp_path / "b.pth")).phase == "ready"
