"""What a checkpoint says of itself in plain values under documented keys.

The keys that are honoured are listed in ``docs/embedded-keys.md``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inspector.checkpoint.text import bounded, clean_name
from inspector.checkpoint.values import PickledDict, Value

_MAX_CLASSES = 100_000
_MAX_LABEL_CHARACTERS = 200
_MAX_LEVELS = 4
_MAX_SIDE = 4_096  # as the engine allows

#: Of torchvision's ``ImageClassification`` preset, but for the crop, which must be given.
_PREPROCESSING_DEFAULTS = {
    "resize_size": 256,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "interpolation": "bilinear",
}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


@dataclass(frozen=True, slots=True)
class Embedded:
    """A checkpoint's word about itself. Every field is None (or empty) where it says nothing usable.

    Attributes
    ----------
    architecture
        A torchvision builder's name.
    num_classes
        Size of the classifier.
    class_names
        Labels by class index.
    preprocessing
        ``resize_size``, ``crop_size`` (pixels), ``mean``, ``std`` (three each, of values in 0..1) and
        ``interpolation``; what is not given is the architecture's own.
    description
        One line about the checkpoint.
    """

    architecture: str | None = None
    num_classes: int | None = None
    class_names: tuple[str, ...] = ()
    preprocessing: dict[str, Any] | None = None
    description: str = ""


def embedded_keys(root: Value, metadata: dict[str, Any]) -> Embedded:
    """Return what the root says of itself; the ``inspector`` table wins over loose keys."""
    table = root.named() if isinstance(root, PickledDict) else dict(metadata)
    own = table.get("inspector")
    if not isinstance(own, PickledDict):
        own = _table_beside(root, metadata)
    inner = own.named() if isinstance(own, PickledDict) else {}
    architecture = _first_text(inner.get("architecture"), table.get("architecture"), table.get("arch"))
    classes = inner.get("num_classes", table.get("num_classes"))
    names = _class_names(inner.get("class_names"))
    for key in ("class_names", "classes", "labels", "idx_to_class", "class_to_idx"):
        names = names or _class_names(table.get(key))
    preprocessing = inner.get("preprocessing", table.get("preprocessing"))
    return Embedded(
        architecture,
        classes if type(classes) is int and 0 < classes <= _MAX_CLASSES else (len(names) or None),
        names,
        _preprocessing(preprocessing) if isinstance(preprocessing, PickledDict) else None,
        _first_text(inner.get("description")) or "",
    )


def kept_texts(root: Value) -> dict[str, str]:
    """Return the texts that a safetensors file held beside its tensors, and that its clean ``.pth`` kept."""
    table = _table_beside(root, {})
    kept = table.get("metadata") if isinstance(table, PickledDict) else None
    entries = kept.named() if isinstance(kept, PickledDict) else {}
    return {key: text for key, text in entries.items() if isinstance(text, str)}


def _table_beside(root: Value, metadata: dict[str, Any]) -> Value:
    """Return the ``inspector`` table of a clean copy, which stands beside the state_dict's entries.

    A ``.pth`` has it as an attribute of the dictionary, safetensors as JSON in a text of its metadata.
    """
    attributes = root.attributes if isinstance(root, PickledDict) else None
    if isinstance(attributes, PickledDict):
        return attributes.get("inspector")
    try:
        return _pickled(json.loads(metadata.get("inspector", "")), 0)
    except (TypeError, ValueError, RecursionError):
        return None


def _pickled(value: Any, level: int) -> Value:
    """Return a JSON value in the form in which a pickle's are read."""
    if isinstance(value, dict) and level < _MAX_LEVELS:
        return PickledDict("dict", [part for key, item in value.items() for part in (key, _pickled(item, level + 1))])
    return value


def _first_text(*values: Value) -> str | None:
    return next((clean_name(value) for value in values if isinstance(value, str) and value), None)


def _class_names(value: Value) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and 0 < len(value) <= _MAX_CLASSES:
        return _bounded_names(value) if all(type(name) is str for name in value) else ()
    if not isinstance(value, PickledDict) or not 0 < len(value) <= _MAX_CLASSES:
        return ()
    names: list[str | None] = [None] * len(value)
    for key, item in value.pairs():
        if type(key) is str and key.isdecimal() and len(key) < 8 and type(item) is str:
            key = int(key)
        index, name = (item, key) if type(key) is str else (key, item)  # class_to_idx, else idx_to_class
        if type(index) is not int or type(name) is not str or not 0 <= index < len(names):
            return ()
        names[index] = name
    found = [name for name in names if name is not None]
    return _bounded_names(found) if len(found) == len(names) else ()


def _bounded_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names fit to be shown; none where they are no names, being far too long together."""
    shown = bounded(clean_name(name[:_MAX_LABEL_CHARACTERS]) for name in names)
    return tuple(shown) if len(shown) == len(names) else ()


def _preprocessing(value: PickledDict) -> dict[str, Any] | None:
    """Return the table with torchvision's own defaults filled in; None where it can't be meant."""
    table = value.named()
    found: dict[str, Any] = dict(_PREPROCESSING_DEFAULTS)
    for key in ("resize_size", "crop_size"):
        size = table.get(key)
        size = size[0] if isinstance(size, list | tuple) and len(size) == 1 else size
        if type(size) is int and 0 < size <= _MAX_SIDE:
            found[key] = size
        elif size is not None:
            return None
    for key in ("mean", "std"):
        numbers = table.get(key)
        if isinstance(numbers, list | tuple) and len(numbers) == 3 and all(map(_is_finite, numbers)):
            found[key] = [float(number) for number in numbers]
        elif numbers is not None:
            return None
    if "interpolation" in table:
        found["interpolation"] = table["interpolation"]
    usable = "crop_size" in found and found["interpolation"] in _INTERPOLATIONS and min(found["std"]) > 0
    return found if usable else None


def _is_finite(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30 and math.isfinite(value)
