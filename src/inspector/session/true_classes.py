"""What class an image really is of, where its folder or its file's name says so.

Two customs are known. A data set that torchvision's ``ImageFolder`` reads has a folder for each class, called by its
name or its WordNet id. The files of ImageNet begin with the id: ``n01440764_18.JPEG``.

The shipped ``wordnet_ids.txt`` lists the ids of the 1,000 classes of ImageNet's challenge, line by line in the classes'
order, which is the order of the ids: ILSVRC 2012, O. Russakovsky et al., "ImageNet Large Scale Visual Recognition
Challenge", IJCV 2015.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import PurePath

from inspector.shipped import shipped_path

_WORDNET = re.compile(r"n\d{8}(?!\d)")
_BETWEEN_WORDS = re.compile(r"[\s_\-]+")


@cache
def wordnet_classes() -> dict[str, int]:
    """Return the number of ImageNet's class by its WordNet id, such as ``"n01440764"``."""
    lines = shipped_path("architectures/wordnet_ids.txt").read_text(encoding="ascii").split()
    return {line: index for index, line in enumerate(lines)}


@cache
def _imagenet_names() -> tuple[str, ...]:
    shipped = json.loads(shipped_path("architectures/categories.json").read_text(encoding="utf-8"))
    return tuple(shipped["ImageNet-1K"])


def plain_label(label: str) -> str:
    """Return a label as it is compared: ``Great_white-shark`` and ``great white shark`` are one."""
    return _BETWEEN_WORDS.sub(" ", label).strip().casefold()


class TrueClasses:
    """The classes of one model, found by what an image's path says.

    Parameters
    ----------
    labels
        The name of each class of the model, in order; a class without a name is called by its number.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self._exact = _unique(self.labels)
        self._plain = _unique([plain_label(label) for label in self.labels])
        self._wordnet = self._by_wordnet()

    def _by_wordnet(self) -> dict[str, int]:
        names = _imagenet_names()
        numbered = all(label == str(index) for index, label in enumerate(self.labels))
        if len(self.labels) == len(names) and (numbered or self.labels == names):
            return wordnet_classes()
        # Two names of ImageNet stand for two classes each, so an id is looked up by its name only where that is one's.
        named = _unique([plain_label(name) for name in names])
        return {
            wordnet: self._plain[plain]
            for wordnet, index in wordnet_classes().items()
            if (plain := plain_label(names[index])) in self._plain and plain in named
        } | {wordnet: self._exact[wordnet] for wordnet in wordnet_classes() if wordnet in self._exact}

    def of(self, path: PurePath) -> int | None:
        """Return the number of the class that an image is of, None where its path does not tell."""
        folder = path.parent.name
        for known, name in ((self._exact, folder), (self._plain, plain_label(folder)), (self._wordnet, folder)):
            if (found := known.get(name)) is not None:
                return found
        begin = _WORDNET.match(path.name)
        return self._wordnet.get(begin[0]) if begin is not None else None


def _unique(names: Sequence[str]) -> dict[str, int]:
    """Return the place of each name that stands once; one that stands twice tells no class."""
    places: dict[str, int] = {}
    twice: set[str] = set()
    for place, name in enumerate(names):
        if name in places:
            twice.add(name)
        places[name] = place
    return {name: place for name, place in places.items() if name and name not in twice}
