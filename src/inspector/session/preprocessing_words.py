"""How images are prepared, in words and as text that a person can change."""

from __future__ import annotations

from typing import Any

#: Told with every preprocessing; not numbers.
NOT_NUMBERS = ("source", "name")

INTERPOLATIONS = ("nearest", "bilinear", "bicubic")

#: What the keys of a preprocessing are called, in the order in which they are shown.
NAMES = {
    "resize_size": "Resize to",
    "min_size": "Shorter side",
    "max_size": "Longer side at most",
    "fixed_size": "Resize to",
    "crop_size": "Crop to",
    "frames": "Frames",
    "grayscale": "Colour removed",
    "interpolation": "Interpolation",
    "mean": "Mean",
    "std": "Standard deviation",
}

_TIPS = {
    "resize_size": "Pixels of the shorter side; or height, width",
    "min_size": "The shorter side is resized to so many pixels",
    "max_size": "The longer side has at most so many pixels",
    "fixed_size": "Height, width in pixels",
    "crop_size": "Pixels of the square that is cut from the middle; or height, width",
    "frames": "So many go in, evenly spaced over the clip",
    "grayscale": "The image goes in grey",
    "interpolation": "How pixels are filled in where the image is resized",
    "mean": "Subtracted from red, green, blue, which are from 0 to 1",
    "std": "Then divided by this",
}


def tip_of(key: str) -> str:
    """Return what a key means, as a tooltip."""
    return _TIPS.get(key, "")


def source_text(preprocessing: dict[str, Any]) -> str:
    """Return where a preprocessing comes from, in words."""
    source = str(preprocessing.get("source", ""))
    known = {"checkpoint": "the checkpoint's own", "person": "your own", "assumed": "assumed"}
    return known.get(source, source.rpartition(".")[2])


def summary_text(preprocessing: dict[str, Any]) -> str:
    """Return a preprocessing in a few words: ``256, crop 224 · IMAGENET1K_V1``."""
    parts = []
    if "min_size" in preprocessing:
        parts.append(f"{preprocessing['min_size']} to {preprocessing.get('max_size', '')}")
    for key, text in (("resize_size", ""), ("fixed_size", ""), ("crop_size", "crop "), ("frames", "")):
        if key in preprocessing:
            what = f"{text}{value_text(preprocessing[key], ' × ')}"
            parts.append(f"{what} frames" if key == "frames" else what)
    if not parts and "max_size" in preprocessing:
        parts.append(f"at most {preprocessing['max_size']}")
    return " · ".join(filter(None, (", ".join(parts), source_text(preprocessing))))


def value_text(value: Any, between: str = ", ") -> str:
    """Return a number, or several, as text."""
    if isinstance(value, list | tuple):
        return between.join(value_text(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def numbers_from(text: str, like: Any) -> Any:
    """Return the number, or the numbers, that a person wrote, of the kind that the value before had.

    Raises
    ------
    ValueError
        It is no such number; the message is a sentence.
    """
    parts = text.replace("×", ",").replace(";", ",").split(",")
    whole = isinstance(like, int) or (isinstance(like, list | tuple) and all(isinstance(one, int) for one in like))
    try:
        numbers = [int(part) if whole else float(part) for part in parts]
    except ValueError:
        raise ValueError(f"“{text.strip()}” is no {'whole ' if whole else ''}number.") from None
    return numbers[0] if len(numbers) == 1 and not isinstance(like, list | tuple) else numbers
