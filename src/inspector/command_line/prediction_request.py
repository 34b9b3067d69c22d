"""What a run of ``inspector predict`` is asked for, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inspector.export.predictions import ImageResult
from inspector.session.drawing import THRESHOLD
from inspector.session.state import EngineOptions


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
    threshold: float = THRESHOLD
    options: EngineOptions = field(default_factory=EngineOptions)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    trusted
        The file's own model ran as it is; ``architecture`` is its class.
    preprocessing_is_assumed
        Nothing tells how the model wants its images.
    changes
        What the chosen options change in the numbers, as a sentence; empty where nothing was chosen.
    accuracy
        Counts of images: whose class is ``known`` by their path, of which the first class is ``right``, and of which
        one of the first ``top`` is (``among``). None where none is known.
    unsaved
        The message and hint of the first copy that could not be saved.
    stopped
        The message and hint of why the engine could not go on; what it had predicted by then is there.
    """

    architecture: str
    task: str
    device: str
    device_description: str
    eval_sentence: str
    labels_from: str
    trusted: bool
    preprocessing_is_assumed: bool
    changes: str
    results: list[ImageResult]
    accuracy: Mapping[str, int] | None
    unsaved: tuple[str, str] | None
    stopped: tuple[str, str] | None
