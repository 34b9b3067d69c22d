"""Names for new files that replace none: neither one that is there, nor one another."""

from __future__ import annotations

import os
from pathlib import Path

#: Bytes of a name in a folder, on all usual file systems.
_MOST_BYTES = 255


class FreeNames:
    """Gives the copies of images names in a folder: ``dog.png``, ``dog-2.png``.

    Parameters
    ----------
    folder
        Where they will be; it is looked at once.
    suffix
        What follows the image's name: ``-predicted``.
    """

    def __init__(self, folder: Path, suffix: str = "") -> None:
        self._folder, self._suffix = folder, suffix
        self._taken = {name.casefold() for name in os.listdir(folder)} if folder.is_dir() else set()
        self._last: dict[str, int] = {}  # the number of the last copy, so that thousands of one name are found fast

    def take(self, stem: str) -> Path:
        """Return a path that is no one's, for the copy of an image that is called so; capitals make no difference."""
        count = self._last.get(stem.casefold(), 0) + 1
        while (name := self._name(stem, count)).casefold() in self._taken:
            count += 1
        self._last[stem.casefold()] = count
        self._taken.add(name.casefold())
        return self._folder / name

    def _name(self, stem: str, count: int) -> str:
        end = f"{self._suffix}.png" if count == 1 else f"{self._suffix}-{count}.png"
        return _cut(stem, _MOST_BYTES - len(end.encode())) + end


def _cut(text: str, most: int) -> str:
    """Return a text of at most so many bytes, whole characters."""
    encoded = text.encode("utf-8", "surrogateescape")
    return text if len(encoded) <= most else encoded[:most].decode("utf-8", "ignore")
