"""Which frames of a clip are taken. A leaf: the window, which sends them, asks it as well as whoever decodes them."""

from __future__ import annotations


def evenly_spaced(there: int, wanted: int) -> list[int]:
    """Return ``wanted`` places of ``there`` frames, evenly spaced from the first to the last.

    Where there are fewer, some come several times.
    """
    if wanted == 1:
        return [(there - 1) // 2]
    return [round(place * (there - 1) / (wanted - 1)) for place in range(wanted)]


def first_frames(there: int, wanted: int) -> list[int]:
    """Return the places of the first frames."""
    return list(range(min(there, wanted)))
