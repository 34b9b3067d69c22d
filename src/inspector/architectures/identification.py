"""Which torchvision architecture a state_dict belongs to, from keys and shapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from inspector.architectures.builders import has_zero_points
from inspector.architectures.collection import catalogue
from inspector.architectures.layouts import Shape
from inspector.architectures.matching import MatchReport, Mismatch, compare
from inspector.architectures.official import Value
from inspector.architectures.shared_names import shared_names
from inspector.architectures.wrappers import Unwrapped, views

Match: TypeAlias = Literal["exact", "head", "part", "none"]

# Modules of the classes that torchvision's builders make; those of quantized twins are others.
_TORCHVISION, _QUANTIZABLE = "torchvision.models.", "torchvision.models.quantization."

_SHORTLIST = 16  # architectures compared key by key; the others share fewer names


@dataclass(frozen=True)
class Candidate:
    """An architecture that a state_dict may belong to.

    Attributes
    ----------
    architecture
        The builder's name.
    score
        How alike both are, 0 to 1; 1 where everything fits.
    matched
        Number of keys with the right shape.
    missing, unexpected, mismatched, num_classes, wrapper, options, reshaped, library, caveat
        As in `MatchReport`.
    twins
        Other builders that make the same keys and shapes, so that no file can tell which of them it comes from:
        a quantized builder and its float twin, unless the file is quantized, and the two Faster R-CNNs on a
        MobileNet. They are candidates of their own, and the plainest is the first.
    """

    architecture: str
    score: float
    matched: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]
    num_classes: int | None
    wrapper: str
    options: dict[str, Value]
    twins: tuple[str, ...] = ()
    reshaped: Mapping[str, Shape] = field(default_factory=dict)
    library: str = ""
    caveat: str = ""

    @property
    def named(self) -> int:
        """Number of keys that the file and the architecture have in common, whatever their shapes."""
        return self.matched + len(self.mismatched)


@dataclass(frozen=True)
class Identification:
    """What a state_dict is.

    Attributes
    ----------
    match
        ``exact`` (all keys and shapes), ``head`` (all but the classifier's size, which was adapted), ``part``
        (at least half of either's tensors are the other's too, or all are but `Candidate.caveat` says that the
        outputs may differ) or ``none`` (mere resemblances).
    official_weights
        For example ``"ResNet18_Weights.IMAGENET1K_V1"``. Keys and shapes cannot tell: None here, and
        filled in by whoever has asked `Catalogue.entries_with` for those of the file's SHA-256.
    candidates
        Best first.
    tensors
        Number of the file's keys.
    """

    match: Match
    official_weights: str | None
    candidates: tuple[Candidate, ...]
    tensors: int = 0

    @property
    def nearest(self) -> Candidate | None:
        """What the file resembles most, where it is no torchvision architecture; None where nothing does.

        `Candidate.named` of its keys, of `tensors`, are called as this one's, ``matched`` of them with its shapes.
        """
        return self.candidates[0] if self.match == "none" and self.candidates else None


def identify(tensors: Mapping[str, Shape], limit: int = 8, class_name: str = "") -> Identification:
    """Rank torchvision's architectures by keys and shapes.

    Among architectures that fit alike, float builders come before quantized twins, and shorter names first; where the
    file tells the model's class, those come first that make such models.

    Parameters
    ----------
    tensors
        Shape of every tensor by the file's own key.
    limit
        The most candidates to return. Where none fits, only those are among them that resemble the file
        (`MatchReport.resembles`): often there is none.
    class_name
        The dotted class of a pickled model, empty where none is known.
    """
    quantizable = class_name.startswith(_QUANTIZABLE) if class_name.startswith(_TORCHVISION) else None
    reports = [compare(view, tensors, name) for name, view in _shortlist(tensors, max(_SHORTLIST, 2 * limit))]
    reports.sort(key=lambda report: _rank(report, bool(quantizable)))
    best = _match(reports[0]) if reports else "none"
    if best == "none":
        reports = [report for report in reports if report.resembles]
    return Identification(
        best, None, tuple(_candidate(report, quantizable) for report in reports[:limit]), len(tensors)
    )


def _shortlist(tensors: Mapping[str, Shape], size: int) -> list[tuple[str, Unwrapped]]:
    """Return the architectures that share most names with the file, each with the view of it that makes it so.

    Of two models in a file, one's names are often among the other's: among such views the smaller one is taken.
    """
    quantized = has_zero_points(tensors)
    found: dict[str, tuple[float, Unwrapped]] = {}
    for view in sorted(views(tensors), key=lambda view: len(view.names)):
        counts = shared_names(view.names.keys(), quantized)
        for name, chosen in catalogue().items() if counts else ():
            shared = max(counts[chosen.layout_name], counts[chosen.converted_layout_name])
            if not shared or (view.spelling and not view.spelling.is_for(name)):
                continue
            share = shared / (len(chosen.layout.tensors) + len(tensors) - shared)
            if name not in found or share > found[name][0]:
                found[name] = share, view
    ranked = sorted(found.items(), key=lambda entry: -entry[1][0])
    return [(name, view) for name, (_, view) in ranked[:size]]


def _match(report: MatchReport) -> Match:
    if report.complete and not report.caveat:
        return "head" if report.adapted else "exact"
    return "part" if report.complete or report.partial else "none"


def _rank(report: MatchReport, quantizable: bool) -> tuple[bool, float, tuple[bool, int, str]]:
    return not report.complete, -report.score, _plainness(report.architecture, quantizable)


def _candidate(report: MatchReport, quantizable: bool | None) -> Candidate:
    """Return a report as a candidate; ``quantizable`` is whether the file's class is of that kind, None for unknown."""
    return Candidate(
        architecture=report.architecture,
        score=report.score,
        matched=len(report.matched),
        missing=report.missing,
        unexpected=report.unexpected,
        mismatched=report.mismatched,
        num_classes=report.num_classes,
        wrapper=report.wrapper,
        options=dict(report.options),
        twins=() if report.options.get("quantize") else _twins(report.architecture, quantizable),
        reshaped=report.reshaped,
        library=report.library,
        caveat=report.caveat,
    )


def _twins(name: str, quantizable: bool | None) -> tuple[str, ...]:
    known = catalogue()
    possible = (twin for twin in known.twins(name) if quantizable in (None, known[twin].quantized))
    return tuple(sorted(possible, key=_plainness))


def _plainness(name: str, quantizable: bool = False) -> tuple[bool, int, str]:
    return catalogue()[name].quantized != quantizable, len(name), name
