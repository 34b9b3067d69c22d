"""The state of finding and comparing architectures: frozen dataclasses, as in `inspector.session.state`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from inspector.session.phase import Phase


@dataclass(frozen=True, slots=True)
class ArchitectureInfo:
    """One row of the catalogue, for lists: a torchvision builder."""

    name: str
    task: str
    quantized: bool
    parameters: int
    num_classes: int | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An architecture that resembles the state_dict, with counts of its keys.

    ``score`` is 1.0 where every key and shape fits; ``num_classes`` is the file's own head's; no file can tell the
    ``twins`` from it.
    """

    architecture: str
    score: float
    matched: int
    missing: int
    unexpected: int
    mismatched: int
    num_classes: int | None
    wrapper: str
    twins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identification:
    """What the chosen state_dict was found to be: ``exact``, ``head``, ``part`` or ``none``; best first."""

    match: Literal["exact", "head", "part", "none"]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class MatchChoices:
    """What the person chose about how a state_dict is compared and attached.

    Attributes
    ----------
    wrapper
        Prefix to take off the keys; None for the one with which most of them agree.
    num_classes
        Classes to build the head for; None for as many as the file's head has.
    renames
        ``(pattern, replacement)``; see `inspector.architectures.renaming.Rename`.
    partial
        What fits is attached although not everything does.
    dtype
        ``"float32"`` to compute in it whatever the file holds; ``"keep"`` for the file's own.
    assumed
        ``(name, value)`` of options that no key shows, where the person chose otherwise than assumed.
    """

    wrapper: str | None = None
    num_classes: int | None = None
    renames: tuple[tuple[str, str], ...] = ()
    partial: bool = False
    dtype: Literal["float32", "keep"] = "float32"
    assumed: tuple[tuple[str, bool | float | str], ...] = ()


@dataclass(frozen=True, slots=True)
class MatchReport:
    """The chosen state_dict against the chosen architecture.

    Attributes
    ----------
    marks
        By tensor index: ``"matched"``, ``"unexpected"`` or ``"mismatched"``.
    targets
        By tensor index: the architecture's key for every matched or mismatched tensor.
    missing, missing_shapes
        Keys of the architecture that the file lacks, and their shapes.
    mismatched
        ``(key, shape expected, shape found)``.
    complete
        Everything fits, so it can be attached strictly.
    wrappers
        Prefixes that can be taken off instead of ``wrapper``; the empty one among them.
    ways_out
        What to do about each mismatched key, as a sentence.
    assumed
        Options of the architecture that no key shows, with the value of its builder.
    library, caveat
        Whose spelling of the keys it is, empty for torchvision's; why outputs may differ all the same, as a sentence.
    reshaped
        The architecture's shape of the keys that the file has in another shape, with the same values in order.
    """

    architecture: str
    task: str
    num_classes: int | None
    wrapper: str
    marks: dict[int, str]
    targets: dict[int, str]
    matched: int
    unexpected: int
    missing: tuple[str, ...]
    mismatched: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    complete: bool
    options: dict[str, Any] = field(default_factory=dict)
    missing_shapes: tuple[tuple[int, ...], ...] = ()
    wrappers: tuple[str, ...] = ()
    ways_out: dict[str, str] = field(default_factory=dict)
    assumed: dict[str, bool | float | str] = field(default_factory=dict)
    reshaped: dict[str, tuple[int, ...]] = field(default_factory=dict)
    library: str = ""
    caveat: str = ""

    @property
    def untrained(self) -> tuple[str, ...]:
        """The architecture's keys for which the file has no weights that fit."""
        return (*self.missing, *(key for key, _, _ in self.mismatched))

    @property
    def fitting(self) -> dict[int, str]:
        """By tensor index: the architecture's key for every tensor that is attached."""
        return {tensor: key for tensor, key in self.targets.items() if self.marks[tensor] == "matched"}


@dataclass(frozen=True, slots=True)
class OfficialCheck:
    """Whether the file is one of torchvision's own, by size, keys and the published checksum.

    Attributes
    ----------
    phase
        ``"running"`` while the file is hashed; ``"none"`` where nothing suggests that it is official.
    progress
        Share that was hashed, 0 to 1.
    entry
        Such as ``"ResNet50_Weights.IMAGENET1K_V2"``; empty where the file is none.
    claimed
        The entry whose file it is called like; empty for none.
    preprocessing, labels, options
        What goes with the entry: used in predictions.
    """

    phase: Phase = "none"
    progress: float = 0.0
    sha256: str = ""
    entry: str = ""
    claimed: str = ""
    preprocessing: dict[str, Any] | None = None
    labels: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_misnamed(self) -> bool:
        """Whether it is called like an official file and is another one."""
        return self.phase == "ready" and self.claimed not in ("", self.entry)

    reshaped: dict[str, tuple[int, ...]] = field(default_factory=dict)
