"""Running a file's own model as it is: each trusted file in a process of its own, which ends with its tab.

The state says what is trusted (``Attachment.trusted``); the processes follow it. Whatever takes that away, such as a
reload, another architecture or a closed tab, ends the process and deletes its private copy.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from inspector.errors import InspectorError
from inspector.processes.client import ProcessClient, ProcessError
from inspector.processes.private_copy import remove_abandoned
from inspector.session.engine_life import PASSES
from inspector.session.failure import Failure
from inspector.session.loop import Loop, on_loop
from inspector.session.pace import sparing
from inspector.session.source_folder import hash_of_folder
from inspector.session.state import Attachment
from inspector.session.store import Store
from inspector.session.trust_offer import trust_offer
from inspector.session.trusted_run import TrustedRun, attachment_of, prediction_of, starting

_Done = Callable[[dict[str, Any], list[bytearray]], None]


class TrustMemory(Protocol):
    """The choices that a person asked to have remembered."""

    @property
    def trusted_files(self) -> Mapping[str, tuple[str, str]]:
        """By a file's SHA-256: the folder of its code and that folder's hash, both empty for none."""

    def remember_trust(self, sha256: str, source: str, source_hash: str) -> None:
        """Remember a choice."""


class Trusting:
    """Commands about models that are run as they are.

    Parameters
    ----------
    attached
        Called with a checkpoint's id when its model is ready: the predictions that wait can go on.
    release
        Frees what was attached in the engine before.
    python
        The interpreter to run it on; ours where None.
    memory
        Where choices are remembered; they are not where it is None.
    """

    def __init__(
        self,
        store: Store,
        loop: Loop,
        attached: Callable[[int], None],
        release: Callable[[Attachment], None],
        python: str | None = None,
        memory: TrustMemory | None = None,
    ) -> None:
        self._store = store
        self._loop = loop
        self._attached = attached
        self._release = release
        self._python = python
        self._memory = memory
        self._is_cleared = False
        self._runs: dict[int, TrustedRun] = {}
        self._looking: dict[int, TrustedRun] = {}  # whose choice is being looked up
        store.checkpoint_changed.connect(self._follow)
        store.checkpoints_changed.connect(self._follow_all)

    def clear_up(self) -> None:
        """Delete private copies that a crash left behind, once, on a thread of its own."""
        if self._is_cleared:
            return
        self._is_cleared = True
        threading.Thread(target=remove_abandoned, daemon=True, name="clear-up").start()

    def close(self) -> None:
        """End every process."""
        for run in (*self._runs.values(), *self._looking.values()):
            run.end()
        self._runs.clear()
        self._looking.clear()

    # -- commands ----------------------------------------------------------------------------------------------

    def trust(self, number: int, source: Path | None, *, remember: bool) -> None:
        """Run a checkpoint's model as it is: the person has seen what it imports, and agreed.

        Parameters
        ----------
        source
            A folder that holds the code of its classes.
        remember
            Whether the choice holds for this file and this code from now on.
        """
        run = self._new_run(number)
        if run is None:
            return
        if source is not None:
            run.source = Path(os.path.abspath(source))
        run.remember = remember
        self._begin(run)

    def trust_if_remembered(self, number: int, ask: Callable[[str], None]) -> None:
        """Run a model as it is where that was chosen before; else ``ask`` is called with what has changed since.

        Whether it was can only be told by the file's hash; where nothing is remembered at all, nothing is read.
        """
        known = dict(self._memory.trusted_files) if self._memory is not None else {}
        run = self._new_run(number)
        if run is None or number in self._looking:
            return
        if not known:
            ask("")
            return
        self._looking[number] = run

        def look() -> None:
            changed, found = "", False
            try:
                remembered = known.get(run.make_copy(lambda _: None).sha256)
                if remembered is not None:
                    run.source = Path(remembered[0]) if remembered[0] else None
                    run.source_hash = hash_of_folder(run.source) if run.source is not None else ""
                    found = run.source_hash == remembered[1]
                    changed = "" if found else f"The code in {run.source} has changed since you agreed."
            except InspectorError as error:
                changed = error.sentence
            self._loop.post(lambda: self._looked(run, ask, changed, found=found))

        threading.Thread(target=look, daemon=True, name="trust").start()

    def again(self, number: int) -> None:
        """Run a trusted model anew, for another device or other labels: from the same copy, in a new process."""
        run = self._runs.get(number)
        if run is None or run.copy is None:
            return
        run.end_process()
        self._store.drop_predictions(checkpoint=number)
        self._store.change_checkpoint(number, attachment=starting(run.offer))
        self._start(run)

    def choose_device(self) -> None:
        """Run on another device whatever is run."""
        for number in list(self._runs):
            self.again(number)

    # -- the way of one run --------------------------------------------------------------------------------------

    def _new_run(self, number: int) -> TrustedRun | None:
        """Return a run of a checkpoint's model, None where it can't or may not be run, which the person is told."""
        found = self._store.checkpoints.get(number)
        if found is None or found.summary is None:
            return None
        offer = trust_offer(found.summary, found.state_dict)
        if offer is None or offer.refusal:
            why = offer.refusal if offer is not None else f"{found.name} holds no whole model that could be run."
            self._store.notice(why, "warning")
            return None
        return TrustedRun(number, found.summary, offer)

    def _looked(self, run: TrustedRun, ask: Callable[[str], None], changed: str, *, found: bool) -> None:
        self._looking.pop(run.number, None)
        now = self._store.checkpoints.get(run.number)
        if run.is_over or now is None or now.summary is not run.summary:
            run.end()  # closed or read again meanwhile
        elif found:
            self._begin(run)
        else:
            run.end()
            ask(changed)

    def _begin(self, run: TrustedRun) -> None:
        before = self._runs.pop(run.number, None)
        if before is not None:
            before.end()
        self._runs[run.number] = run
        self._release(self._store.checkpoints[run.number].attachment)
        self._store.drop_predictions(checkpoint=run.number)
        self._store.change_checkpoint(run.number, attachment=starting(run.offer))
        threading.Thread(target=self._prepare, args=(run,), daemon=True, name="trust").start()

    def _prepare(self, run: TrustedRun) -> None:
        """Make the private copy; on a thread of its own."""
        told = sparing(lambda share: self._loop.post(lambda: self._progress(run, share)))
        try:
            run.make_copy(told)
            if run.remember:
                run.source_hash = hash_of_folder(run.source) if run.source is not None else ""
        except InspectorError as error:
            failure = Failure(error.message, error.hint, type(error).__name__)
            self._loop.post(lambda: self._failed(run, failure))
        else:
            self._loop.post(lambda: self._prepared(run))

    def _prepared(self, run: TrustedRun) -> None:
        if not self._is_current(run):
            run.end()
            return
        self._start(run)

    def _start(self, run: TrustedRun) -> None:
        found = self._store.checkpoints[run.number]
        assert run.copy is not None
        try:
            client = ProcessClient(
                "trusted",
                python=self._python,
                on_death=lambda: self._loop.post(lambda: self._died(run, client)),
                watched=True,
                on_silence=lambda asked: self._loop.post(lambda: self._silent(run, client, asked)),
            )
        except OSError as error:
            self._failed(run, Failure(f"The engine's Python can't be started: {error.strerror}.", "Choose another."))
            return
        run.client = client
        self._store.change_checkpoint(run.number, was_run=True)
        own = run.summary.embedded.class_names
        params = {
            "path": str(run.copy.path),
            "sha256": run.copy.sha256,
            "kind": run.offer.kind,
            "name": found.name,
            "inside": run.offer.inside,
            "listed": run.offer.listed,
            "source": str(run.source) if run.source is not None else None,
            "device": self._store.engine.device,
            "preprocessing": run.summary.embedded.preprocessing,
            "labels": found.labels,
            "own_labels": own,
        }

        def failed(error: ProcessError) -> None:
            failure = Failure(error.message, error.hint, error.kind)
            self._loop.post(lambda: self._failed(run, failure, client))

        client.request(
            "trust",
            params,
            done=lambda result, _: self._loop.post(lambda: self._ready(run, client, result)),
            failed=failed,
        )

    def _is_current(self, run: TrustedRun, client: ProcessClient | None = None) -> bool:
        same_process = client is None or run.client is client
        return self._runs.get(run.number) is run and not run.is_over and same_process

    def _progress(self, run: TrustedRun, share: float) -> None:
        found = self._store.checkpoints.get(run.number)
        if self._is_current(run) and found is not None and found.attachment.phase == "running":
            self._store.change_checkpoint(run.number, attachment=replace(found.attachment, progress=share))

    def _ready(self, run: TrustedRun, client: ProcessClient, result: dict[str, Any]) -> None:
        found = self._store.checkpoints.get(run.number)
        if not self._is_current(run, client) or found is None:
            return
        ready = attachment_of(found, run.offer, result)
        if ready is None:
            self._failed(run, Failure("The model's process gave an answer that makes no sense."), client)
            return
        if run.remember and self._memory is not None and run.copy is not None:
            run.remember = False
            self._memory.remember_trust(run.copy.sha256, str(run.source or ""), run.source_hash)
        self._store.change_checkpoint(run.number, attachment=ready)
        self._attached(run.number)

    def _failed(self, run: TrustedRun, failure: Failure, client: ProcessClient | None = None) -> None:
        if self._runs.get(run.number) is not run:
            run.end()  # given up meanwhile
        elif self._is_current(run, client) and failure.kind != "ProcessDied":  # which `_died` tells
            self._fail(run, failure)

    def _died(self, run: TrustedRun, client: ProcessClient) -> None:
        if not self._is_current(run, client):
            return
        code = client.process.returncode
        how = f"was stopped by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
        if client.is_hung:
            how = "did not answer any more, and was ended"
        self._fail(run, Failure(f"The process of {run.offer.class_name} {how}.", "Run it again.", "ProcessDied"))

    def _silent(self, run: TrustedRun, client: ProcessClient, asked: frozenset[str]) -> None:
        if self._is_current(run, client) and asked <= PASSES:  # loading it may take as long as it takes
            told = f"{run.offer.class_name} has given no answer for a minute, though it runs. If nothing comes, "
            self._store.notice(f"{told}run it again.")

    def _fail(self, run: TrustedRun, failure: Failure) -> None:
        failed = replace(starting(run.offer), phase="failed", failure=failure)
        self._store.change_checkpoint(run.number, attachment=failed)
        self._store.notice(failure.sentence, "error")
        if self._runs.get(run.number) is run:
            del self._runs[run.number]
        run.end()

    # -- following the state -------------------------------------------------------------------------------------

    def _follow(self, number: int) -> None:
        """End what the state no longer calls trusted."""
        found = self._store.checkpoints.get(number)
        looking = self._looking.get(number)
        if looking is not None and (found is None or found.summary is not looking.summary):
            self._looking.pop(number).end()
        run = self._runs.get(number)
        if run is not None and (found is None or not found.attachment.trusted or found.summary is not run.summary):
            del self._runs[number]
            run.end()

    def _follow_all(self) -> None:
        for number in {*self._runs, *self._looking} - self._store.checkpoints.keys():
            self._follow(number)

    # -- predictions ---------------------------------------------------------------------------------------------

    def process_id(self, number: int) -> int | None:
        """Return the process id of a trusted checkpoint's process, None while there is none."""
        run = self._runs.get(number)
        client = run.client if run is not None else None
        return client.process.pid if client is not None and client.alive else None

    def request(
        self,
        number: int,
        method: str,
        params: dict[str, Any],
        buffers: Callable[[], list[bytes]],
        done: _Done,
        failed: Callable[[Failure], None],
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Ask the process of a trusted checkpoint, as `EngineLink.request` asks the engine."""
        run = self._runs.get(number)
        if run is None or run.client is None:
            failed(Failure("The model is not running any more.", "Run it again.", "ProcessDied"))
            return

        def checked(result: dict[str, Any], out: list[bytearray]) -> None:
            made = prediction_of(result) if method == "predict" else result  # of the rest, who asked checks it
            if made is None:
                failed(Failure("The model's process gave an answer that makes no sense."))
            else:
                done(made, out)

        run.client.request(
            method,
            params,
            buffers,
            done=lambda result, out: self._loop.post(lambda: checked(result, out)),
            progress=on_loop(progress, self._loop),
            failed=lambda error: self._loop.post(lambda: failed(Failure(error.message, error.hint, error.kind))),
        )
