"""The session's link to the engine: start it, attach weights, survive its death.

The engine may be killed at any moment. Then the person is told in one sentence, a new one is started, and what was
attached is attached again from the file; nothing else is lost.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from inspector.checkpoint.contents import StorageLocation
from inspector.checkpoint.source import InspectedFiles
from inspector.checkpoint.summary import CheckpointSummary
from inspector.checkpoint.tensor_bytes import read_storage
from inspector.checkpoint.text import clean_name
from inspector.errors import InspectorError
from inspector.processes.client import Message, ProcessClient, ProcessError
from inspector.session.attachment_choices import chosen_options, labels_from, labels_of
from inspector.session.failure import Failure
from inspector.session.loop import Loop, on_loop
from inspector.session.pace import sparing
from inspector.session.state import Attachment, Device, EngineOptions, OpenCheckpoint
from inspector.session.store import Store
from inspector.session.upload import UploadPlan

#: Bytes of weights per message: small enough to show progress, large enough to cost nothing.
_PIECE = 4 << 20

#: An engine that dies this often within so many seconds is not started again by itself.
_DEATHS, _DEATHS_WITHIN = 3, 60.0

#: What is asked of a model that is attached: none of it takes a minute, but on the slowest of devices.
_PASSES = frozenset(("predict", "cancel", "explain", "feature_maps", "model_input"))
_SILENT = "The engine has given no answer for a minute, though it runs. If nothing comes, restart it."

#: Failures after which the CPU can be used instead.
_DEVICE_FAILURES = ("DeviceMemoryError", "DeviceLostError")

_Done = Callable[[dict[str, Any], list[bytearray]], None]


class EngineLink:
    """The engine process and what is attached in it.

    Parameters
    ----------
    attached
        Called with a checkpoint's id whenever its attachment is ready: the predictions that wait can go on.
    python
        The interpreter the engine runs on; ours where None.
    """

    def __init__(self, store: Store, loop: Loop, attached: Callable[[int], None], python: str | None = None) -> None:
        self._store = store
        self._loop = loop
        self._attached = attached
        self._python = python
        store.change_engine(executable=python or sys.executable)
        self._client: ProcessClient | None = None
        self._deaths: deque[float] = deque(maxlen=_DEATHS)
        self._uploads = 0
        self._death_told = False
        self._latest: dict[int, int] = {}  # the upload that a checkpoint waits for; answers of older ones are stale

    @property
    def process_id(self) -> int | None:
        """The engine's process id, None while there is none."""
        return self._client.process.pid if self._client is not None and self._client.alive else None

    def start(self) -> None:
        """Start the engine unless it runs; torch is imported there, in the background."""
        if self._client is not None:
            if not self._client.alive:
                self._died()  # noticed before its own message came: tell it, and attach again what was attached
            return
        self._store.change_engine(phase="running", failure=None)
        try:
            client = self.launch(self._python)
        except OSError as error:
            failure = Failure(f"The engine's Python can't be started: {error.strerror}.", "Choose another one.")
            self._store.change_engine(phase="failed", failure=failure)
            return
        self._client = client
        self._ask(client, "versions", {}, [], self._ready, self._not_ready)

    def launch(self, python: str | None) -> ProcessClient:
        """Start a process that is an engine, and becomes the one in use when it is adopted.

        Raises
        ------
        OSError
            The interpreter can't be started.
        """
        client = ProcessClient(
            "engine",
            python=python,
            on_death=lambda: self._loop.post(lambda: died()),
            watched=True,
            on_silence=lambda asked: self._loop.post(lambda: silent(asked)),
        )

        def died() -> None:
            if client is self._client:
                self._died()

        def silent(asked: frozenset[str]) -> None:
            if client is self._client and asked <= _PASSES:
                self._store.notice(_SILENT, "warning", "restart_engine")

        return client

    def adopt(self, client: ProcessClient, python: str | None, versions: dict[str, Any]) -> None:
        """Take a launched engine, which has told its versions, in place of the one in use; attach again in it."""
        self._python = python
        wanted = self._let_go()
        self._client = client
        self._store.change_engine(executable=python or sys.executable, failure=None)
        self._ready(versions, [])
        for number in wanted:  # what is shown is what this one says
            self._store.drop_predictions(checkpoint=number)
            self.attach(number)
        if client is self._client and not client.alive:  # it died before anybody listened
            self._died()

    def close(self) -> None:
        """End the engine quietly."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def request(
        self,
        method: str,
        params: dict[str, Any],
        buffers: Callable[[], list[bytes]],
        done: _Done,
        failed: Callable[[Failure], None],
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Ask the engine; ``buffers`` runs on the sending thread, the answer comes on the session's.

        Where there is no engine, one is started and the request fails: what it was about is gone.
        """
        if self._client is None or not self._client.alive:
            self.start()
            failed(Failure("The engine stopped.", "Try again.", "ProcessDied"))
            return
        self._ask(self._client, method, params, buffers, done, failed, progress=progress)

    def _ask(
        self,
        client: ProcessClient,
        method: str,
        params: dict[str, Any],
        buffers: list[bytes] | Callable[[], list[bytes]],
        done: _Done,
        failed: Callable[[Failure], None],
        before: Callable[[], Iterator[Message]] | None = None,
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        def fail(error: ProcessError) -> None:
            self._loop.post(lambda: failed(Failure(error.message, error.hint, error.kind)))

        client.request(
            method,
            params,
            buffers,
            done=lambda result, out: self._loop.post(lambda: done(result, out)),
            failed=fail,
            progress=on_loop(progress, self._loop),
            before=before,
        )

    def _ready(self, result: dict[str, Any], _: list[bytearray]) -> None:
        devices = tuple(Device(row["name"], row["description"]) for row in result["devices"])
        self._store.change_engine(
            phase="ready",
            python=result["python"],
            torch=result["torch"],
            torchvision=result["torchvision"],
            devices=devices,
        )
        self._tell_restored()

    def _tell_restored(self) -> None:
        """Say that all is well again: the warning of a death would stay otherwise."""
        attaching = any(found.attachment.phase == "running" for found in self._attachments())
        if self._death_told and not attaching:
            self._death_told = False
            self._store.notice("The new engine is ready.")

    def _not_ready(self, failure: Failure) -> None:
        if failure.kind != "ProcessDied":
            self._store.change_engine(phase="failed", failure=failure)

    # -- death -------------------------------------------------------------------------------------------------

    def _died(self) -> None:
        assert self._client is not None
        words = self._client.last_words().splitlines()
        how = "did not answer any more, and was ended" if self._client.is_hung else "stopped"
        self._client = None
        self._deaths.append(time.monotonic())
        restore = [found for found in self._attachments() if found.attachment.phase in ("ready", "running")]
        if len(self._deaths) == _DEATHS and self._deaths[-1] - self._deaths[0] < _DEATHS_WITHIN:
            failure = Failure(
                f"The engine stopped {_DEATHS} times within a minute.", words[-1][:200] if words else "Start it again."
            )
            self._death_told = False
            self._store.change_engine(phase="failed", failure=failure)
            self._store.notice(failure.sentence, "error")
            for found in restore:
                stopped = replace(found.attachment, phase="failed", engine_id=-1, failure=failure)
                self._store.change_checkpoint(found.id, attachment=stopped)
            return
        again = " and attaching again" if restore else ""
        self._death_told = True
        self._store.notice(f"The engine {how}. Starting a new one{again}.", "warning")
        for found in restore:  # what the old engine called it says nothing to the next
            self._store.change_checkpoint(found.id, attachment=Attachment())
        self.start()
        for found in restore:
            self.attach(found.id)

    def restart(self) -> None:
        """Start a fresh engine because the person asked for it; what was attached is attached again."""
        wanted = self._let_go()
        self.start()
        for number in wanted:
            self.attach(number)

    def _let_go(self) -> list[int]:
        """End the engine in use; return the checkpoints that were attached in it."""
        self._deaths.clear()
        wanted = [found.id for found in self._attachments() if found.attachment.phase != "none"]
        for number in wanted:
            self._store.change_checkpoint(number, attachment=Attachment())
        client, self._client = self._client, None
        if client is not None:
            client.kill()  # not closed: what waits for an answer must hear that none will come
        return wanted

    def _attachments(self) -> list[OpenCheckpoint]:
        """Return what is, or may be, attached here: a trusted file runs in a process of its own."""
        return [found for found in self._store.checkpoints.values() if not found.attachment.trusted]

    # -- attach ------------------------------------------------------------------------------------------------

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
        for found in self._attachments():
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
        self._ask(
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
        for found in self._attachments():
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
            self._ask(self._client, "detach", params, [], lambda *_: None, lambda *_: None)

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
        self._tell_restored()

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
