"""Whether an open file is one of torchvision's own: hashed in a process of its own, in the background."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from inspector.processes.client import ProcessClient, ProcessError
from inspector.session.clients import Worker
from inspector.session.loop import Loop
from inspector.session.match_state import OfficialCheck
from inspector.session.state import OpenCheckpoint
from inspector.session.store import Store

#: Names a JSON file with further weights entries; see `inspector.architectures.Catalogue.with_entries_of`.
WEIGHTS_LIST = "INSPECTOR_WEIGHTS_LIST"


def weights_list() -> str | None:
    """Return the path of the person's own list of weights entries, None where there is none."""
    return os.environ.get(WEIGHTS_LIST) or None


class OfficialChecks:
    """Looks whether files are official, one process for each that is hashed.

    Parameters
    ----------
    recognised
        Called with a checkpoint's id when it was found to be official.
    """

    def __init__(self, store: Store, loop: Loop, worker: Worker, recognised: Callable[[int], None]) -> None:
        self._store = store
        self._loop = loop
        self._worker = worker
        self._recognised = recognised
        self._hashers: dict[int, ProcessClient] = {}

    def check(self, found: OpenCheckpoint) -> None:
        """Look whether a file is official, once it is known what fits it."""
        summary, identified = found.summary, found.identification
        if summary is None or identified is None or len(summary.files) != 1:
            return  # torchvision publishes single files
        fits = [row.architecture for row in identified.candidates if row.score == 1.0]
        whole = found.state_dict == summary.model and identified.match == "exact"
        params = {
            "file": summary.files[0].to_json(),
            "architectures": fits if whole else [],
            "list": weights_list(),
            "details": True,
        }

        def done(result: dict[str, Any], _: list[bytearray]) -> None:
            now = self._store.checkpoints.get(found.id)
            if result["worth"] and now is not None and now.summary is summary:
                self._hash(now, params)

        self._worker.request("may_be_official", params, [], done, lambda _: None)

    def forget(self, number: int) -> None:
        """End what runs for a checkpoint."""
        hasher = self._hashers.pop(number, None)
        if hasher is not None:
            hasher.close()

    def close(self) -> None:
        """End everything."""
        for number in list(self._hashers):
            self.forget(number)

    def _hash(self, found: OpenCheckpoint, params: dict[str, Any]) -> None:
        number, summary = found.id, found.summary
        self.forget(number)
        hasher = self._hashers[number] = ProcessClient("worker")
        self._store.change_checkpoint(number, official=OfficialCheck("running"))

        def post(change: Callable[[OfficialCheck], OfficialCheck], *, last: bool) -> None:
            def apply() -> None:
                now = self._store.checkpoints.get(number)
                if now is None or now.summary is not summary or self._hashers.get(number) is not hasher:
                    return
                self._store.change_checkpoint(number, official=change(now.official))
                if last:
                    self.forget(number)
                    if self._store.checkpoints[number].official.entry:
                        self._recognised(number)

            self._loop.post(apply)

        def failed(_: ProcessError) -> None:
            # A file that changed is told by whoever watches it; that it can't be hashed changes nothing else.
            post(lambda _: OfficialCheck(), last=True)

        hasher.request(
            "official_weights",
            params,
            [],
            done=lambda result, _: post(lambda _: _check(result), last=True),
            failed=failed,
            progress=lambda told: post(lambda now: replace(now, progress=float(told["share"])), last=False),
        )


def _check(result: dict[str, Any]) -> OfficialCheck:
    return OfficialCheck(
        phase="ready",
        progress=1.0,
        sha256=result["sha256"] or "",
        entry=result["official_weights"] or "",
        claimed=result["claimed"] or "",
        preprocessing=result.get("preprocessing"),
        labels=tuple(result.get("categories", ())),
        options=result.get("options", {}),
    )
