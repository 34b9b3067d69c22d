"""Files that change while they are open: noticed when they are still, reloaded in one step, never a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inspector.session.state import Freshness, OpenCheckpoint

from .conftest import Driven, picture, saved

REWRITE = """
import sys, torch
for epoch in range(1, 6):
    weights = {f"layer{place}.weight": torch.full((200, 1000), float(epoch)) for place in range(20)}
    torch.save({"state_dict": weights, "epoch": epoch}, sys.argv[1])
    print(epoch, flush=True)
"""


def looked_until(driven: Driven, condition: Callable[[], bool]) -> None:
    """Look at the files again and again, as the window does by a timer, until ``condition()`` holds."""
    looks = 0

    def settled() -> bool:
        nonlocal looks
        looks += 1
        if not condition():
            driven.session.look_at_files()
            return False
        return True

    driven.until(settled)
    assert looks


def phase(driven: Driven, number: int) -> str:
    return driven.checkpoint(number).freshness.phase


def offered(driven: Driven, number: int) -> None:
    looked_until(driven, lambda: phase(driven, number) == "changed")


def reloaded(driven: Driven, number: int) -> OpenCheckpoint:
    driven.session.reload(number)
    driven.until(lambda: phase(driven, number) != "reloading")
    return driven.checkpoint(number)


def described(driven: Driven, number: int) -> OpenCheckpoint:
    """Wait for the selected tensor's figures."""

    def ready() -> bool:
        view = driven.checkpoint(number).tensor_view
        return view is not None and view.phase in ("ready", "failed")

    driven.until(ready)
    return driven.checkpoint(number)


def save(path: Path, value: float = 1.0, *names: str) -> None:
    torch.save({name: torch.full((4, 3), value) for name in (*names, "a.weight", "b.weight")}, path)


def mean(found: OpenCheckpoint) -> float:
    assert found.tensor_view is not None
    value = found.tensor_view.statistics["mean"]
    assert value is not None
    return float(value)


@pytest.mark.parametrize("how", ["in place", "renamed", "deleted and written"])
def test_an_overwritten_file_is_offered_and_reloaded_where_the_person_was(
    shared_session: Driven, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "last.pth"
    save(path)
    number = shared_session.open(path)
    shared_session.session.select_tensor(number, 1)
    assert mean(described(shared_session, number)) == 1.0
    if how == "renamed":
        save(tmp_path / "last.pth.tmp", 2.0, "first.weight")
        os.replace(tmp_path / "last.pth.tmp", path)
    else:
        if how == "deleted and written":
            path.unlink()
        save(path, 2.0, "first.weight")
    offered(shared_session, number)
    before = shared_session.checkpoint(number)
    assert before.summary is not None
    assert len(before.summary) == 2

    found = reloaded(shared_session, number)
    assert found.freshness == Freshness()
    assert found.summary is not None
    assert found.tensor is not None
    assert found.summary.names[found.tensor] == "b.weight"
    assert mean(described(shared_session, number)) == 2.0
    assert number == shared_session.store.current


def test_a_tensor_that_is_gone_is_no_longer_selected(shared_session: Driven, tmp_path: Path) -> None:
    path = tmp_path / "last.pth"
    save(path, 1.0, "first.weight")
    number = shared_session.open(path)
    shared_session.session.select_tensor(number, 0)
    described(shared_session, number)
    save(path, 2.0)
    found = reloaded(shared_session, number)
    assert (found.tensor, found.tensor_view) == (None, None)


def test_every_state_of_a_reload_is_whole(shared_session: Driven, tmp_path: Path) -> None:
    """Whoever listens never sees the new file's tree with the old one's selection."""
    path = tmp_path / "last.pth"
    save(path)
    number = shared_session.open(path)
    shared_session.session.select_tensor(number, 1)
    save(path, 2.0, "first.weight", "second.weight")
    names: list[str] = []

    def listen(changed: int) -> None:
        found = shared_session.store.checkpoints[changed]
        if found.summary is not None and found.tensor is not None:
            names.append(found.summary.names[found.tensor])

    stop = shared_session.store.checkpoint_changed.connect(listen)
    try:
        reloaded(shared_session, number)
        described(shared_session, number)
    finally:
        stop()
    assert names
    assert set(names) == {"b.weight"}


def test_a_failed_reload_keeps_the_last_good_state(shared_session: Driven, tmp_path: Path) -> None:
    path = tmp_path / "last.pth"
    save(path)
    number = shared_session.open(path)
    shared_session.session.select_tensor(number, 1)
    before = described(shared_session, number)
    path.write_bytes(path.read_bytes()[:-300])
    offered(shared_session, number)
    found = reloaded(shared_session, number)
    assert found.freshness.phase == "failed"
    assert found.freshness.failure is not None
    assert "last.pth" in found.freshness.failure.sentence
    assert "\n" not in found.freshness.failure.sentence
    assert (found.summary, found.tensor, found.tensor_view) == (before.summary, before.tensor, before.tensor_view)
    # the next, whole one is offered anew
    save(path, 3.0)
    offered(shared_session, number)
    reloaded(shared_session, number)
    assert mean(described(shared_session, number)) == 3.0


@pytest.mark.parametrize("how", ["cut short", "deleted", "a folder"])
def test_a_tensor_of_a_file_that_is_not_what_it_was_is_a_sentence(
    shared_session: Driven, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "last.pth"
    save(path)
    number = shared_session.open(path)
    if how == "cut short":
        with path.open("r+b") as file:
            file.truncate(200)
    else:
        path.unlink()
    if how == "a folder":
        path.mkdir()
    shared_session.session.select_tensor(number, 0)
    view = described(shared_session, number).tensor_view
    assert view is not None
    assert view.failure is not None
    assert "last.pth" in view.failure.sentence
    assert "\n" not in view.failure.sentence
    assert shared_session.checkpoint(number).phase == "ready"


def test_a_deleted_file_is_told_once_and_quietly(shared_session: Driven, tmp_path: Path) -> None:
    path, away, other = tmp_path / "lost.pth", tmp_path / "away.pth", tmp_path / "other.pth"
    save(path)
    save(other)
    number, second = shared_session.open(path), shared_session.open(other)
    path.rename(away)
    looked_until(shared_session, lambda: phase(shared_session, number) == "gone")
    save(other, 2.0)
    offered(shared_session, second)  # by then it would have been told again
    told = [notice for notice in shared_session.notices if "lost.pth" in notice.text]
    assert [notice.level for notice in told] == ["info"]
    assert shared_session.checkpoint(number).summary is not None
    away.rename(path)  # moved back: it is what was read
    looked_until(shared_session, lambda: phase(shared_session, number) == "same")


def test_a_dismissed_change_is_not_offered_again_but_the_next_is(shared_session: Driven, tmp_path: Path) -> None:
    path, other = tmp_path / "last.pth", tmp_path / "other.pth"
    save(path)
    save(other)
    number, second = shared_session.open(path), shared_session.open(other)
    save(path, 2.0)
    offered(shared_session, number)
    shared_session.session.dismiss_change(number)
    save(other, 2.0)
    offered(shared_session, second)  # by then the first would have been offered too
    assert phase(shared_session, number) == "same"
    save(path, 3.0)
    offered(shared_session, number)


def test_a_training_that_rewrites_its_checkpoint(shared_session: Driven, tmp_path: Path) -> None:
    path = tmp_path / "last.pth"
    torch.save({"state_dict": {"layer3.weight": torch.zeros(2)}, "epoch": 0}, path)
    number = shared_session.open(path)
    shared_session.session.select_tensor(number, 0)
    seen: list[str] = []
    stop = shared_session.store.checkpoint_changed.connect(lambda changed: seen.append(phase(shared_session, changed)))
    training = subprocess.Popen([sys.executable, "-c", REWRITE, str(path)], stdout=subprocess.PIPE, text=True)
    assert training.stdout is not None
    with training.stdout as lines:
        assert lines.readline() == "1\n"  # from here on it is written while it is watched
        looked_until(shared_session, lambda: training.poll() is not None)
    assert training.returncode == 0
    written = os.stat(path).st_mtime_ns

    def newest() -> bool:
        """Offered, and reloaded, until what is open is what was written last."""
        found = shared_session.checkpoint(number)
        if found.freshness.phase == "changed":
            shared_session.session.reload(number)
        return found.summary is not None and found.summary.identity.modified_ns == written

    looked_until(shared_session, newest)
    stop()
    assert "changed" in seen
    found = described(shared_session, number)
    assert found.summary is not None
    assert found.summary.metadata["epoch"] == 5
    assert found.tensor is not None
    assert found.summary.names[found.tensor] == "state_dict.layer3.weight"
    assert mean(found) == 5.0


def test_what_is_attached_is_attached_again_and_predicts_with_the_new_weights(driven: Driven, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth")
    number = driven.attached(path)
    report = driven.checkpoint(number).match_report
    image = picture(tmp_path / "a.png")
    (first,) = driven.predict(number, image)
    state_dict = {key: value * 0.5 for key, value in torch.load(path, weights_only=True).items()}
    torch.save(state_dict, path)
    found = reloaded(driven, number)
    assert found.match_report is report  # every name and shape is as it was: nothing is compared again
    assert found.attachment.phase == "running"
    driven.until(lambda: driven.checkpoint(number).attachment.phase in ("ready", "failed"))
    driven.until(lambda: driven.session.unfinished_predictions == 0 and bool(driven.store.predictions))
    ((_, second),) = driven.store.predictions.items()
    assert second.phase == "ready"
    assert [row.score for row in second.classes] != [row.score for row in first.classes]

    saved(path, 7)  # another head: compared anew, and attached again as it still fits
    reloaded(driven, number)
    driven.until(lambda: driven.checkpoint(number).attachment.phase in ("ready", "failed"))
    assert driven.checkpoint(number).attachment.num_classes == 7
    driven.until(lambda: driven.session.unfinished_predictions == 0)

    save(path)  # no network at all any more
    reloaded(driven, number)
    driven.until(lambda: "net.pth no longer fits squeezenet1_1" in driven.texts())
    assert driven.checkpoint(number).attachment.phase == "none"


def test_a_cancelled_reload_changes_nothing_and_is_still_offered(shared_session: Driven, tmp_path: Path) -> None:
    path = tmp_path / "last.pth"
    save(path)
    number = shared_session.open(path)
    before = shared_session.checkpoint(number).summary
    save(path, 2.0)
    shared_session.session.reload(number)
    shared_session.session.cancel_reload(number)
    assert shared_session.checkpoint(number).freshness.phase == "changed"
    assert shared_session.checkpoint(number).summary is before
    found = reloaded(shared_session, number)
    assert found.summary is not before


def test_closing_while_it_is_read_again(shared_session: Driven, tmp_path: Path) -> None:
    path = tmp_path / "last.pth"
    save(path)
    number = shared_session.open(path)
    shared_session.session.reload(number)
    shared_session.session.close(number)
    save(tmp_path / "other.pth")
    shared_session.open(tmp_path / "other.pth")
    assert number not in shared_session.store.checkpoints
