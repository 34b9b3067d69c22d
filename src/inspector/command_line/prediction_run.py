"""Drives a session through one run: open, match, attach, predict; the same commands as a person's in the window."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from inspector.checkpoint.summary import CheckpointSummary
from inspector.command_line.output import Update, tell
from inspector.command_line.prediction_words import as_given, free_name, misfit, nearest
from inspector.command_line.problems import CommandError, EngineFailedError, UsageError, error_of
from inspector.command_line.state_dicts import choose_state_dict
from inspector.session import QueueLoop, Session, words
from inspector.session.failure import Failure
from inspector.session.match_state import Candidate
from inspector.session.prediction_state import ClassScore
from inspector.session.state import OpenCheckpoint
from inspector.session.store import Notice
from inspector.session.trust_offer import TrustOffer, trust_offer


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for; paths as they were given, but for ``save``, ``source`` and ``python``."""

    file: str
    images: tuple[str, ...]
    architecture: str | None = None
    num_classes: int | None = None
    state_dict: str | None = None
    device: str = "auto"
    top: int = 5
    labels: str | None = None
    partial: bool = False
    python: str | None = None
    trust: bool = False
    source: Path | None = None
    save: Path | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One image: its classes, likeliest first, or an error."""

    image: str
    error: str | None
    milliseconds: float | None
    classes: tuple[ClassScore, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    trusted
        The file's own model ran as it is; ``architecture`` is its class.
    preprocessing_is_assumed
        Nothing tells how the model wants its images.
    unsaved
        The message and hint of the first copy that could not be saved.
    """

    architecture: str
    task: str
    device: str
    device_description: str
    eval_sentence: str
    labels_from: str
    trusted: bool
    preprocessing_is_assumed: bool
    results: list[Result]
    unsaved: tuple[str, str] | None


class PredictionRun:
    """One run of ``inspector predict``.

    Parameters
    ----------
    update
        Takes the progress.
    """

    def __init__(self, request: Request, update: Update) -> None:
        self._request = request
        self._update = update
        self._loop = QueueLoop()
        self._session = Session(
            self._loop, engine_python=request.python, device=request.device, top=request.top, thumbnails=False
        )
        self._store = self._session.store
        self._errors: list[str] = []
        self._warnings: list[str] = []
        self._store.noticed.connect(self._notice)

    def run(self) -> Outcome:
        """Do it all.

        Raises
        ------
        CommandError
            The file can't be read, or not be used as asked.
        EngineFailedError
            The engine can't run.
        """
        try:
            number = self._open()
            if self._runs_own_model(number):
                self._run_own_model(number)
            else:
                self._choose(number)
                self._attach(number)
            self._predict(number)
            outcome = self._outcome(number, self._save(number))
        finally:
            self._session.close_processes()
        for warning in self._warnings:  # not where it failed: an error is one line
            tell(warning)
        return outcome

    # -- waiting -----------------------------------------------------------------------------------------------

    def _notice(self, notice: Notice) -> None:
        failure = self._store.engine.failure
        if notice.level == "warning":
            self._warnings.append(notice.text)
        elif notice.level == "error" and (failure is None or notice.text != failure.sentence):
            self._errors.append(notice.text)

    def _wait(self, ready: Callable[[], bool]) -> None:
        """Wait for something; an error that is told meanwhile ends it."""
        self._loop.run_until(lambda: ready() or bool(self._errors))
        if not ready():
            raise CommandError(self._errors[0])

    def _wait_for_engine(self, ready: Callable[[], bool]) -> None:
        """Wait for something of the engine's; when that can't run any more, waiting ends."""
        self._loop.run_until(lambda: ready() or self._store.engine.phase == "failed")
        if not ready():
            raise EngineFailedError(*_parts(self._store.engine.failure))

    def _checkpoint(self, number: int) -> OpenCheckpoint:
        return self._store.checkpoints[number]

    def _summary(self, number: int) -> CheckpointSummary:
        summary = self._checkpoint(number).summary
        assert summary is not None
        return summary

    # -- the checkpoint ----------------------------------------------------------------------------------------

    def _open(self) -> int:
        # torch is imported while the file is read; a trusted file has a process of its own
        self._session.warm_up(engine=not self._request.trust)
        number = self._session.open(self._request.file)
        self._loop.run_until(lambda: self._checkpoint(number).phase != "running")
        failure = self._checkpoint(number).failure
        if failure is not None:
            raise error_of(failure)
        return number

    def _choose(self, number: int) -> None:
        """Choose the state_dict, the architecture and the labels."""
        request = self._request
        self._wait(lambda: bool(self._store.catalogue))
        if request.architecture is not None:
            self._require_known(request.architecture)
        chosen = choose_state_dict(self._summary(number), request.file, request.state_dict)
        self._session.choose_state_dict(number, chosen)
        self._wait(lambda: self._checkpoint(number).identification is not None)
        best = self._best(number)
        if best is not None:
            # The session compares with the best one by itself; its answer must not be taken for the next.
            self._wait(lambda: self._checkpoint(number).match_report is not None)
        compared = self._checkpoint(number).architecture
        architecture = request.architecture or compared
        if architecture is None:
            why = f"{request.file} resembles no torchvision architecture."
            raise CommandError(why, self._how_to_trust(number))
        if architecture != compared or request.num_classes is not None:
            self._session.choose_architecture(number, architecture, request.num_classes)
            self._wait(lambda: self._checkpoint(number).match_report is not None)
        self._require_usable(number)
        self._choose_labels(number)

    def _choose_labels(self, number: int) -> None:
        if self._request.labels is not None:
            self._session.choose_labels(number, Path(self._request.labels))
            self._wait(lambda: bool(self._checkpoint(number).labels))

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
        if report.task != "classification":
            task = words.TASK_WORDS.get(report.task, report.task)
            raise CommandError(f"{report.architecture} is for {task}.", "Only image classification is predicted yet.")

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
        source = self._request.source
        if source is not None and not source.is_dir():
            raise CommandError(f"There is no folder {source}.", "Name the folder of the file's code with --source.")
        self._choose_labels(number)

        def done() -> bool:
            attachment = self._checkpoint(number).attachment
            self._update(attachment.progress if attachment.progress < 1 else None, f"Running {offer.class_name}")
            return attachment.phase in ("ready", "failed")

        self._session.trust(number, source)
        self._loop.run_until(done)
        failure = self._checkpoint(number).attachment.failure
        if failure is not None and failure.kind == "TrustedCodeError":
            raise CommandError(failure.message, f"{failure.hint} Name a folder with --source.")
        self._require_attached(number)

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
        self._wait_for_engine(done)
        self._require_attached(number)

    def _require_attached(self, number: int) -> None:
        failure = self._checkpoint(number).attachment.failure
        if failure is not None:
            engine = self._store.engine
            raise EngineFailedError(*_parts(engine.failure)) if engine.phase == "failed" else error_of(failure)

    def _predict(self, number: int) -> None:
        finished: set[int] = set()
        listed: list[bool] = []
        self._store.images_changed.connect(lambda: listed.append(True))

        def changed(checkpoint: int, image: int) -> None:
            found = self._store.predictions.get((checkpoint, image))
            if found is not None and found.phase in ("ready", "failed"):
                finished.add(image)
                total = len(self._store.images)
                self._update(len(finished) / total, f"Predicting {words.plural(total, 'image')}")

        self._store.prediction_changed.connect(changed)
        self._session.add_images([Path(path) for path in self._arguments()])
        self._wait(lambda: bool(listed))
        if not self._store.images:
            raise CommandError(f"There is no image in {', '.join(self._request.images)}.", "Name another folder.")
        self._wait_for_engine(lambda: self._session.unfinished_predictions == 0)
        if any((number, image) not in self._store.predictions for image in self._store.images):
            self._require_attached(number)  # the engine died, and the weights could not be attached again

    def _arguments(self) -> list[str]:
        """Return the images with their globs expanded, as Windows' shells leave them; a name that exists is none."""
        found = []
        for path in self._request.images:
            matches = sorted(glob.glob(path, recursive=True)) if not os.path.exists(path) else []
            found += matches or [path]
        return found

    def _outcome(self, number: int, unsaved: Failure | None) -> Outcome:
        checkpoint = self._checkpoint(number)
        report = checkpoint.match_report
        attachment, given = checkpoint.attachment, {os.path.abspath(path): path for path in self._arguments()}
        results = []
        for image in self._store.images.values():
            made = self._store.predictions[number, image.id]
            error = made.failure.sentence if made.failure is not None else None
            milliseconds = made.milliseconds if error is None else None
            results.append(Result(as_given(image.path, given), error, milliseconds, made.classes))
        return Outcome(
            attachment.architecture,
            report.task if report is not None and not attachment.trusted else "classification",
            attachment.device,
            attachment.device_description,
            attachment.eval_sentence,
            attachment.labels_from,
            attachment.trusted,
            attachment.preprocessing.get("source") == "assumed",
            results,
            _parts(unsaved) if unsaved is not None else None,
        )

    def _save(self, number: int) -> Failure | None:
        """Save the annotated copies; return the first failure."""
        folder = self._request.save
        failures: list[Failure] = []
        if folder is None:
            return None
        taken: set[str] = set()
        for image in self._store.images.values():
            best = self._store.predictions[number, image.id].classes[:1]
            if not best:
                continue
            out = folder / free_name(image.path.stem, taken)
            saved: list[Failure | None] = []
            caption = f"{best[0].label}  {words.percent(best[0].score)}"
            self._update(len(taken) / len(self._store.images), "Saving the copies")
            self._session.annotate_image(image.id, caption, out, saved.append)
            self._loop.run_until(lambda saved=saved: bool(saved))  # type: ignore[misc]
            failures += [failure for failure in saved if failure is not None]
        return failures[0] if failures else None


def _parts(failure: Failure | None) -> tuple[str, str]:
    return (failure.message, failure.hint) if failure is not None else ("The engine can't run.", "")
