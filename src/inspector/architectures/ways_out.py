"""What to do about a key that a file and an architecture have in different shapes, as a sentence for the person."""

from __future__ import annotations

import math
from collections.abc import Collection

from inspector.architectures.layouts import Shape

_UNTRAINED = "It stays untrained."


def way_out(key: str, expected: Shape, found: Shape, heads: Collection[str]) -> str:
    """Propose a way out of one mismatch.

    Parameters
    ----------
    key, expected, found
        The architecture's key, its shape there, and the file's.
    heads
        Keys whose shape depends on the number of classes.
    """
    if key in heads and expected[1:] == found[1:]:
        return "Another number of classes: take it from the file's head."
    if len(expected) == len(found) == 4 and expected[0] == found[0] and expected[2:] == found[2:]:
        return f"For {_channels(found[1])}, not {expected[1]}. {_UNTRAINED}"
    if len(expected) == len(found) and expected[:2] == found[:2]:
        return f"Another kernel size. {_UNTRAINED}"
    if math.prod(expected) == math.prod(found):
        how = "transposed" if found == expected[::-1] else "laid out in another shape"
        return f"As many values, {how}. {_UNTRAINED}"
    if len(expected) == len(found) and expected and found:
        wider = {_factor(a, b) for a, b in zip(expected, found, strict=True)} - {1}
        if len(wider) == 1 and None not in wider:
            return f"A variant of another width. {_UNTRAINED}"
    return f"Choose an architecture that fits. {_UNTRAINED}"


def _channels(count: int) -> str:
    return "1 input channel" if count == 1 else f"{count} input channels"


def _factor(expected: int, found: int) -> float | None:
    return found / expected if expected and found else None
