"""The session's link to the engine: what is attached in it, and on which device.

The engine may be killed at any moment. Then the person is told in one sentence, a new one is started, and what was
attached is attached again from the file (`engine_life.py`); nothing else is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from inspector.checkpoint.contents import StorageLocation
from inspector.checkpoint.source import InspectedFiles
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import read_storage
from inspector.checkpoint.text import clean_name
from inspector.errors import InspectorError
from inspector.processes.client import Message, ProcessClient
from inspector.session.attachment_choices import chosen_options, labels_from, labels_of
from inspector.session.engine_life import EngineLife
from inspector.session.failure import Failure
from inspector.session.loop import Loop
from inspector.session.pace import sparing
from inspector.session.state import Attachment, EngineOptions, OpenCheckpoint
from inspector.session.store import Store
from inspector.session.upload import UploadPlan

#: Bytes of weights per message: small enough to show progress, large enough to cost nothing.
_PIECE = 4 << 20

#: Failures after which the CPU can be used instead.
_DEVICE_FAILURES = ("DeviceMemoryError", "DeviceLostError")


class EngineLink(EngineLife):
    """The engine process and what is attached in it.

    Parameters
    ----------
    attached
        Called with a checkpoint's id whenever its attachment is ready: the predictions that wait can go on.
    python
        The interpreter the engine runs on; ours where None.
    """

    def __init__(self, store: Store, loop: Loop, attached: Callable[[int], None], python: str | None = None) -> None:
        super().__init__(store, loop, python)
        self._attached = attached
        self._uploads = 0
        self._latest: dict[int, int] = {}  # the upload that a checkpoint waits for; answers of older ones are stale

    def choose_device(self, device: str) -> None:
        """Choose the device for all that is attached from now on, and attach again what is."""
        self._store.change_engine(device=device, fallback=None)
        self._attach_again()

    def choose_options(self, options: EngineOptions) -> None:
        """Choose what is given up for speed, and attach again what is."""
        if options != self._store.engine.options:
            self._store.change_engine(options=options)
            self._attach_again()

    def _attach_again(self) -> None:
        for found in self.attachments():
            if found.attachment.phase in ("ready", "running", "failed"):
                self._store.drop_predictions(checkpoint=found.id)
                self.attach(found.id)

    def attach(self, number: int) -> None:
        """Build the chosen architecture in the engine and load the chosen state_dict into it."""
        found = self._store.checkpoints.get(number)
        if found is None or found.summary is None or found.match_report is None or not found.attachable:
            return
        report = found.match_report
        attachment = Attachment(
            phase="running",
            architecture=report.architecture,
            num_classes=report.num_classes,
            matched=report.matched,
            untrained=report.untrained,
            left_out=report.unexpected + len(report.mismatched),
            task=report.task,
        )
        self.release(found.attachment)
        self._store.change_checkpoint(number, attachment=attachment)
        self.start()
        self._uploads += 1
        upload = self._latest[number] = self._uploads
        client = self._client
        if client is None:
            self._not_attached(number, upload, self._store.engine.failure or Failure("There is no engine."))
            return
        try:
            plan = UploadPlan(found.summary, report.fitting, report.reshaped)
        except InspectorError as error:
            self._not_attached(number, upload, Failure(error.message, error.hint, type(error).__name__))
            return
        params = {
            "upload": upload,
            "tensors": plan.tensors,
            "chunked": plan.chunked,
            "quantized": plan.quantized,
            "big_endian": plan.big_endian,
            "architecture": report.architecture,
            "num_classes": report.num_classes,
            "options": report.options | chosen_options(found),
            "partial": not report.complete,
            "dtype": found.choices.dtype,
            "device": self._store.engine.device,
            "autocast": self._store.engine.options.autocast,
            "compile": self._store.engine.options.compile,
            "preprocessing": found.preprocessing
            # what a file carries is said of classification (`docs/embedded-keys.md`)
            or (found.summary.embedded.preprocessing if report.task == "classification" else None)
            or found.official.preprocessing,
            "labels": list(labels_of(found, report.num_classes)),
        }
        self.ask(
            client,
            "attach",
            params,
            [],
            lambda result, _: self._did_attach(number, upload, client, result),
            lambda failure: self._not_attached(number, upload, failure),
            before=lambda: self._pieces(number, found.summary, upload, plan.storages),
        )

    def lose_device(self, number: int, failure: Failure) -> None:
        """Take an attachment out of use whose device stopped working; the person may choose the CPU instead."""
        found = self._store.checkpoints.get(number)
        if found is None or found.attachment.phase != "ready":
            return
        lost = replace(found.attachment, phase="failed", engine_id=-1, failure=failure)
        self._store.change_engine(fallback=failure)
        self._store.change_checkpoint(number, attachment=lost)
        self._store.notice(failure.sentence, "error", "use_cpu")

    def offer_cpu(self, number: int, failure: Failure) -> None:
        """Offer the CPU, once, where an image does not fit on another device; what does goes on there."""
        found = self._store.checkpoints.get(number)
        if found is None or found.attachment.device == "cpu" or self._store.engine.fallback is not None:
            return
        self._store.change_engine(fallback=failure)
        self._store.notice(failure.sentence, "error", "use_cpu")

    def _is_on_another_device(self) -> bool:
        """Tell whether what is attached now goes to something else than the CPU."""
        engine = self._store.engine
        best = engine.devices[0].name if engine.devices else "cpu"
        return (best if engine.device == "auto" else engine.device) != "cpu"

    def fall_back(self) -> None:
        """Compute on the CPU from now on, as the person agreed to, in a new engine: the old one's device is lost."""
        self._store.change_engine(device="cpu", fallback=None)
        for found in self.attachments():
            self._store.drop_predictions(checkpoint=found.id)
        self.restart()

    def cancel_attach(self, number: int) -> None:
        """Give an attachment up while it is being made: the engine is ended and a new one started."""
        found = self._store.checkpoints.get(number)
        if found is not None and found.attachment.phase == "running":
            self._store.change_checkpoint(number, attachment=Attachment())
            self.restart()

    def detach(self, number: int) -> None:
        """Forget an attachment."""
        found = self._store.checkpoints.get(number)
        if found is None or found.attachment.phase == "none":
            return
        self.release(found.attachment)
        self._store.change_checkpoint(number, attachment=Attachment())
        self._store.drop_predictions(checkpoint=number)

    def release(self, attachment: Attachment) -> None:
        """Free the memory of an attachment in the engine."""
        here = attachment.engine_id >= 0 and not attachment.trusted
        if self._client is not None and self._client.alive and here:
            params = {"attachment": attachment.engine_id}
            self.ask(self._client, "detach", params, [], lambda *_: None, lambda *_: None)

    def _pieces(
        self,
        number: int,
        summary: CheckpointSummary | None,
        upload: int,
        storages: list[StorageLocation],
    ) -> Iterator[Message]:
        """Yield the weights piece by piece, straight from the inspected files; runs on the sending thread."""
        assert summary is not None
        total = sum(location.nbytes for location in storages) or 1
        sent = 0
        told = sparing(lambda share: self._loop.post(lambda: self._progress(number, upload, share)))
        with InspectedFiles(summary.files) as files:
            for place, location in enumerate(storages):
                stored = location.packed == location.nbytes + location.skip
                piece = _PIECE if stored else max(location.nbytes, 1)
                for start in range(0, max(location.nbytes, 1), piece):
                    data = read_storage(files, location, start, min(piece, location.nbytes - start))
                    header = {"upload": upload, "storage": place, "size": location.nbytes, "at": start}
                    yield {"method": "upload", "params": header}, [data]
                    sent += len(data)
                    told(sent / total)
            files.check_unchanged()

    def _waiting_for(self, number: int, upload: int) -> OpenCheckpoint | None:
        """Return the checkpoint, None where it is closed or no longer waits for this upload."""
        found = self._store.checkpoints.get(number)
        waits = found is not None and found.attachment.phase == "running" and self._latest.get(number) == upload
        return found if waits else None

    def _progress(self, number: int, upload: int, share: float) -> None:
        found = self._waiting_for(number, upload)
        if found is not None:
            self._store.change_checkpoint(number, attachment=replace(found.attachment, progress=share))

    def _did_attach(self, number: int, upload: int, client: ProcessClient, result: dict[str, Any]) -> None:
        if client is not self._client:
            return  # an engine that is gone, and what it attached with it
        found = self._waiting_for(number, upload)
        if found is None:
            self.release(Attachment(engine_id=result["attachment"]))
            return
        ready = replace(
            found.attachment,
            phase="ready",
            progress=1.0,
            device=result["device"],
            device_description=result["device_description"],
            eval_sentence=result["eval_sentence"],
            preprocessing=result["preprocessing"],
            preprocessings=tuple(result.get("preprocessings", ())),
            num_classes=result["num_classes"],
            untrained=tuple(result["untrained"]),
            precision=result["precision"],
            labels=tuple(map(str, result["labels"])),
            labels_from=labels_from(found, result["num_classes"]),
            engine_id=result["attachment"],
            milliseconds=result["milliseconds"],
        )
        self._store.change_checkpoint(number, attachment=ready)
        self._attached(number)
        self.tell_restored()

    def _not_attached(self, number: int, upload: int, failure: Failure) -> None:
        found = self._waiting_for(number, upload)
        if failure.kind == "ProcessDied" or found is None:
            return  # a death is told once, and the attachment is made again
        self._death_told = False
        failed = replace(found.attachment, phase="failed", failure=failure)
        self._store.change_checkpoint(number, attachment=failed)
        # The notice stays while other tabs are shown, so it says whose it is.
        name = clean_name(found.name)
        said = failure.sentence if name in failure.sentence else f"{name}: {failure.sentence}"
        could_fall_back = failure.kind in _DEVICE_FAILURES and self._is_on_another_device()
        if could_fall_back:
            self._store.change_engine(fallback=failure)
        self._store.notice(said, "error", "use_cpu" if could_fall_back else "")
