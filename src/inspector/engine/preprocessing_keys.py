"""The numbers of a preprocessing as plain keys: checked one by one, with a sentence where one can't be."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from torchvision.transforms import InterpolationMode

from inspector.engine.problems import PreprocessingError

LARGEST_SIDE = 4096
"""Largest resize and crop, in pixels: a file that asks for more asks for memory, not for a picture."""

INTERPOLATIONS = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
}

#: Told with every preprocessing; who gives keys may give them back, see `inspector.engine.choosing`.
SOURCE, NAME = "source", "name"


def unusable(what: str) -> PreprocessingError:
    """Return the error of keys that can't be used."""
    return PreprocessingError(
        f"The checkpoint's preprocessing {what}.", "The architecture's own preprocessing can be used instead."
    )


def refuse_unknown(keys: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse keys that mean nothing for the task."""
    unknown = sorted(set(map(str, keys)) - set(known) - {SOURCE, NAME})
    if unknown:
        raise unusable(f"has the unknown key {unknown[0]}")


def side(keys: Mapping[str, Any], key: str, least: int = 1, most: int = LARGEST_SIDE) -> int:
    """Return a whole number within bounds."""
    value = keys[key]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise unusable(f"has a {key} that is not a whole number from {least} to {most}")
    return value


def sides(keys: Mapping[str, Any], key: str) -> tuple[int, ...]:
    """Return one whole number, or the two of a pair (height, width)."""
    value = keys[key]
    if isinstance(value, list | tuple):
        if len(value) not in (1, 2):
            raise unusable(f"has a {key} that is neither one number nor a pair")
        return tuple(side({key: one}, key) for one in value)
    return (side(keys, key),)


def pair(keys: Mapping[str, Any], key: str) -> tuple[int, int]:
    """Return a height and a width; one number stands for both."""
    found = sides(keys, key)
    return found[0], found[-1]


def channels(keys: Mapping[str, Any], key: str) -> tuple[float, ...]:
    """Return three numbers; one stands for all."""
    value = keys[key]
    if not isinstance(value, list | tuple) or len(value) not in (1, 3):
        raise unusable(f"has a {key} that is not a list of 1 or 3 numbers")
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in value):
        raise unusable(f"has a {key} with something other than numbers in it")
    return tuple(float(x) for x in (value if len(value) == 3 else value * 3))


def deviations(keys: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the three numbers of ``std``, which are divided by."""
    std = channels(keys, "std")
    if min(std) <= 0:
        raise unusable("has a std that is not positive")
    return std


def interpolation(keys: Mapping[str, Any]) -> str:
    """Return the name of a way to resize; ``bilinear`` where none is given."""
    value = keys.get("interpolation", "bilinear")
    if not isinstance(value, str) or value not in INTERPOLATIONS:
        raise unusable(f"asks for an interpolation other than {', '.join(INTERPOLATIONS)}")
    return value
