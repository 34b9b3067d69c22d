"""The session: every command a person can give, whether by the window or on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.session.drawing import THRESHOLD
from inspector.session.match_state import MatchChoices
from inspector.session.parts import Parts
from inspector.session.sources import FLOW, VIDEO, previous_image
from inspector.session.state import EngineOptions, OpenCheckpoint

if TYPE_CHECKING:
    from inspector.session.failure import Failure


class Session(Parts):
    """Commands that change the state; the state itself and its signals are in ``store``, what acts on it in `Parts`."""

    _cancels = 0  # how often the person gave up what was waiting

    # -- processes ---------------------------------------------------------------------------------------------

    def warm_up(self, *, engine: bool) -> None:
        """Start the processes that will be needed: the catalogue's worker, and the engine in the background."""
        self._opening.load_catalogue()
        self._trusting.clear_up()
        if engine:
            self.engine.start()

    # The next three by the loop, which makes no call once the session has ended: a window builds itself in steps, and
    # one that comes late must start no process that nobody would end.

    def prepare_to_draw(self) -> None:
        """Have the worker import what a first look at a tensor needs."""
        self._loop.post(lambda: self._worker.request("prepare_to_draw", {}, [], lambda *_: None, lambda *_: None))

    def prepare_views(self) -> None:
        """Start the process that the views of a tensor ask."""
        self._loop.post(lambda: self.weights.warm_up())

    def survey_what_is_shown(self) -> None:
        """Survey the checkpoint that is shown, and from now on every one that will be."""
        self._loop.post(lambda: self.surveying.look_at_shown())

    # -- checkpoints -------------------------------------------------------------------------------------------

    @property
    def current(self) -> OpenCheckpoint | None:
        """The checkpoint whose tab is shown."""
        return self.store.checkpoints.get(self.store.current) if self.store.current is not None else None

    def open(self, path: str | os.PathLike[str]) -> int:
        """Open a checkpoint, or bring it forward; return its id. One that has changed since is read again."""
        stale = self._opening.changed_since(path)
        number = self._opening.open(path)
        if stale is not None:
            self.reload(number)
        return number

    def reload(self, number: int) -> None:
        """Read an open checkpoint's file again; what was read stays until that is done, and where it fails."""
        self._reloading.reload(number)

    def cancel_reload(self, number: int) -> None:
        """Give up reading a file again."""
        self._reloading.cancel(number)

    def dismiss_change(self, number: int) -> None:
        """Stop offering to reload a checkpoint, until its file changes once more."""
        self._watching.dismiss(number)

    def look_at_files(self) -> None:
        """Look whether the files of the open checkpoints have changed. Ask once a second while someone watches."""
        self._watching.look()

    def show(self, number: int) -> None:
        """Make an open checkpoint the current one, and predict with it what it has not seen yet."""
        self._opening.show(number)
        found = self.store.checkpoints.get(number)
        if found is not None and found.attachment.phase == "ready":
            self._predicting.predict_all(number)

    def close(self, number: int) -> None:
        """Close a checkpoint; what is attached is freed."""
        found = self.store.checkpoints.get(number)
        if found is not None:
            self.engine.release(found.attachment)
        self._forget(number)
        self._opening.close(number)

    def save_copy(self, number: int, out: Path, *, force: bool) -> None:
        """Write a clean copy of the chosen state_dict to ``out``; only with ``force`` over a file that is there."""
        self._copying.save(number, out, force=force)

    def save_report(self, number: int, out: Path, *, force: bool) -> None:
        """Write a report about a checkpoint to ``out``; only with ``force`` over a file that is there."""
        self._copying.save_report(number, out, force=force)

    def save_arrays(self, number: int, tensors: Sequence[int], out: Path, *, force: bool) -> None:
        """Write tensors to ``out``: one as ``.npy``, any number as ``.npz``; ``force`` as for a copy."""
        self._copying.save_arrays(number, tensors, out, force=force)

    def cancel_copy(self, number: int) -> None:
        """Give up a file that is being written: a copy, a report, arrays."""
        self._copying.cancel(number)

    def select_tensor(self, number: int, tensor: int | None) -> None:
        """Show a tensor's figures, histogram and picture."""
        self._viewing.select(number, tensor)

    # -- architecture ------------------------------------------------------------------------------------------

    def choose_architecture(self, number: int, architecture: str, num_classes: int | None = None) -> None:
        """Compare the state_dict with an architecture; what was attached before is freed."""
        found = self.store.checkpoints.get(number)
        if found is not None and found.attachment.architecture != architecture:
            self.engine.release(found.attachment)
            self.store.change_checkpoint(number, preprocessing=None)  # it was another architecture's
        self._opening.choose_architecture(number, architecture, num_classes)

    def choose_match(self, number: int, choices: MatchChoices) -> None:
        """Choose how the state_dict is compared and attached; what was attached before is freed."""
        found = self.store.checkpoints.get(number)
        if found is not None and found.choices != choices:
            self.engine.release(found.attachment)
        self._opening.choose_match(number, choices)

    def choose_state_dict(self, number: int, state_dict: int) -> None:
        """Choose the state_dict to identify and attach."""
        found = self.store.checkpoints.get(number)
        if found is not None:
            self.engine.release(found.attachment)
        self._opening.choose_state_dict(number, state_dict)

    def choose_preprocessing(self, number: int, preprocessing: dict[str, Any] | None) -> None:
        """Prepare images by other numbers than the weights' own (None: by those), and attach again with them."""
        found = self.store.change_checkpoint(number, preprocessing=preprocessing)
        if found is not None and found.attachment.phase != "none" and not found.attachment.trusted:
            self.store.drop_predictions(checkpoint=number)
            self.attach(number)

    def choose_labels(self, number: int, path: Path) -> None:
        """Take class names from a file, and attach again with them."""

        def attach_again() -> None:
            found = self.store.checkpoints.get(number)
            if found is not None and found.attachment.phase != "none":
                self.store.drop_predictions(checkpoint=number)
                (self._trusting.again if found.attachment.trusted else self.attach)(number)

        self._opening.choose_labels(number, path, attach_again)

    def trust(self, number: int, source: Path | None = None, *, remember: bool = False) -> None:
        """Run the file's own model as it is, in a process of its own. The person must have agreed to just that.

        Parameters
        ----------
        source
            A folder that holds the code of its classes.
        remember
            Whether the choice holds for this file and this code from now on.
        """
        self._trusting.trust(number, source, remember=remember)

    def trust_if_remembered(self, number: int, ask: Callable[[str], None]) -> None:
        """Run the file's own model if that was agreed to before; else call ``ask`` with what has changed since."""
        self._trusting.trust_if_remembered(number, ask)

    def cancel_attach(self, number: int) -> None:
        """Give up an attachment that is being made."""
        self._predicting.give_up(number)
        found = self.store.checkpoints.get(number)
        trusted = found is not None and found.attachment.trusted
        (self.engine.detach if trusted else self.engine.cancel_attach)(number)

    def detach(self, number: int) -> None:
        """Forget an attachment."""
        self.engine.detach(number)

    def choose_device(self, device: str) -> None:
        """Choose the device to compute on."""
        self.engine.choose_device(device)
        self._trusting.choose_device()

    def choose_engine_options(self, options: EngineOptions) -> None:
        """Choose what is given up for speed, and attach again what is."""
        self.engine.choose_options(options)

    def fall_back_to_cpu(self) -> None:
        """Compute on the CPU from now on, since the device stopped working; the person has agreed."""
        self.engine.fall_back()
        self._trusting.choose_device()

    # -- images ------------------------------------------------------------------------------------------------

    def add_images(self, paths: Sequence[Path]) -> None:
        """Take images (and those in folders) into the strip, and predict them with the current checkpoint.

        Where nothing is attached yet and the best architecture fits completely, it is attached first.
        """
        current, cancels = self.current, self._cancels
        last = next(reversed(self.store.images), None)

        def added(numbers: list[int]) -> None:
            new = next((image for image in numbers if last is None or image > last), None)
            if new is not None:
                self._pair_again(previous_image(self.store, new))  # there is an image after it now
            gone = current is None or current.id not in self.store.checkpoints
            if current is None or gone or cancels != self._cancels:
                return
            if self.store.checkpoints[current.id].attachment.phase in ("running", "ready"):
                self._predicting.predict(current.id, numbers)
            else:
                self._waiting.add(current.id, numbers)

        clips = current is not None and task_of(current) == VIDEO
        self._images.add([Path(os.path.abspath(path)) for path in paths], added, clips=clips)

    def _pair_again(self, number: int | None) -> None:
        """Predict the motion of an image anew: another one comes after it."""
        for found in self.store.checkpoints.values():
            seen = number is not None and (found.id, number) in self.store.predictions
            if number is not None and seen and found.attachment.task == FLOW and found.attachment.phase == "ready":
                self._predicting.again(found.id, [number])

    def save_picture(
        self,
        number: int,
        checkpoint: int,
        out: Path,
        done: Callable[[Failure | None], None],
        *,
        threshold: float = THRESHOLD,
    ) -> None:
        """Save a copy of an image with a checkpoint's prediction drawn on it; ``done`` gets what went wrong."""
        self._images.save_picture(number, checkpoint, out, done, threshold=threshold)

    def select_image(self, number: int, *, large: bool = False) -> None:
        """Make a larger picture of an image that is looked at; ``large`` for one that fills the window."""
        self._images.preview(number, large=large)
        if self.current is not None:
            self._predicting.refetching.look_at(self.current.id, number)

    def predict_again(self, images: Sequence[int]) -> None:
        """Read images and predict them anew with the shown checkpoint: they failed, or their files are others now."""
        if self.current is not None:
            self._attach_if_none(self.current)
            self._thumbnails.make_again(images)
            self._images.preview_again(images)
            self._predicting.again(self.current.id, images)

    def predict_missing(self) -> None:
        """Predict all images that failed or were cancelled, with the shown checkpoint."""
        if self.current is not None:
            self._attach_if_none(self.current)
            self._thumbnails.make_again(self._predicting.predict_missing(self.current.id))

    def _attach_if_none(self, found: OpenCheckpoint) -> None:
        if found.attachment.phase in ("none", "failed") and not found.attachment.trusted:
            self.attach(found.id)

    @property
    def missing_predictions(self) -> int:
        """Images of which the shown checkpoint has said nothing, and that do not wait for it either."""
        return self._predicting.missing(self.current.id) if self.current is not None else 0

    def show_thumbnails(self, viewer: str, images: Sequence[int]) -> None:
        """Make small pictures of the images that a viewer shows now, the most important first, and no others."""
        self._thumbnails.want(viewer, images)

    def remove_image(self, number: int) -> None:
        """Remove an image from the strip."""
        before = previous_image(self.store, number)
        self._images.remove(number)
        self._pair_again(before)

    def clear_images(self) -> None:
        """Empty the strip."""
        self._predicting.cancel()
        self._images.clear()

    def cancel_predictions(self) -> None:
        """Give up the images that still wait, and those of a folder that are still to be added."""
        self._cancels += 1
        self._predicting.cancel()

    def compare(self, first: int, second: int | None) -> None:
        """Compare what two open checkpoints predict for all images; None ends that."""
        self._side_by_side.compare(first, second)


def task_of(found: OpenCheckpoint) -> str:
    """Return the task of what is attached, else of what would be."""
    if found.attachment.phase in ("running", "ready"):
        return found.attachment.task
    return found.match_report.task if found.match_report is not None else ""
