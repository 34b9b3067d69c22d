"""Images by the thousand: added in turns, small pictures of what is in view alone, and few of them kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from inspector.session import QueueLoop
from inspector.session.clients import Worker
from inspector.session.failure import Failure
from inspector.session.images import _SLICE, Images
from inspector.session.state import ImageItem
from inspector.session.store import Store
from inspector.session.thumbnails import Thumbnails

WIDTH, HEIGHT = 40, 30
BYTES = 3 * WIDTH * HEIGHT


class FakeWorker:
    """Takes requests, and answers them when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], Callable[..., None], Callable[[Failure], None]]] = []

    def request(
        self,
        method: str,
        params: dict[str, Any],
        buffers: list[bytes],
        done: Callable[..., None],
        failed: Callable[[Failure], None],
    ) -> None:
        self.asked.append((method, params, done, failed))

    @property
    def names(self) -> list[str]:
        return [Path(params["path"]).stem for _, params, _, _ in self.asked]

    def answer(self) -> str:
        """Answer the oldest request for a thumbnail; return the image's name."""
        _, params, done, _ = self.asked.pop(0)
        size = {"width": WIDTH, "height": HEIGHT, "original_width": 400, "original_height": 300}
        done(size, [bytearray(BYTES)])
        return Path(params["path"]).stem


class Gallery:
    """A store with images called by their numbers, and who makes their thumbnails."""

    def __init__(self, count: int, kept_bytes: int = 1_000_000) -> None:
        self.store, self.worker = Store(), FakeWorker()
        numbers = range(1, count + 1)
        self.store.images.update((number, ImageItem(number, Path(f"/{number}.png"))) for number in numbers)
        self.thumbnails = Thumbnails(self.store, cast(Worker, self.worker), kept_bytes=kept_bytes)

    def answer_all(self) -> list[str]:
        names = []
        while self.worker.asked:
            names.append(self.worker.answer())
        return names

    def made(self) -> list[int]:
        return [item.id for item in self.store.images.values() if item.thumbnail is not None]


def test_only_what_is_in_view_is_made_two_at_a_time_in_the_order_of_the_wish() -> None:
    gallery = Gallery(1_000)
    assert gallery.worker.asked == []
    gallery.thumbnails.want("strip", [5, 6, 7, 4])
    assert gallery.worker.names == ["5", "6"]
    assert gallery.answer_all() == ["5", "6", "7", "4"]
    assert gallery.made() == [4, 5, 6, 7]


def test_what_was_scrolled_away_is_not_made_and_the_newest_view_comes_first() -> None:
    gallery = Gallery(1_000)
    gallery.thumbnails.want("strip", list(range(1, 50)))
    gallery.thumbnails.want("table", [300, 301])
    gallery.thumbnails.want("strip", [900])
    assert gallery.answer_all() == ["1", "2", "900", "300", "301"]
    gallery.thumbnails.want("strip", [900, 1])  # both are there
    assert gallery.worker.asked == []


def test_a_bounded_number_is_kept_and_never_less_than_what_is_in_view() -> None:
    gallery = Gallery(100, kept_bytes=10 * BYTES)
    told: list[int] = []
    gallery.store.image_changed.connect(told.append)
    for first in range(1, 91, 5):
        gallery.thumbnails.want("strip", list(range(first, first + 5)))
        gallery.answer_all()
        assert set(range(first, first + 5)) <= set(gallery.made())
    assert gallery.made() == list(range(81, 91))
    assert gallery.thumbnails.kept_bytes == 10 * BYTES
    assert told.count(1) == 2  # made, and let go
    gallery.thumbnails.want("strip", list(range(1, 31)))
    gallery.answer_all()
    assert gallery.made() == list(range(1, 31))


def test_a_broken_image_is_asked_for_once_and_says_why() -> None:
    gallery = Gallery(3)
    gallery.thumbnails.want("strip", [1, 2, 3])
    gallery.worker.asked.pop(0)[3](Failure("1.png is damaged."))
    gallery.answer_all()
    gallery.thumbnails.want("strip", [3, 1])
    assert gallery.worker.asked == []
    failure = gallery.store.images[1].failure
    assert failure is not None
    assert failure.message == "1.png is damaged."


def test_an_image_that_was_removed_meanwhile_is_forgotten() -> None:
    gallery = Gallery(3)
    gallery.thumbnails.want("strip", [1, 2, 3])
    del gallery.store.images[1], gallery.store.images[3]
    assert gallery.answer_all() == ["1", "2"]
    del gallery.store.images[2]
    gallery.thumbnails.forget_removed()
    assert gallery.thumbnails.kept_bytes == 0


# -- adding --------------------------------------------------------------------------------------------------------


class Adding:
    """Images of a fake folder, added by turns."""

    def __init__(self) -> None:
        self.store, self.worker, self.loop = Store(), FakeWorker(), QueueLoop()
        self.images = Images(self.store, self.loop, cast(Worker, self.worker), lambda *_: None)
        self.added: list[list[int]] = []
        self.sizes: list[int] = []
        self.store.images_changed.connect(lambda: self.sizes.append(len(self.store.images)))

    def drop(self, count: int, name: str = "a") -> None:
        """Drop a folder, and have the worker list it: the first of its images are added."""
        self.images.add([Path("/folder")], self.added.append)
        _, _, done, _ = self.worker.asked.pop(0)
        done({"images": [f"/folder/{name}{number}.png" for number in range(count)], "left_out": 0}, [])


def test_ten_thousand_images_are_added_in_turns_each_of_them_once() -> None:
    adding = Adding()
    adding.drop(10_000)
    assert adding.sizes == [_SLICE]  # the window can paint in between
    assert adding.images.unlisted == 10_000 - _SLICE
    assert adding.store.adding
    adding.loop.run_until(lambda: not adding.images.unlisted)
    assert not adding.store.adding
    assert [item.name for item in adding.store.images.values()] == [f"a{number}.png" for number in range(10_000)]
    assert [number for numbers in adding.added for number in numbers] == list(adding.store.images)
    adding.drop(10_000)
    adding.loop.run_until(lambda: not adding.images.unlisted)
    assert len(adding.store.images) == 10_000
    assert sum(map(len, adding.added)) == 20_000  # known ones are told as well


def test_clearing_while_images_are_added_ends_it() -> None:
    adding = Adding()
    adding.drop(3 * _SLICE)
    adding.images.clear()
    adding.drop(2, "b")
    adding.loop.run_until(lambda: not adding.images.unlisted)
    assert [item.name for item in adding.store.images.values()] == ["b0.png", "b1.png"]


def test_clearing_while_a_folder_is_listed_ends_it() -> None:
    adding = Adding()
    adding.images.add([Path("/folder")], adding.added.append)
    adding.images.clear()
    _, _, done, _ = adding.worker.asked.pop(0)
    done({"images": ["/folder/a.png"], "left_out": 0}, [])
    adding.drop(1, "b")
    assert [item.name for item in adding.store.images.values()] == ["b0.png"]
    assert (len(adding.added), adding.images.unlisted) == (1, 0)


def test_a_removed_image_can_be_added_again() -> None:
    adding = Adding()
    adding.drop(2)
    first = adding.added[0][0]
    adding.images.remove(first)
    adding.drop(2)
    assert [item.name for item in adding.store.images.values()] == ["a1.png", "a0.png"]
    assert first not in adding.store.images


@pytest.mark.parametrize("count", [0, 1, _SLICE, _SLICE + 1])
def test_every_count_is_told_to_its_end(count: int) -> None:
    adding = Adding()
    adding.drop(count)
    adding.loop.run_until(lambda: not adding.images.unlisted)
    assert sum(map(len, adding.added)) == count
    assert len(adding.added) == max(1, -(-count // _SLICE))
