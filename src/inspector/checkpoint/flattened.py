"""State dicts that were flattened to be saved: nested again by the path of each value."""

from __future__ import annotations

from typing import TypeGuard

from inspector.checkpoint.limits import MAX_DEPTH
from inspector.checkpoint.values import PickledDict, Value

_Path = tuple[str | int, ...]

#: Indices of list items beyond this are none.
_MOST_ITEMS = 1 << 31


class _Branch:
    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[str | int, _Branch | Value] = {}


def nest(values: dict[str, Value], paths: Value) -> PickledDict:
    """Return the values as they were nested before they were saved.

    Parameters
    ----------
    values
        By flat, dotted name.
    paths
        A dict from each flat name to the keys (text) and list indices (int) that lead to it, as
        ``torch/distributed/checkpoint/_nested_dict.py`` makes it; a value without a usable path keeps its flat name.
    """
    known = paths.named() if isinstance(paths, PickledDict) else {}
    root = _Branch()
    for name, value in values.items():
        path = known.get(name)
        if not _is_path(path) or not _put(root, path, value):
            _put(root, (name,), value)
    made = _made(root)
    return made if isinstance(made, PickledDict) else PickledDict("dict", ["", made])


def _is_path(path: Value) -> TypeGuard[_Path]:
    return (
        isinstance(path, tuple)
        and 0 < len(path) <= MAX_DEPTH
        and type(path[0]) is str
        and all(type(key) is str or (type(key) is int and 0 <= key < _MOST_ITEMS) for key in path)
    )


def _put(branch: _Branch, path: _Path, value: Value) -> bool:
    """Hang a value in; False, with nothing changed but empty branches, where something else is in the way."""
    for key in path[:-1]:
        following = branch.entries.setdefault(key, _Branch())
        if not isinstance(following, _Branch):
            return False
        branch = following
    if path[-1] in branch.entries:
        return False
    branch.entries[path[-1]] = value
    return True


def _made(branch: _Branch) -> Value:
    made = {key: _made(item) if isinstance(item, _Branch) else item for key, item in branch.entries.items()}
    if made and all(type(key) is int for key in made) and max(map(int, made)) == len(made) - 1:
        return [made[place] for place in range(len(made))]
    return PickledDict("dict", [piece for entry in made.items() for piece in entry])
