"""The state as frozen dataclasses, replaced in one step and owned by the session. Nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from inspector.checkpoint.folders import METADATA
from inspector.checkpoint.summary import CheckpointSummary
from inspector.session.failure import Failure
from inspector.session.match_state import Identification, MatchChoices, MatchReport, OfficialCheck
from inspector.session.phase import Phase
from inspector.session.survey_state import Survey

if TYPE_CHECKING:
    from inspector.pythons import PythonEnvironment


@dataclass(frozen=True, slots=True)
class Attachment:
    """The architecture built in the engine with the state_dict loaded, in eval mode, on a device.

    Attributes
    ----------
    progress
        Share of the weights that were sent, 0 to 1, while ``phase`` is ``"running"``.
    eval_sentence
        What eval mode fixes, such as ``"eval mode: 1 dropout and 20 batch-norm layers fixed"``.
    labels, labels_from
        The names of the classes, in order, and where they come from, in words.
    untrained
        Keys of the architecture that the file had nothing for: they hold random numbers.
    left_out
        How many of the file's tensors were not attached.
    task
        Of the architecture: ``"classification"``, ``"detection"``, ...
    precision
        In what it computes, where that is not simply what the file holds, as a sentence.
    preprocessing, preprocessings
        The one in use, as plain keys, and those of the architecture's weights entries, which have a ``name`` too.
    trusted
        The file's own model runs as it is, in a process of its own; ``architecture`` is its class then.
    """

    phase: Phase = "none"
    trusted: bool = False
    architecture: str = ""
    num_classes: int | None = None
    matched: int = 0
    device: str = ""
    device_description: str = ""
    eval_sentence: str = ""
    labels: tuple[str, ...] = ()
    labels_from: str = ""
    untrained: tuple[str, ...] = ()
    left_out: int = 0
    task: str = "classification"
    precision: str = ""
    preprocessing: dict[str, Any] = field(default_factory=dict)
    preprocessings: tuple[dict[str, Any], ...] = ()
    engine_id: int = -1
    progress: float = 0.0
    milliseconds: float = 0.0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class TensorView:
    """What is shown of one tensor: figures, histogram, picture of the weights.

    ``statistics`` has the keys of the command line's ``stats``; ``edges`` are one more than ``counts``; ``rgba``
    is ``4 * width * height`` bytes. Of a large tensor the picture is there while the rest is still ``"running"``.
    """

    tensor: int
    phase: Phase = "running"
    statistics: dict[str, float | int | None] = field(default_factory=dict)
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    width: int = 0
    height: int = 0
    rgba: bytes = b""
    mode: str = ""
    caption: str = ""
    scale: float = 0.0
    columns: int = 0
    cell: int = 0
    note: str = ""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Freshness:
    """How what was read of a checkpoint stands to its files now.

    Attributes
    ----------
    phase
        ``"same"``; ``"changed"`` once the files have been written anew; ``"gone"``; ``"reloading"`` while they are
        read again; ``"failed"`` where that did not work.
    failure
        Why the reload failed. What was read before is still there.
    """

    phase: Literal["same", "changed", "gone", "reloading", "failed"] = "same"
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class CopyState:
    """A clean copy that is being written: where to, and the share of it that is done, from 0 to 1."""

    path: Path
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class OpenCheckpoint:
    """One open checkpoint: a tab.

    ``phase`` is ``"running"`` while the reader reads, ``"ready"`` with a summary, ``"failed"`` with a failure.
    ``match_failure`` says why the person's ``choices`` can't be used; the report is then the one before them.
    ``was_run`` tells that the file's own model was run as it is. ``preprocessing`` is what the person chose in place of
    the weights' own. ``survey`` is None where none was begun.
    """

    id: int
    path: Path
    phase: Phase = "running"
    summary: CheckpointSummary | None = None
    failure: Failure | None = None
    state_dict: int | None = None
    identification: Identification | None = None
    architecture: str | None = None
    choices: MatchChoices = field(default_factory=MatchChoices)
    match_report: MatchReport | None = None
    match_failure: Failure | None = None
    official: OfficialCheck = field(default_factory=OfficialCheck)
    attachment: Attachment = Attachment()
    labels: tuple[str, ...] = ()
    labels_file: str = ""
    tensor: int | None = None
    tensor_view: TensorView | None = None
    freshness: Freshness = Freshness()
    copy: CopyState | None = None
    was_run: bool = False
    preprocessing: dict[str, Any] | None = None
    survey: Survey | None = None

    @property
    def name(self) -> str:
        """The file's name; a distributed checkpoint's metadata is called the same everywhere, so its folder's."""
        return self.path.parent.name if self.path.name == METADATA else self.path.name

    @property
    def attachable(self) -> bool:
        """Whether it can be attached: everything fits, or something does and the person is content with that."""
        report = self.match_report
        return report is not None and (report.complete or (self.choices.partial and report.matched > 0))

    @property
    def only_resembles(self) -> bool:
        """No architecture fits, and what is compared, if anything, is just the nearest, which nobody chose."""
        found = self.identification
        if found is None or found.match != "none":
            return False
        nearest = found.candidates[0].architecture if found.candidates else None
        return self.architecture == nearest


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture: ``3 * width * height`` bytes of RGB, and the size of the original in pixels."""

    width: int
    height: int
    rgb: bytes
    original_width: int
    original_height: int


@dataclass(frozen=True, slots=True)
class ImageItem:
    """One image in the strip, or one clip; ``failure`` says why it can't be shown.

    ``preview`` is a larger picture, made for the selected image alone. ``frames`` are the files of a clip that is a
    folder of pictures, in their order; ``path`` is the first of them.
    """

    id: int
    path: Path
    thumbnail: Thumbnail | None = None
    preview: Thumbnail | None = None
    failure: Failure | None = None
    frames: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """The file's name; of a clip that is a folder, the folder's."""
        return self.path.parent.name if self.frames else self.path.name

    @property
    def stem(self) -> str:
        """The name without its suffix, for files that are made of it; a folder's name has none."""
        return self.path.parent.name if self.frames else self.path.stem


@dataclass(frozen=True, slots=True)
class Device:
    """A device the engine can compute on, such as ``"cuda:0"``, with words for the person."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class PicturesState:
    """Pictures with their predictions that are being saved: how many of ``total`` are ``done``, saved or not."""

    folder: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class PythonTrial:
    """A Python that the person chose for the engine and that has not been taken: it is being run, or it failed.

    ``mend`` is the command that mends what ``failure`` says; empty where none does.
    """

    executable: str
    phase: Literal["running", "failed"] = "running"
    failure: Failure | None = None
    mend: str = ""


@dataclass(frozen=True, slots=True)
class PythonList:
    """The Python environments that were found, by their files alone. ``complete`` where the search came to its end."""

    phase: Phase = "none"
    found: tuple[PythonEnvironment, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What makes predictions faster and changes their numbers a little; off unless the person asks for it.

    Attributes
    ----------
    autocast
        ``bf16`` or ``fp16``: convolutions and matrix products are computed in that precision, so that scores differ
        from the third or fourth digit on; empty for none.
    compile
        ``torch.compile``: the first image takes a minute or two, and scores may differ in their last digits.
    """

    autocast: Literal["", "bf16", "fp16"] = ""
    compile: bool = False


@dataclass(frozen=True, slots=True)
class EngineState:
    """The engine process: ``"none"`` before it is started, ``"running"`` while torch is imported, ``"ready"``.

    ``executable`` is the Python it runs on, and ``python`` that one's version once it is known. ``fallback`` says why
    the device stopped working, while the person may agree to the CPU instead (`Session.fall_back_to_cpu`).
    """

    phase: Phase = "none"
    executable: str = ""
    python: str = ""
    torch: str = ""
    torchvision: str = ""
    devices: tuple[Device, ...] = ()
    device: str = "auto"
    failure: Failure | None = None
    fallback: Failure | None = None
    options: EngineOptions = EngineOptions()
