"""Drives a session from a file to an attachment: open, choose, match, attach; or run the file's own model."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

from inspector.checkpoint.summary import CheckpointSummary
from inspector.command_line.output import Update, tell
from inspector.command_line.prediction_request import Request
from inspector.command_line.prediction_words import changes, misfit, nearest
from inspector.command_line.problems import CommandError, EngineFailedError, UsageError, error_of
from inspector.command_line.state_dicts import choose_state_dict
from inspector.command_line.waiting import Waiting, parts
from inspector.session import Session, words
from inspector.session.match_state import Candidate
from inspector.session.state import OpenCheckpoint
from inspector.session.trust_offer import TrustOffer, trust_offer


class Attaching:
    """Attaches the file of a request.

    Parameters
    ----------
    update
        Takes the progress.
    """

    def __init__(self, request: Request, session: Session, waiting: Waiting, update: Update) -> None:
        self._request, self._session, self._waiting, self._update = request, session, waiting, update
        self._store = session.store

    def run(self) -> int:
        """Do it; return the checkpoint's id.

        Raises
        ------
        CommandError
            The file can't be read, or not be used as asked.
        EngineFailedError
            The engine can't run.
        """
        number = self._open()
        if self._runs_own_model(number):
            self._run_own_model(number)
        else:
            self._choose(number)
            self._attach(number)
        return number

    def _checkpoint(self, number: int) -> OpenCheckpoint:
        return self._store.checkpoints[number]

    def _summary(self, number: int) -> CheckpointSummary:
        summary = self._checkpoint(number).summary
        assert summary is not None
        return summary

    # -- the checkpoint ----------------------------------------------------------------------------------------

    def _open(self) -> int:
        self._session.choose_engine_options(self._request.options)
        # torch is imported while the file is read; a trusted file has a process of its own
        self._session.warm_up(engine=not self._request.trust)
        number = self._session.open(self._request.file)
        self._waiting.quietly(lambda: self._checkpoint(number).phase != "running")
        failure = self._checkpoint(number).failure
        if failure is not None:
            raise error_of(failure)
        return number

    def _choose(self, number: int) -> None:
        """Choose the state_dict, the architecture and the labels."""
        request = self._request
        self._waiting.until(lambda: bool(self._store.catalogue))
        if request.architecture is not None:
            self._require_known(request.architecture)
        chosen = choose_state_dict(self._summary(number), request.file, request.state_dict)
        self._session.choose_state_dict(number, chosen)
        self._waiting.until(lambda: self._checkpoint(number).identification is not None)
        best = self._best(number)
        if best is not None:
            # The session compares with the best one by itself; its answer must not be taken for the next.
            self._waiting.until(lambda: self._checkpoint(number).match_report is not None)
        compared = self._checkpoint(number).architecture
        architecture = request.architecture or compared
        if architecture is None:
            why = f"{request.file} resembles no torchvision architecture."
            raise CommandError(why, self._how_to_trust(number))
        if architecture != compared or request.num_classes is not None:
            self._session.choose_architecture(number, architecture, request.num_classes)
            self._waiting.until(lambda: self._checkpoint(number).match_report is not None)
        self._require_usable(number)
        self._choose_labels(number)

    def _choose_labels(self, number: int) -> None:
        if self._request.labels is not None:
            self._session.choose_labels(number, Path(self._request.labels))
            self._waiting.until(lambda: bool(self._checkpoint(number).labels))

    def _best(self, number: int) -> Candidate | None:
        identification = self._checkpoint(number).identification
        return identification.candidates[0] if identification is not None and identification.candidates else None

    def _require_known(self, architecture: str) -> None:
        names = [row.name for row in self._store.catalogue]
        if architecture not in names:
            near = difflib.get_close_matches(architecture, names, 3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Choose one of torchvision.models.list_models()."
            raise UsageError(f"predict: there is no architecture {architecture!r}.", hint)

    def _require_usable(self, number: int) -> None:
        found = self._checkpoint(number)
        report = found.match_report
        assert report is not None
        if self._request.partial and report.matched and not report.complete:
            self._session.choose_match(number, replace(found.choices, partial=True))
            untrained = f"; untrained: {', '.join(report.untrained)}" if report.untrained else ""
            tell(f"{report.matched} of {words.plural(len(report.marks), 'tensor')} are attached{untrained}.")
        elif not report.complete:
            part = "Attach what fits with --partial." if report.matched else ""
            hint = " ".join(filter(None, [nearest(report, self._best(number)), part, self._how_to_trust(number)]))
            raise CommandError(misfit(self._request.file, report), hint.strip())

    # -- the file's own model ----------------------------------------------------------------------------------

    def _offer(self, number: int) -> TrustOffer | None:
        return trust_offer(self._summary(number), self._checkpoint(number).state_dict)

    def _runs_own_model(self, number: int) -> bool:
        """Tell whether the file's own model is to run: weights alone, and a chosen architecture, need no trust."""
        request = self._request
        if not request.trust or request.architecture is not None:
            return False
        if request.state_dict is not None:
            chosen = choose_state_dict(self._summary(number), request.file, request.state_dict)
            self._session.choose_state_dict(number, chosen)
        return self._offer(number) is not None

    def _run_own_model(self, number: int) -> None:
        offer = self._offer(number)
        assert offer is not None
        if offer.refusal:
            raise CommandError(offer.refusal)
        if changes(self._request.options):
            raise CommandError("The file's own model runs as it is.", "Leave --autocast and --compile out.")
        source = self._request.source
        if source is not None and not source.is_dir():
            raise CommandError(f"There is no folder {source}.", "Name the folder of the file's code with --source.")
        self._choose_labels(number)

        def done() -> bool:
            attachment = self._checkpoint(number).attachment
            self._update(attachment.progress if attachment.progress < 1 else None, f"Running {offer.class_name}")
            return attachment.phase in ("ready", "failed")

        self._session.trust(number, source)
        self._waiting.quietly(done)
        failure = self._checkpoint(number).attachment.failure
        if failure is not None and failure.kind == "TrustedCodeError":
            raise CommandError(failure.message, f"{failure.hint} Name a folder with --source.")
        self.require_attached(number)

    def _how_to_trust(self, number: int) -> str:
        """Return how the file's own model could be run, for someone whose weights fit nothing."""
        offer = self._offer(number)
        if offer is None:
            return "It holds weights alone, so there is nothing in it to --trust." if self._request.trust else ""
        if offer.refusal:
            return offer.refusal
        source = f" and --source with {offer.wanted_source}" if offer.wanted_source else ""
        imports = f", which imports {offer.imports}" if offer.names else ""
        return (
            f"To run its own {offer.class_name} as it is{imports}, add --trust{source}: do so only if you trust "
            "whoever made the file, for its code runs with your rights."
        )

    # -- the engine --------------------------------------------------------------------------------------------

    def _attach(self, number: int) -> None:
        self._update(None, "Starting the engine")

        def done() -> bool:
            attachment = self._checkpoint(number).attachment
            if self._store.engine.phase == "ready" and attachment.phase == "running":
                self._update(attachment.progress, f"Attaching {attachment.architecture}")
            return attachment.phase in ("ready", "failed")

        self._session.attach(number)
        self._waiting.for_engine(done)
        self.require_attached(number)

    def require_attached(self, number: int) -> None:
        """Raise why the weights are not attached, if they are not."""
        failure = self._checkpoint(number).attachment.failure
        if failure is not None:
            engine = self._store.engine
            raise EngineFailedError(*parts(engine.failure)) if engine.phase == "failed" else error_of(failure)
