"""Two checkpoints on the same images: which two, and that both have predictions."""

from __future__ import annotations

from collections.abc import Callable

from inspector.session.store import Store


class SideBySide:
    """The comparison of two checkpoints' predictions; it ends when one of them is closed.

    Parameters
    ----------
    predict_all
        Predicts all images with an attached checkpoint.
    attach
        Attaches a checkpoint, which then predicts all images by itself.
    """

    def __init__(self, store: Store, predict_all: Callable[[int], None], attach: Callable[[int], None]) -> None:
        self._store = store
        self._predict_all = predict_all
        self._attach = attach
        store.checkpoints_changed.connect(self._end_with_checkpoint)

    def compare(self, first: int, second: int | None) -> None:
        """Compare two open checkpoints on all images; what one of them lacks is attached and predicted.

        Parameters
        ----------
        second
            None ends the comparison. A checkpoint is not compared with itself.
        """
        pair = (first, second) if second is not None else None
        if pair is None or first == second or not all(number in self._store.checkpoints for number in pair):
            self._store.set_comparison(None)
            return
        self._store.set_comparison(pair)
        for number in pair:
            self._need(number)

    def _need(self, number: int) -> None:
        found = self._store.checkpoints[number]
        if found.attachment.phase == "ready":
            self._predict_all(number)
        elif found.attachment.phase in ("none", "failed") and found.attachable:
            self._attach(number)
        elif found.attachment.phase != "running":
            self._store.notice(f"{found.name} must be attached before it can be compared.", "warning")

    def _end_with_checkpoint(self) -> None:
        pair = self._store.comparison
        if pair is not None and not all(number in self._store.checkpoints for number in pair):
            self._store.set_comparison(None)
