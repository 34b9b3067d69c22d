"""Which image comes after which in the strip, told without walking through thousands for each."""

from __future__ import annotations

from typing import Any


class Order:
    """The numbers of a growing mapping in their order, listed anew only when it has changed.

    A mapping keeps its keys in the order in which they were added, and new ones come last: it is as it was listed
    where it has as many keys, and the same last one.

    Attributes
    ----------
    listings
        How often it was listed.
    """

    def __init__(self) -> None:
        self.listings = 0
        self._numbers: list[int] = []
        self._places: dict[int, int] = {}

    def after(self, images: dict[int, Any], image: int) -> int | None:
        """Return the number after one, None after the last, and of one that is not there."""
        return self._beside(images, image, 1)

    def before(self, images: dict[int, Any], image: int) -> int | None:
        """Return the number before one, None before the first, and of one that is not there."""
        return self._beside(images, image, -1)

    def _beside(self, images: dict[int, Any], image: int, step: int) -> int | None:
        if image not in images:
            return None
        last = self._numbers[-1] if self._numbers else None
        if len(images) != len(self._numbers) or next(reversed(images)) != last:
            self.listings += 1
            self._numbers = list(images)
            self._places = {number: place for place, number in enumerate(self._numbers)}
        place = self._places[image] + step
        return self._numbers[place] if 0 <= place < len(self._numbers) else None
