"""Names of tensors as names of records in an ``.npz``: harmless to ``numpy.load`` and to ``unzip`` alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

#: What no system's file names may hold, or that leads elsewhere.
_UNSAFE = frozenset('/\\:*?"<>|')
#: Bytes of a name: with its suffix and a number, less than the 255 that file systems allow.
_MOST_BYTES = 200
_SUFFIX = ".npy"


def safe_names(names: Iterable[str]) -> Iterator[str]:
    """Return a name for each name, unlike all others: the same where it is harmless.

    What would be a path, a control character or one that reorders text is ``_``; a second one of the same name is
    ``name~2``.
    """
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for name in names:
        wanted = _safe(name)
        found = wanted
        while found in taken:
            counts[wanted] = counts.get(wanted, 1) + 1
            found = f"{wanted}~{counts[wanted]}"
        taken.add(found)
        yield found


def _safe(name: str) -> str:
    made = "".join("_" if letter in _UNSAFE or not letter.isprintable() else letter for letter in name)
    if made.lower().endswith(_SUFFIX):  # numpy takes the suffix off, and would confuse it with the one without
        made = f"{made[: -len(_SUFFIX)]}_npy"
    made = made.encode()[:_MOST_BYTES].decode(errors="ignore")
    return "_" * len(made) if set(made) <= {"."} and made else made or "tensor"
