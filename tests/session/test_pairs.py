"""Motion is of an image and the next one: another next one makes another prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from inspector.session import QueueLoop, Session
from inspector.session.prediction_state import Prediction
from inspector.session.sources import FLOW
from inspector.session.state import Attachment, ImageItem, OpenCheckpoint

Again = list[tuple[int, list[int]]]
FLOWS, OTHER = 1, 2


@pytest.fixture
def session() -> Session:
    """Three images, predicted by a model of motion and by another one."""
    made = Session(QueueLoop())
    for number, task in ((FLOWS, FLOW), (OTHER, "classification")):
        attachment = Attachment(phase="ready", task=task, engine_id=number)
        path = Path(f"/files/{number}.pth")
        made.store.checkpoints[number] = OpenCheckpoint(number, path, phase="ready", attachment=attachment)
    made.store.current = FLOWS
    for image in (10, 11, 12):
        made.store.images[image] = ImageItem(image, Path(f"/files/{image}.png"))
        for number in (FLOWS, OTHER):
            made.store.predictions[number, image] = Prediction("ready")
    return made


@pytest.fixture
def again(session: Session, monkeypatch: pytest.MonkeyPatch) -> Again:
    """What is predicted once more."""
    found: Again = []
    monkeypatch.setattr(session._predicting, "again", lambda number, images: found.append((number, list(images))))
    return found


def test_the_image_before_a_removed_one_moves_elsewhere(session: Session, again: Again) -> None:
    session.remove_image(11)
    assert again == [(FLOWS, [10])]


def test_the_new_last_image_moves_nowhere(session: Session, again: Again) -> None:
    session.remove_image(12)
    assert again == [(FLOWS, [11])]


def test_nothing_comes_before_the_first_image(session: Session, again: Again) -> None:
    session.remove_image(10)
    assert again == []


def test_the_last_image_moves_to_one_that_is_added(
    session: Session, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted: Again = []
    monkeypatch.setattr(session._predicting, "predict", lambda number, images: predicted.append((number, list(images))))

    def add(paths: Sequence[Path], added: Callable[[list[int]], None], *, clips: bool) -> None:
        assert not clips
        session.store.images[13] = ImageItem(13, paths[0])
        added([13])

    monkeypatch.setattr(session._images, "add", add)
    session.add_images([Path("/files/13.png")])
    assert again == [(FLOWS, [12])]
    assert predicted == [(FLOWS, [13])]


def test_of_two_drops_the_first_image_moves_to_the_second(
    session: Session, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Callable[[list[int]], None]] = []
    monkeypatch.setattr(session._predicting, "predict", lambda *_: None)
    monkeypatch.setattr(session._images, "add", lambda paths, added, *, clips: listed.append(added))
    session.clear_images()
    for image in (13, 14):
        session.add_images([Path(f"/files/{image}.png")])  # both before the folder of the first is listed
    for image, added in zip((13, 14), listed, strict=True):
        session.store.images[image] = ImageItem(image, Path(f"/files/{image}.png"))
        added([image])
        session.store.predictions[FLOWS, image] = Prediction("failed")
    assert again == [(FLOWS, [13])]


def test_an_image_that_is_there_already_pairs_nothing_again(
    session: Session, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session._predicting, "predict", lambda *_: None)
    monkeypatch.setattr(session._images, "add", lambda paths, added, *, clips: added([11, 12]))
    session.add_images([Path("/files/11.png"), Path("/files/12.png")])
    assert again == []


def test_what_is_not_attached_now_is_not_predicted(session: Session, again: Again) -> None:
    session.store.change_checkpoint(FLOWS, attachment=Attachment())
    session.remove_image(11)
    assert again == []
