"""Which open checkpoint a new one is worth comparing with: a person who opens two of one model wants to know."""

from __future__ import annotations

from collections.abc import Set
from itertools import islice

from inspector.checkpoint.summary import CheckpointSummary
from inspector.session.state import OpenCheckpoint
from inspector.session.store import Store

#: Tensors that are looked at, and the share of them that must look alike.
_SAMPLE = 400
_ALIKE = 0.3
_MARKS = 4_000


def comparable(store: Store, number: int) -> OpenCheckpoint | None:
    """Return the open checkpoint, the latest first, with tensors that are called and shaped like another one's."""
    new = store.checkpoints.get(number)
    if new is None or new.summary is None or not len(new.summary):
        return None
    sample = _marks(new.summary, max(1, len(new.summary) // _SAMPLE), _SAMPLE)
    for found in reversed(store.checkpoints.values()):
        if found.id != number and found.summary is not None:
            alike = sample & _marks(found.summary, max(1, len(found.summary) // _MARKS), _MARKS)
            if len(alike) >= _ALIKE * len(sample):
                return found
    return None


def latest_other(store: Store, number: int) -> OpenCheckpoint | None:
    """Return the checkpoint to compare one with: the latest that is alike, else the latest."""
    others = [one for one in store.checkpoints.values() if one.id != number and one.summary is not None]
    return comparable(store, number) or (others[-1] if others else None)


def _marks(summary: CheckpointSummary, step: int, most: int) -> Set[tuple[str, tuple[int, ...]]]:
    """Return the ends of names, which wrappers leave alone, with shapes."""
    tensors = islice(range(0, len(summary), step), most)
    return {(".".join(summary.names[tensor].rsplit(".", 2)[-2:]), summary.shape(tensor)) for tensor in tensors}
