"""The order in which people count: ``image2`` before ``image10``. A leaf, for the window and its processes alike."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")

NaturalKey = tuple[str | tuple[int, str], ...]
"""Texts and numbers in turns: a number by how many digits it has, and then by them, however many they are."""


def natural_key(text: str) -> NaturalKey:
    """Return a key that puts ``image2`` before ``image10``, and capitals beside small letters."""
    parts: list[str | tuple[int, str]] = []
    for place, part in enumerate(_DIGITS.split(text.casefold())):
        significant = part.lstrip("0")
        parts.append((len(significant), significant) if place % 2 else part)  # every second part is digits
    return tuple(parts)
