"""Opening checkpoints: the reader reads, the worker identifies and compares with an architecture."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from inspector.checkpoint.source import FileIdentity
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session.clients import Readers, Worker
from inspector.session.failure import Failure
from inspector.session.loop import Loop
from inspector.session.match_state import (
    ArchitectureInfo,
    Candidate,
    Identification,
    MatchChoices,
    MatchReport,
    OfficialCheck,
)
from inspector.session.state import Attachment, OpenCheckpoint
from inspector.session.store import Store


class Opening:
    """Commands about what is open and what it is compared with.

    Parameters
    ----------
    identified
        Called once it is known what fits a file.
    """

    def __init__(
        self,
        store: Store,
        loop: Loop,
        readers: Readers,
        worker: Worker,
        identified: Callable[[OpenCheckpoint], None],
    ) -> None:
        self._store = store
        self._loop = loop
        self._readers = readers
        self._worker = worker
        self.identified = identified
        self._cancel: dict[int, Callable[[], None]] = {}
        self._catalogue_asked = False

    def open(self, path: str | os.PathLike[str]) -> int:
        """Open a checkpoint, or bring it forward when it is open already; return its id."""
        absolute = Path(os.path.abspath(path))
        for found in self._store.checkpoints.values():
            if found.path == absolute and found.phase != "failed":
                self.show(found.id)
                return found.id
        for failed in [found.id for found in self._store.checkpoints.values() if found.path == absolute]:
            del self._store.checkpoints[failed]
        number = self._store.next_id()
        self._store.checkpoints[number] = OpenCheckpoint(number, absolute)
        self._store.current = number
        self._store.checkpoints_changed.emit()
        self._cancel[number] = self._readers.read(
            absolute, lambda summary: self._read(number, summary), lambda failure: self._failed(number, failure)
        )
        return number

    def changed_since(self, path: str | os.PathLike[str]) -> int | None:
        """Return the id of the open checkpoint of that path, if its file is no longer the one that was read."""
        absolute = Path(os.path.abspath(path))
        for found in self._store.checkpoints.values():
            if found.path == absolute and found.summary is not None:
                try:
                    same = all(FileIdentity.of(file.path) == file.identity for file in found.summary.files)
                    return None if same else found.id
                except OSError:
                    return None  # it is gone: what was read is all there is
        return None

    def show(self, number: int) -> None:
        """Make an open checkpoint the current one."""
        if number in self._store.checkpoints and self._store.current != number:
            self._store.current = number
            self._store.checkpoints_changed.emit()

    def close(self, number: int) -> None:
        """Close a checkpoint; one that is still being read is given up."""
        cancel = self._cancel.pop(number, None)
        if cancel is not None:
            cancel()
        order = list(self._store.checkpoints)
        if number not in order:
            return
        place = order.index(number)
        del self._store.checkpoints[number]
        order.remove(number)
        if self._store.current == number:
            self._store.current = order[min(place, len(order) - 1)] if order else None
        self._store.drop_predictions(checkpoint=number)
        self._store.checkpoints_changed.emit()

    def _failed(self, number: int, failure: Failure) -> None:
        self._cancel.pop(number, None)
        self._store.change_checkpoint(number, phase="failed", failure=failure)
        self._store.notice(failure.sentence, "error")

    def _read(self, number: int, summary: CheckpointSummary) -> None:
        self._cancel.pop(number, None)
        found = self._store.change_checkpoint(number, phase="ready", summary=summary, state_dict=summary.model)
        if found is not None and summary.model is not None:
            # The tree first: starting the worker takes as long as painting it.
            self._loop.post_idle(lambda: self.identify(found))

    # -- identification and match ------------------------------------------------------------------------------

    def identify(self, found: OpenCheckpoint, chosen: str | None = None) -> None:
        """Find the architectures that fit, and compare with ``chosen``, else what the file names, else the best."""
        assert found.summary is not None
        assert found.state_dict is not None
        wanted = chosen or found.summary.embedded.architecture
        self.load_catalogue()  # answered first, so that the wanted architecture is known or not

        def then() -> None:
            identification = self._store.checkpoints[found.id].identification
            best = identification.candidates[0].architecture if identification and identification.candidates else None
            self.choose_architecture(found.id, wanted if self._is_known(wanted) else best)

        self._ask_what_fits(found, then)

    def _ask_what_fits(self, found: OpenCheckpoint, then: Callable[[], None]) -> None:
        """Find the architectures that fit the chosen state_dict, its keys renamed; call ``then`` when that is known."""
        summary, state_dict, renames = found.summary, found.state_dict, found.choices.renames
        if summary is None or state_dict is None:
            return

        def done(result: dict[str, Any], _: list[bytearray]) -> None:
            now = self._store.checkpoints.get(found.id)
            same = now is not None and now.summary is summary and now.state_dict == state_dict
            if same and now is not None and now.choices.renames == renames:  # else something was chosen meanwhile
                changed = self._store.change_checkpoint(found.id, identification=_identification(result))
                then()
                if changed is not None and not renames:
                    self.identified(changed)

        def failed(failure: Failure) -> None:
            if failure.kind != "RenameError":  # the match report tells that
                self._tell(failure)

        params = {"renames": renames, "class_name": summary.state_dicts[state_dict].class_name}
        self._worker.request("identify", params, shape_columns(summary, state_dict), done, failed)

    def _is_known(self, architecture: str | None) -> bool:
        return any(row.name == architecture for row in self._store.catalogue)

    def _tell(self, failure: Failure) -> None:
        self._store.notice(failure.sentence, "error")

    def load_catalogue(self) -> None:
        """Ask the worker for the list of architectures."""

        def done(result: dict[str, Any], _: list[bytearray]) -> None:
            self._store.catalogue = tuple(ArchitectureInfo(*row) for row in result["architectures"])
            self._store.catalogue_changed.emit()

        def failed(failure: Failure) -> None:
            self._catalogue_asked = False
            self._tell(failure)

        if not self._catalogue_asked:
            self._catalogue_asked = True
            self._worker.request("catalogue", {}, [], done, failed)

    def choose_architecture(self, number: int, architecture: str | None, num_classes: int | None = None) -> None:
        """Choose what to compare the state_dict with; the match report follows."""
        found = self._store.checkpoints.get(number)
        if found is None or found.summary is None or found.state_dict is None or architecture is None:
            return
        same = found.architecture == architecture
        choices = found.choices if same else replace(found.choices, partial=False, assumed=())
        kept = found.attachment.trusted or found.attachment.architecture == architecture
        attachment = found.attachment if kept else Attachment()
        changed = self._store.change_checkpoint(
            number,
            architecture=architecture,
            choices=replace(choices, num_classes=num_classes),
            match_report=None,
            attachment=attachment,
        )
        if attachment is not found.attachment:
            self._store.drop_predictions(checkpoint=number)
        if changed is not None:
            self._compare(changed)

    def choose_match(self, number: int, choices: MatchChoices) -> None:
        """Compare and attach otherwise; what was attached before is forgotten."""
        found = self._store.checkpoints.get(number)
        if found is None or found.choices == choices:
            return
        attachment = found.attachment if found.attachment.trusted else Attachment()
        changed = self._store.change_checkpoint(number, choices=choices, attachment=attachment)
        if found.attachment.phase != "none" and attachment is not found.attachment:
            self._store.drop_predictions(checkpoint=number)
        if changed is not None and _about_keys(choices) != _about_keys(found.choices):
            self._compare(changed)
        if changed is not None and choices.renames != found.choices.renames:
            self._ask_what_fits(changed, lambda: None)

    def _compare(self, found: OpenCheckpoint) -> None:
        """Ask for the match report; one that the choices have gone past meanwhile is dropped."""
        summary, state_dict, number = found.summary, found.state_dict, found.id
        if summary is None or state_dict is None or found.architecture is None:
            return
        wanted = _compared(found)

        def is_wanted() -> bool:
            now = self._store.checkpoints.get(number)
            return now is not None and now.summary is summary and _compared(now) == wanted

        def done(result: dict[str, Any], buffers: list[bytearray]) -> None:
            if is_wanted():
                report = _match_report(summary, state_dict, result, buffers[0])
                self._store.change_checkpoint(number, match_report=report, match_failure=None)

        def failed(failure: Failure) -> None:
            if failure.kind != "RenameError":
                self._tell(failure)
            elif is_wanted():
                self._store.change_checkpoint(number, match_failure=failure)

        choices = found.choices
        params = {
            "architecture": found.architecture,
            "num_classes": choices.num_classes,
            "wrapper": choices.wrapper,
            "renames": choices.renames,
        }
        self._worker.request("match", params, shape_columns(summary, state_dict), done, failed)

    def choose_state_dict(self, number: int, state_dict: int) -> None:
        """Choose which state_dict of the checkpoint is identified and attached."""
        found = self._store.checkpoints.get(number)
        if found is None or found.summary is None or found.state_dict == state_dict:
            return
        self._store.drop_predictions(checkpoint=number)
        changed = self._store.change_checkpoint(
            number,
            state_dict=state_dict,
            identification=None,
            architecture=None,
            choices=MatchChoices(),
            match_report=None,
            match_failure=None,
            official=OfficialCheck(),
            attachment=Attachment(),
        )
        if changed is not None:
            self.identify(changed)

    def choose_labels(self, number: int, path: Path, then: Callable[[], None]) -> None:
        """Take the class names from a text or JSON file, then call ``then``."""

        def done(result: dict[str, Any], _: list[bytearray]) -> None:
            labels = tuple(result["labels"])
            self._store.change_checkpoint(number, labels=labels, labels_file=path.name)
            then()

        self._worker.request("read_labels", {"path": os.path.abspath(path)}, [], done, self._tell)


def _compared(found: OpenCheckpoint) -> tuple[int | None, str | None, MatchChoices]:
    """Return what a match report depends on."""
    return found.state_dict, found.architecture, _about_keys(found.choices)


def _about_keys(choices: MatchChoices) -> MatchChoices:
    """Return the choices without those about attaching alone."""
    return replace(choices, partial=False, dtype="float32", assumed=())


def shape_columns(summary: CheckpointSummary, state_dict: int) -> list[bytes]:
    """Return a state_dict's keys and shapes as the worker takes them."""
    keys, ndims, sizes = summary.keys_and_shapes(state_dict)
    return ["\0".join(keys).encode("utf-8", "surrogatepass"), ndims, sizes]


def _identification(result: dict[str, Any]) -> Identification:
    fields = ("architecture", "score", "matched", "missing", "unexpected", "mismatched", "num_classes", "wrapper")
    candidates = tuple(
        Candidate(**{name: row[name] for name in fields}, twins=tuple(row["twins"])) for row in result["candidates"]
    )
    return Identification(result["match"], candidates)


def _match_report(
    summary: CheckpointSummary, state_dict: int, result: dict[str, Any], targets: bytearray
) -> MatchReport:
    mismatched = tuple((name, tuple(expected), tuple(found)) for name, expected, found in result["mismatched"])
    off = {name for name, _, _ in mismatched}
    marks: dict[int, str] = {}
    found_targets: dict[int, str] = {}
    tensors = summary.tensors_of(state_dict)
    names = targets.decode("utf-8", "surrogatepass").split("\0") if tensors else []
    for tensor, target in zip(tensors, names, strict=True):
        marks[tensor] = "unexpected" if not target else "mismatched" if target in off else "matched"
        if target:
            found_targets[tensor] = target
    return MatchReport(
        architecture=result["architecture"],
        task=result["task"],
        num_classes=result["num_classes"],
        wrapper=result["wrapper"],
        marks=marks,
        targets=found_targets,
        matched=result["matched"],
        unexpected=result["unexpected"],
        missing=tuple(key for key, _ in result["missing"]),
        missing_shapes=tuple(tuple(shape) for _, shape in result["missing"]),
        mismatched=mismatched,
        complete=result["complete"],
        options=result["options"],
        wrappers=tuple(result["wrappers"]),
        ways_out=result["ways_out"],
        assumed=result["assumed"],
        library=result["library"],
        caveat=result["caveat"],
        reshaped={key: tuple(shape) for key, shape in result["reshaped"].items()},
    )
