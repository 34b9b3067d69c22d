"""The one place that holds the state: whoever changes it goes through here, whoever shows it listens here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from inspector.session.comparison_state import CheckpointComparison
from inspector.session.match_state import ArchitectureInfo
from inspector.session.order import Order
from inspector.session.signals import Signal
from inspector.session.state import EngineState, ImageItem, OpenCheckpoint, PicturesState, PythonList, PythonTrial
from inspector.session.survey_state import Survey

if TYPE_CHECKING:
    from inspector.session.explanation_state import Explanation, FeatureMaps
    from inspector.session.prediction_state import Prediction, Progress

Action = Literal["", "use_cpu", "restart_engine", "compare"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence for the person, and how loud: ``"info"``, ``"warning"`` or ``"error"``.

    ``action`` is what can be done about it at once: ``"use_cpu"`` for `Session.fall_back_to_cpu`,
    ``"restart_engine"`` for `EngineLink.restart`, ``"compare"`` for `Differing.compare` of the ``pair``, which
    ``offer`` says.
    """

    text: str
    level: Literal["info", "warning", "error"] = "info"
    action: Action = ""
    offer: str = ""
    pair: tuple[int, int] = (-1, -1)


class Store:
    """Open checkpoints, images, predictions and the engine's state, with a signal for every kind of change.

    Attributes
    ----------
    adding
        More images of what was dropped are about to be added.
    checkpoints_changed
        The list of open checkpoints, or which is current.
    checkpoint_changed
        One of them, by id.
    survey_changed
        What is known of all tensors of a checkpoint, by id: at most ten times a second while a survey runs.
    images_changed, image_changed
        The list of images; one of them, by id.
    prediction_changed
        ``(checkpoint id, image id)``.
    progress_changed
        How far the predictions are: at most ten times a second, and at the end.
    comparison_changed
        Which two checkpoints' predictions are compared.
    checkpoint_comparison_changed
        Which two checkpoints' tensors are compared, or how far that is.
    explanation_changed, feature_maps_changed
        Why a class was predicted; what a layer sees: the one of each that is looked at.
    engine_changed, catalogue_changed
        The engine's state; the list of architectures.
    pythons_changed
        The list of Python environments, or the trial of one of them.
    python_chosen
        The engine runs on another Python from now on: its path, or "" for the one that Inspector runs on.
    noticed
        Something to tell the person.
    """

    def __init__(self) -> None:
        self.checkpoints: dict[int, OpenCheckpoint] = {}
        self.current: int | None = None
        self.images: dict[int, ImageItem] = {}
        self.order = Order()  # of the images
        self.adding = False
        self.predictions: dict[tuple[int, int], Prediction] = {}
        self.comparison: tuple[int, int] | None = None
        self.checkpoint_comparison: CheckpointComparison | None = None
        self.explanation: Explanation | None = None
        self.feature_maps: FeatureMaps | None = None
        self.progress: Progress | None = None
        self.pictures: PicturesState | None = None
        self.engine = EngineState()
        self.pythons = PythonList()
        self.python_trial: PythonTrial | None = None
        self.catalogue: tuple[ArchitectureInfo, ...] = ()
        self.checkpoints_changed: Signal[[]] = Signal()
        self.checkpoint_changed: Signal[[int]] = Signal()
        self.survey_changed: Signal[[int]] = Signal()
        self.images_changed: Signal[[]] = Signal()
        self.image_changed: Signal[[int]] = Signal()
        self.prediction_changed: Signal[[int, int]] = Signal()
        self.comparison_changed: Signal[[]] = Signal()
        self.checkpoint_comparison_changed: Signal[[]] = Signal()
        self.explanation_changed: Signal[[]] = Signal()
        self.feature_maps_changed: Signal[[]] = Signal()
        self.progress_changed: Signal[[]] = Signal()
        self.pictures_changed: Signal[[]] = Signal()
        self.engine_changed: Signal[[]] = Signal()
        self.catalogue_changed: Signal[[]] = Signal()
        self.pythons_changed: Signal[[]] = Signal()
        self.python_chosen: Signal[[str]] = Signal()
        self.noticed: Signal[[Notice]] = Signal()
        self._last_id = 0

    def next_id(self) -> int:
        """Return a number never used before."""
        self._last_id += 1
        return self._last_id

    def change_checkpoint(self, number: int, **changes: Any) -> OpenCheckpoint | None:
        """Replace fields of an open checkpoint; None when it was closed meanwhile."""
        found = self.checkpoints.get(number)
        if found is None:
            return None
        self.checkpoints[number] = changed = replace(found, **changes)
        self.checkpoint_changed.emit(number)
        return changed

    def set_survey(self, number: int, survey: Survey | None) -> None:
        """Set what is known of all tensors of a checkpoint; those who show only the checkpoint are not disturbed."""
        found = self.checkpoints.get(number)
        if found is not None:
            self.checkpoints[number] = replace(found, survey=survey)
            self.survey_changed.emit(number)

    def change_image(self, number: int, **changes: Any) -> None:
        """Replace fields of an image, unless it was removed meanwhile."""
        found = self.images.get(number)
        if found is not None:
            self.images[number] = replace(found, **changes)
            self.image_changed.emit(number)

    def set_prediction(self, checkpoint: int, image: int, prediction: Prediction) -> None:
        """Set what a checkpoint predicts for an image."""
        self.predictions[checkpoint, image] = prediction
        self.prediction_changed.emit(checkpoint, image)

    def drop_predictions(self, *, checkpoint: int | None = None, images: Iterable[int] = ()) -> None:
        """Forget the predictions of a checkpoint, or of images."""
        gone = set(images)
        dropped = [key for key in self.predictions if key[0] == checkpoint or key[1] in gone]
        for key in dropped:
            del self.predictions[key]
            self.prediction_changed.emit(*key)

    def set_comparison(self, comparison: tuple[int, int] | None) -> None:
        """Set which two checkpoints' predictions are compared, or that none are."""
        if comparison != self.comparison:
            self.comparison = comparison
            self.comparison_changed.emit()

    def set_checkpoint_comparison(self, comparison: CheckpointComparison | None) -> None:
        """Set which two checkpoints' tensors are compared and what is known of that, or that none are."""
        if comparison is not self.checkpoint_comparison:
            self.checkpoint_comparison = comparison
            self.checkpoint_comparison_changed.emit()

    def set_explanation(self, explanation: Explanation | None) -> None:
        """Set the explanation that is looked at."""
        if explanation != self.explanation:
            self.explanation = explanation
            self.explanation_changed.emit()

    def set_feature_maps(self, feature_maps: FeatureMaps | None) -> None:
        """Set the feature maps that are looked at."""
        if feature_maps != self.feature_maps:
            self.feature_maps = feature_maps
            self.feature_maps_changed.emit()

    def set_progress(self, progress: Progress | None) -> None:
        """Set how far the predictions are; None where none is to be made."""
        self.progress = progress
        self.progress_changed.emit()

    def set_pictures(self, pictures: PicturesState | None) -> None:
        """Set how many pictures are saved; None where none are being saved."""
        self.pictures = pictures
        self.pictures_changed.emit()

    def change_engine(self, **changes: Any) -> None:
        """Replace fields of the engine's state."""
        self.engine = replace(self.engine, **changes)
        self.engine_changed.emit()

    def set_pythons(self, pythons: PythonList) -> None:
        """Set what is known of the Python environments."""
        self.pythons = pythons
        self.pythons_changed.emit()

    def set_python_trial(self, trial: PythonTrial | None) -> None:
        """Set which Python is on trial, or why it failed."""
        self.python_trial = trial
        self.pythons_changed.emit()

    def notice(self, text: str, level: Literal["info", "warning", "error"] = "info", action: Action = "") -> None:
        """Tell the person something, and what can be done about it at once."""
        self.noticed.emit(Notice(text, level, action))

    def offer_comparison(self, text: str, offer: str, pair: tuple[int, int]) -> None:
        """Tell the person that two open checkpoints can be compared; ``offer`` is what a button says."""
        self.noticed.emit(Notice(text, "info", "compare", offer, pair))
