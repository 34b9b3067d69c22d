"""Reading an open checkpoint again: the person stays where they are, and a file that can't be read changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.text import clean_name
from inspector.session.clients import Readers
from inspector.session.engine_link import EngineLink
from inspector.session.failure import Failure
from inspector.session.match_state import OfficialCheck
from inspector.session.opening import Opening
from inspector.session.state import Attachment, Freshness, OpenCheckpoint
from inspector.session.store import Store
from inspector.session.viewing import Viewing, first_view


class Reloading:
    """Reloads open checkpoints, in one step each: selection, architecture and attachment are kept where they fit."""

    def __init__(self, store: Store, readers: Readers, opening: Opening, viewing: Viewing, engine: EngineLink) -> None:
        self._store = store
        self._readers = readers
        self._opening = opening
        self._viewing = viewing
        self._engine = engine
        self._cancel: dict[int, Callable[[], None]] = {}
        self._attach_again: dict[int, str] = {}  # architectures by checkpoint
        store.checkpoint_changed.connect(self._attach_when_compared)

    def reload(self, number: int) -> None:
        """Read a checkpoint's file again; what is shown stays until that is done."""
        found = self._store.checkpoints.get(number)
        if found is None or found.summary is None or found.freshness.phase == "reloading":
            return
        self._store.change_checkpoint(number, freshness=Freshness("reloading"))
        self._cancel[number] = self._readers.read(
            found.path, lambda summary: self._take(number, summary), lambda failure: self._failed(number, failure)
        )

    def cancel(self, number: int) -> None:
        """Give a reload up; the change is still offered."""
        self.forget(number)
        found = self._store.checkpoints.get(number)
        if found is not None and found.freshness.phase == "reloading":
            self._store.change_checkpoint(number, freshness=Freshness("changed"))

    def forget(self, number: int) -> None:
        """Forget a checkpoint that is closed."""
        self._attach_again.pop(number, None)
        cancel = self._cancel.pop(number, None)
        if cancel is not None:
            cancel()

    def _failed(self, number: int, failure: Failure) -> None:
        self._cancel.pop(number, None)
        self._store.change_checkpoint(number, freshness=Freshness("failed", failure))

    def _take(self, number: int, summary: CheckpointSummary) -> None:
        self._cancel.pop(number, None)
        before = self._store.checkpoints.get(number)
        if before is None or before.summary is None:
            return
        tensor = _same_tensor(before, summary)
        changes: dict[str, Any] = {
            "summary": summary,
            "freshness": Freshness(),
            "official": OfficialCheck(),
            "was_run": False,
            "tensor": tensor,
            "tensor_view": first_view(summary, tensor) if tensor is not None else None,
        }
        compared = before.match_report is not None or before.state_dict is None
        fits_as_before = compared and _same_layout(before.summary, summary)
        if not fits_as_before:
            self._engine.release(before.attachment)
            changes |= {
                "state_dict": _same_state_dict(before, summary),
                "identification": None,
                "architecture": None,
                "match_report": None,
                "attachment": Attachment(),
            }
        if before.attachment.trusted:
            # What was agreed to is the old file.
            changes["attachment"] = Attachment()
            if before.attachment.phase != "failed":
                self._store.notice(f"{clean_name(before.name)} has changed, so its model runs no more.", "warning")
        elif _is_wanted(before.attachment):
            self._attach_again[number] = before.attachment.architecture
        # The new weights' predictions differ. The old ones go first: listeners ask again for what is missing.
        self._store.drop_predictions(checkpoint=number)
        changed = self._store.change_checkpoint(number, **changes)
        self._store.notice(f"Reloaded {clean_name(before.name)}.")
        self._viewing.read(number)
        if changed is not None and changed.state_dict is not None and not fits_as_before:
            self._opening.identify(changed, _chosen_architecture(before))
        elif changed is not None:
            self._opening.identified(changed)

    def _attach_when_compared(self, number: int) -> None:
        found = self._store.checkpoints.get(number)
        if number not in self._attach_again or found is None or found.freshness.phase == "reloading":
            return
        if found.match_report is None and _is_being_compared(found):
            return
        architecture = self._attach_again.pop(number)
        if found.attachable:
            self._engine.attach(number)
        else:
            name = clean_name(found.name)
            self._store.notice(f"{name} no longer fits {architecture}, so it is not attached any more.", "warning")


def _is_being_compared(found: OpenCheckpoint) -> bool:
    """Tell whether a match report may still come."""
    identified = found.identification
    return found.state_dict is not None and (identified is None or bool(identified.candidates))


def _is_wanted(attachment: Attachment) -> bool:
    """Tell whether there is an attachment, or would be one if the file had not changed."""
    failure = attachment.failure
    return attachment.phase in ("running", "ready") or (failure is not None and failure.kind == "FileChangedError")


def _same_tensor(before: OpenCheckpoint, summary: CheckpointSummary) -> int | None:
    """Return the new index of the selected tensor, by its name; None where there is no such tensor any more."""
    if before.tensor is None or before.summary is None:
        return None
    name = before.summary.names[before.tensor]
    if before.tensor < len(summary) and summary.names[before.tensor] == name:
        return before.tensor
    try:
        return summary.names.index(name)
    except ValueError:
        return None


def _same_state_dict(before: OpenCheckpoint, summary: CheckpointSummary) -> int | None:
    """Return the new index of the chosen state_dict, by its path; the model's where there is none there any more."""
    if before.state_dict is None or before.summary is None:
        return summary.model
    chosen = before.summary.state_dicts[before.state_dict]
    if before.state_dict == before.summary.model:
        return summary.model
    same = (place for place, found in enumerate(summary.state_dicts) if found.path == chosen.path)
    return next(same, summary.model)


def _same_layout(before: CheckpointSummary, after: CheckpointSummary) -> bool:
    """Tell whether every tensor has its name, shape and place: then all that was found out about them still holds."""
    return (
        before.model == after.model
        and [found.path for found in before.state_dicts] == [found.path for found in after.state_dicts]
        and before.embedded.architecture == after.embedded.architecture
        and before.ndims == after.ndims
        and before.shapes == after.shapes
        and before.owners == after.owners
        and before.names == after.names
    )


def _chosen_architecture(before: OpenCheckpoint) -> str | None:
    """Return the architecture the person chose; None where it is the one that was found to fit best."""
    found = before.identification
    best = found.candidates[0].architecture if found is not None and found.candidates else None
    return before.architecture if before.architecture != best else None
