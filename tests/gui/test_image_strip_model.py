"""The strip's model: its rows follow the store's images, and its tiles say how far each one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.gui.image_strip_model import ImageStripModel, describe
from inspector.session.failure import Failure
from inspector.session.prediction_state import ClassScore, Prediction
from inspector.session.state import Attachment, ImageItem, OpenCheckpoint
from inspector.session.store import Store

READY = Attachment(phase="ready", architecture="resnet18")


def predicted(label: str, score: float, index: int = 258) -> Prediction:
    return Prediction("ready", (ClassScore(label, index, score), ClassScore("other", 1, 0.01)), 38.0, "cpu")


def open_checkpoint(store: Store) -> int:
    number = store.next_id()
    store.checkpoints[number] = OpenCheckpoint(number, Path("/files/model.pth"), phase="ready", attachment=READY)
    return number


def add(store: Store, count: int = 1) -> list[int]:
    numbers = [store.next_id() for _ in range(count)]
    for number in numbers:
        store.images[number] = ImageItem(number, Path(f"/files/photo_{number}.jpg"))
    return numbers


@pytest.fixture
def store() -> Store:
    return Store()


# -- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prediction", "attachment", "state", "title", "detail"),
    [
        (None, Attachment(), "plain", "dog.jpg", ""),
        (None, READY, "plain", "dog.jpg", ""),
        (Prediction(), Attachment(), "plain", "dog.jpg", ""),
        (Prediction(), Attachment(phase="failed"), "plain", "dog.jpg", ""),
        (Prediction(), Attachment(phase="running"), "waiting", "dog.jpg", "waiting"),
        (Prediction(), READY, "waiting", "dog.jpg", "waiting"),
        (Prediction("running"), READY, "running", "dog.jpg", "predicting…"),
        (predicted("Samoyed", 0.814), READY, "ready", "Samoyed", "81.4\u202f%"),
        (predicted("Samoyed", 0.814), Attachment(), "ready", "Samoyed", "81.4\u202f%"),
        (predicted("17", 0.5, index=17), READY, "ready", "class 17", "50.0\u202f%"),
        (predicted("17", 0.5, index=3), READY, "ready", "17", "50.0\u202f%"),
        (Prediction("failed", failure=Failure("No.")), READY, "failed", "dog.jpg", "not predicted"),
    ],
)
def test_a_tile_says_how_far_its_image_is(
    prediction: Prediction | None, attachment: Attachment, state: str, title: str, detail: str
) -> None:
    tile = describe(ImageItem(1, Path("/files/dog.jpg")), prediction, attachment)
    assert (tile.state, tile.title, tile.detail) == (state, title, detail)


def test_a_broken_image_tells_why_whatever_its_prediction_says() -> None:
    failure = Failure("page.jpg is a web page, not an image.", "Download the image itself.")
    tile = describe(
        ImageItem(1, Path("/files/page.jpg"), failure=failure), Prediction("failed", failure=failure), READY
    )
    assert tile.state == "broken"
    assert tile.reason == "page.jpg is a web page, not an image. Download the image itself."


# -- model ---------------------------------------------------------------------------------------------------------


def test_the_model_is_a_proper_item_model(store: Store, qtmodeltester: Any) -> None:
    checkpoint = open_checkpoint(store)
    numbers = add(store, 5)
    store.predictions[checkpoint, numbers[0]] = predicted("Samoyed", 0.8)
    model = ImageStripModel(store)
    model.take_checkpoint(checkpoint)
    qtmodeltester.check(model)
    del store.images[numbers[1]], store.images[numbers[2]], store.images[numbers[4]]
    add(store, 2)
    model.take_images()
    qtmodeltester.check(model)
    assert model.rowCount() == 4


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.sets(st.integers(0, 11)), st.integers(0, 4)), max_size=6))
def test_rows_are_the_images_whatever_comes_and_goes(steps: list[tuple[set[int], int]]) -> None:
    store = Store()
    model = ImageStripModel(store)
    shown: list[int] = []
    model.rowsRemoved.connect(lambda _parent, first, last: shown.__delitem__(slice(first, last + 1)))
    model.rowsInserted.connect(lambda _parent, first, last: shown.extend(list(store.images)[first : last + 1]))
    for places, added in steps:
        for number in [number for place, number in enumerate(store.images) if place in places]:
            del store.images[number]
        new = [store.next_id() for _ in range(added)]
        store.images.update((number, ImageItem(number, Path(f"/{number}.png"))) for number in new)
        assert model.take_images() == new
        wanted = list(store.images)
        assert [model.image_at(model.index(row)) for row in range(model.rowCount())] == wanted == shown
        assert all(model.index_of(number).row() == row for row, number in enumerate(wanted))


def test_images_that_are_gone_answer_nothing_until_their_rows_are(store: Store) -> None:
    (number,) = add(store)
    model = ImageStripModel(store)
    index = model.index_of(number)
    store.images.clear()
    assert index.data() is None
    assert model.data(model.index(7)) is None
    model.take_images()
    assert model.rowCount() == 0


def test_tiles_tell_of_the_objects_that_the_slider_shows(qtbot: Any) -> None:
    store = Store()
    store.images[1] = ImageItem(1, Path("/files/dog.jpg"))
    objects = tuple(ClassScore("dog", 1, score, (0, 0, 4, 4)) for score in (0.9, 0.6, 0.2))
    store.predictions[7, 1] = Prediction("ready", objects, 5.0, "cpu", task="detection")
    model = ImageStripModel(store)
    model.checkpoint = 7
    assert model.index(0).data() == "2 objects"
    with qtbot.waitSignal(model.dataChanged):
        model.set_threshold(0.8)
    assert model.index(0).data() == "1 object"
