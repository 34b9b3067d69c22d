"""Images that wait until it is known what their checkpoint is: then it is attached, or it is said why it can't be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inspector.session.state import OpenCheckpoint
from inspector.session.store import Store


class Waiting:
    """Holds the images back, and watches the checkpoints they wait for.

    Parameters
    ----------
    predict
        Predicts images with a checkpoint.
    attach
        Attaches a checkpoint.
    """

    def __init__(
        self, store: Store, predict: Callable[[int, Sequence[int]], object], attach: Callable[[int], None]
    ) -> None:
        self._store, self._predict, self._attach = store, predict, attach
        self._images: dict[int, list[int]] = {}
        store.checkpoint_changed.connect(self._look)

    def add(self, number: int, images: Sequence[int]) -> None:
        """Predict images with a checkpoint as soon as it is matched."""
        self._images.setdefault(number, []).extend(images)
        self._look(number)

    def forget(self, number: int) -> None:
        """Forget the images that wait for a checkpoint."""
        self._images.pop(number, None)

    def _look(self, number: int) -> None:
        """Attach what images wait for, or say why they wait in vain, as soon as that is known."""
        if number not in self._images:
            return
        found = self._store.checkpoints.get(number)
        if found is None or found.phase == "failed":
            self.forget(number)
        elif found.attachable:
            self._predict(number, self._images.pop(number))
            if found.attachment.phase in ("none", "failed"):
                self._attach(number)
        elif found.match_report is not None or _resembles_nothing(found):
            self.forget(number)
            self._store.notice("Choose an architecture that fits, then attach, to predict these images.", "warning")
        elif found.summary is not None and found.state_dict is None:
            self.forget(number)
            self._store.notice(f"{found.name} holds no model to predict these images with.", "warning")


def _resembles_nothing(found: OpenCheckpoint) -> bool:
    """Whether no architecture is compared with it by itself: none resembles it, and it names none."""
    named = found.summary.embedded.architecture if found.summary is not None else None
    return found.identification is not None and not found.identification.candidates and named is None
