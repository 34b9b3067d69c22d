"""Which files an item is predicted from, and which files make an item."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.architectures import catalogue
from inspector.session.failure import Failure
from inspector.session.prediction_words import LISTED
from inspector.session.sources import (
    FLOW,
    NO_NEXT_IMAGE,
    VIDEO,
    Sources,
    items_of,
    next_image,
    previous_image,
    sources_of,
)
from inspector.session.state import Attachment, ImageItem
from inspector.session.store import Store

A, B, C = Path("/files/a.jpg"), Path("/files/b.jpg"), Path("/files/c.gif")
FRAMES = (Path("/clip/1.png"), Path("/clip/2.png"), Path("/clip/3.png"))


@pytest.fixture
def store() -> Store:
    made = Store()
    for item in (ImageItem(1, A), ImageItem(2, FRAMES[0], frames=FRAMES), ImageItem(3, C), ImageItem(4, B)):
        made.images[item.id] = item
    return made


def files_of(store: Store, image: int, task: str) -> list[Path]:
    found = sources_of(store, image, Attachment(task=task))
    assert isinstance(found, Sources)
    return list(found.paths)


@pytest.mark.parametrize("task", ["classification", "semantic_segmentation", "detection"])
def test_one_image_is_predicted_from_its_file_and_a_clip_from_its_first_frame(store: Store, task: str) -> None:
    assert files_of(store, 1, task) == [A]
    assert files_of(store, 2, task) == [FRAMES[0]]


def test_a_clip_is_predicted_from_all_its_frames(store: Store) -> None:
    assert files_of(store, 2, VIDEO) == list(FRAMES)
    assert files_of(store, 3, VIDEO) == [C]
    assert store.images[2].name == "clip"


@pytest.mark.parametrize(
    ("frames", "taken"), [(1, [2_099]), (2, [0, 4_199]), (16, [round(place * 4_199 / 15) for place in range(16)])]
)
def test_of_a_long_clip_the_frames_that_the_model_takes_are_read_alone(
    store: Store, frames: int, taken: list[int]
) -> None:
    many = tuple(Path(f"/clip/{place}.png") for place in range(4_200))
    store.images[5] = ImageItem(5, many[0], frames=many)
    found = sources_of(store, 5, Attachment(task=VIDEO, preprocessing={"frames": frames}))
    assert found == Sources(tuple(many[place] for place in taken), 4_200)
    assert found.words == {"names": [f"{place}.png" for place in taken], "total": 4_200}


def test_of_a_clip_that_is_no_longer_than_the_model_takes_all_frames_are_read(store: Store) -> None:
    for frames in (3, 16):
        found = sources_of(store, 2, Attachment(task=VIDEO, preprocessing={"frames": frames}))
        assert found == Sources(FRAMES, 3)


def test_motion_is_from_an_image_to_the_next_one(store: Store) -> None:
    assert files_of(store, 1, FLOW) == [A, FRAMES[0]]
    assert files_of(store, 2, FLOW) == list(FRAMES[:2])
    assert files_of(store, 3, FLOW) == [C, B]  # the engine tells by its content whether it is a clip
    store.images[3] = ImageItem(3, Path("/files/c.mp4"))
    assert files_of(store, 3, FLOW) == [Path("/files/c.mp4")]


@pytest.mark.parametrize("name", ["c.gif", "c.webp", "c.png", "c.apng"])
def test_what_may_be_a_clip_is_asked_of_the_engine_even_when_it_is_the_last(store: Store, name: str) -> None:
    store.images[4] = ImageItem(4, Path("/files") / name)
    assert files_of(store, 4, FLOW) == [Path("/files") / name]


def test_the_last_image_says_that_it_has_no_next(store: Store) -> None:
    found = sources_of(store, 4, Attachment(task=FLOW))
    assert isinstance(found, Failure)
    assert found.kind == NO_NEXT_IMAGE
    assert "b.jpg is the last image" in found.sentence
    assert isinstance(sources_of(store, 9, Attachment(task="detection")), Failure)


def test_neighbours_in_the_strip(store: Store) -> None:
    assert [next_image(store, number) for number in (1, 2, 3, 4, 9)] == [2, 3, 4, None, None]
    assert [previous_image(store, number) for number in (1, 2, 3, 4, 9)] == [None, 1, 2, 3, None]


def test_neighbours_follow_what_is_removed_and_added(store: Store) -> None:
    assert next_image(store, 1) == 2
    del store.images[2]
    assert next_image(store, 1) == 3
    del store.images[4]
    store.images[7] = ImageItem(7, B)
    assert (next_image(store, 3), next_image(store, 7), next_image(store, 4)) == (7, None, None)
    store.images.clear()
    assert next_image(store, 7) is None


def test_the_strip_is_not_walked_through_for_each_of_ten_thousand_images(store: Store) -> None:
    for number in range(10, 10_010):
        store.images[number] = ImageItem(number, A)
    before = store.order.listings
    assert [next_image(store, number) for number in range(10, 10_010)] == [*range(11, 10_010), None]
    assert store.order.listings == before + 1


def test_pictures_of_a_dropped_folder_are_one_clip_where_clips_are_wanted() -> None:
    folder = Path("/clip")
    assert items_of([*FRAMES, A, B], clips=True, folders=[folder]) == [FRAMES, (A,), (B,)]
    assert items_of(FRAMES, clips=False, folders=[folder]) == [(frame,) for frame in FRAMES]
    assert items_of(FRAMES, clips=True, folders=[]) == [(frame,) for frame in FRAMES]


def test_a_folder_of_clips_is_many_clips_and_each_folder_inside_is_one() -> None:
    root = Path("/clips")
    moving = [root / "a.gif", root / "b.mp4"]
    assert items_of(moving, clips=True, folders=[root]) == [(path,) for path in moving]
    nested = [root / "run" / "1.png", root / "run" / "2.png", root / "walk" / "1.png", root / "walk" / "2.png"]
    assert items_of(nested, clips=True, folders=[root]) == [tuple(nested[:2]), tuple(nested[2:])]


def test_the_tasks_are_called_as_the_catalogue_calls_them() -> None:
    """What an attachment's task is: nothing would be shown of one that is called otherwise."""
    tasks = {row.task for row in catalogue().values()}
    assert {FLOW, VIDEO, *LISTED, "classification"} == tasks
